// SPDX-License-Identifier: Apache-2.0
#include "core/folders/pipeline_files.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "core/folders/component_config.h"
#include "core/inputs/component_places.h"
#include "core/plan/output_files.h"
#include "io/folder/component_files.h"
#include "io/folder/model_folder.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr const char *kDiffusersStem = "diffusion_pytorch_model", *kTransformersStem = "model";

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

// The names of a single component are bare: what it is, is told by them.
ShardedComponent bare(std::span<const Checkpoint> checkpoints) {
  const PlacedComponents placed = placed_components(checkpoints[0]);
  if (placed.components.size() != 1 || !placed.components[0].prefix.empty())
    throw Error(ErrorCode::mismatch, checkpoints[0].path,
                sentence(checkpoints[0].path,
                         ": it cannot be told which components its tensors are, so that they have no place in a "
                         "folder of diffusers; write one file"));
  return {.folder = folder_of(placed.components[0].member)};
}

// By name, so that equal components stand together whatever the order of the steps.
std::vector<ShardedComponent> components_in(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const std::vector<std::string> known = sub_folders(checkpoints);
  std::set<std::string, std::less<>> found;
  for (const Step& step : plan.steps)
    if (const std::string_view component = component_of(name_of(step, checkpoints), known); !found.contains(component))
      found.emplace(component);
  if (found.contains("")) return {bare(checkpoints)};
  std::vector<ShardedComponent> components;
  for (const std::string& component : found) components.push_back({.folder = component, .prefix = component + "."});
  return components;
}

// Whether diffusers reads it, or transformers: as the pipelines that have it say, else as it is called.
bool is_of_diffusers(const std::string& component, std::span<const Checkpoint> checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints) {
    if (!is_pipeline(checkpoint)) continue;
    const std::vector<ModelFolder::Component>& all = checkpoint.folder->components;
    if (const auto found = std::ranges::find(all, component, &ModelFolder::Component::name); found != all.end())
      return found->stem == kDiffusersStem;
  }
  return weights_name(component).starts_with(kDiffusersStem);
}

std::optional<Dtype> dtype_called(std::string_view variant) {
  if (variant == "fp16") return Dtype::F16;
  if (variant == "bf16") return Dtype::BF16;
  if (variant == "fp32") return Dtype::F32;
  return std::nullopt;
}

// The dtype that most bytes of the result have.
Dtype main_dtype_of(const Plan& plan) {
  std::map<Dtype, uint64_t> sizes;
  for (const Step& step : plan.steps) sizes[step.dtype] += step.size;
  const auto most = std::ranges::max_element(sizes, {}, [](const auto& entry) { return entry.second; });
  return most == sizes.end() ? Dtype::F32 : most->first;
}

std::string variant_of(const Plan& plan, const Checkpoint& first) {
  if (!plan.recipe.layout.empty() || !is_pipeline(first)) return "";
  const std::string& variant = first.folder->variant;
  const std::optional<Dtype> said = dtype_called(variant);
  return said && *said != main_dtype_of(plan) ? "" : variant;
}

}  // namespace

ShardedFiles split_into_components(Plan& plan, std::span<const Checkpoint> checkpoints, uint64_t shard_size) {
  std::vector<ShardedComponent> components = components_in(plan, checkpoints);
  const std::string variant = variant_of(plan, checkpoints[0]);
  for (ShardedComponent& component : components) {
    const bool of_diffusers = is_of_diffusers(component.folder, checkpoints);
    component.stem = of_diffusers ? kDiffusersStem : kTransformersStem;
    component.counts_parameters = !of_diffusers;
    component.variant = variant;
  }
  ShardedFiles files = shard(plan, checkpoints, components, shard_size);
  for (const ShardedComponent& component : components) {
    FolderFile& file = *std::ranges::find(files.files, component.folder, &FolderFile::component);
    file.config = component_config(checkpoints[0], component.prefix, file.known);
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
