// SPDX-License-Identifier: Apache-2.0
#include "core/folders/pipeline_files.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "core/folders/component_config.h"
#include "core/folders/stored_dtypes.h"
#include "core/inputs/component_places.h"
#include "core/plan/output_files.h"
#include "io/folder/component_files.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string_view name_of(const Step& step, std::span<const Checkpoint> checkpoints) {
  return checkpoints[step.named.checkpoint].tensors.name(step.named.tensor);
}

// Sub-folders of the inputs that are folders: a result has them too, whatever they hold.
std::vector<std::string> sub_folders(std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> found;
  for (const Checkpoint& checkpoint : checkpoints)
    for (std::string& component : components_of(checkpoint)) found.push_back(std::move(component));
  return found;
}

// Empty where the name has no component in front.
std::string_view component_of(std::string_view name, std::span<const std::string> sub_folders) {
  const std::string_view front = name.substr(0, std::min(name.find('.'), name.size()));
  const bool is_component = member_of_folder(front) || std::ranges::find(sub_folders, front) != sub_folders.end();
  return front.size() < name.size() && is_component ? front : std::string_view();
}

struct Split {
  std::vector<std::string> components;  // sub-folders, by name
  std::vector<FileContents> files;
};

// The names of a single component are bare: what it is, is told by them.
Split bare(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const PlacedComponents placed = placed_components(checkpoints[0]);
  if (placed.components.size() != 1 || !placed.components[0].prefix.empty())
    throw Error(ErrorCode::mismatch, checkpoints[0].path,
                sentence(checkpoints[0].path,
                         ": it cannot be told which components its tensors are, so that they have no place in a "
                         "folder of diffusers; write one file"));
  Split split{.components = {folder_of(placed.components[0].member)}, .files = {{.steps = {}}}};
  for (size_t i = 0; i < plan.steps.size(); ++i) split.files[0].steps.push_back(static_cast<uint32_t>(i));
  return split;
}

// By name, so that equal components stand together whatever the order of the steps.
Split by_component(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const std::vector<std::string> known = sub_folders(checkpoints);
  std::map<std::string, std::vector<uint32_t>, std::less<>> found;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const std::string_view component = component_of(name_of(plan.steps[i], checkpoints), known);
    auto at = found.find(component);
    if (at == found.end()) at = found.emplace(component, std::vector<uint32_t>()).first;
    at->second.push_back(static_cast<uint32_t>(i));
  }
  if (found.contains("")) return bare(plan, checkpoints);
  Split split;
  for (auto& [component, steps] : found) {
    split.components.push_back(component);
    split.files.push_back({.steps = std::move(steps), .prefix = component + "."});
  }
  return split;
}

}  // namespace

std::vector<FolderFile> split_into_components(Plan& plan, std::span<const Checkpoint> checkpoints) {
  const Split split = by_component(plan, checkpoints);
  lay_out_files(plan, checkpoints, split.files);
  std::vector<FolderFile> files;
  for (size_t k = 0; k < split.components.size(); ++k) {
    files.push_back({.component = split.components[k],
                     .weights = split.components[k] + "/" + weights_name(split.components[k]),
                     .config = component_config(checkpoints[0], split.files[k].prefix)});
    tell_dtypes(plan, k, files.back());
  }
  return files;
}

void expect_one_component(Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& output) {
  if (plan.steps.empty()) return;
  const std::vector<std::string> known = sub_folders(checkpoints);
  const std::string_view first = component_of(name_of(plan.steps[0], checkpoints), known);
  const auto is_of_first = [&](const Step& step) { return component_of(name_of(step, checkpoints), known) == first; };
  if (!std::ranges::all_of(plan.steps, is_of_first))
    throw Error(ErrorCode::usage, "--layout",
                sentence("--layout diffusers: the result has several components (", first,
                         " and others), which diffusers reads from a folder, not from one file; give a folder as OUT",
                         output.empty() ? std::string(" (-o out/)") : sentence(", not ", output),
                         ", without --sweep and --filename-prefix"));
  if (first.empty()) return;
  FileContents file{.steps = std::vector<uint32_t>(plan.steps.size()), .prefix = std::string(first) + "."};
  std::iota(file.steps.begin(), file.steps.end(), 0);
  lay_out_files(plan, checkpoints, {&file, 1});
}

}  // namespace ckmerge
