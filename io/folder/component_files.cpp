// SPDX-License-Identifier: Apache-2.0
// Names as save_pretrained of diffusers 0.42 and transformers 5.24 writes them.
#include "io/folder/component_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "io/folder/common_variant.h"
#include "io/folder/hub_cache.h"
#include "io/folder/path_status.h"
#include "io/folder/pipeline_entries.h"
#include "io/folder/pipeline_index.h"
#include "io/folder/weight_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

// Components of transformers' classes, whose files are called otherwise than those of diffusers.
constexpr auto kOfTransformers = std::to_array<string_view>({"text_encoder", "image_encoder", "safety_checker"});

[[noreturn]] void refuse(ErrorCode code, const std::string& path, const std::string& what) {
  throw Error(code, path, sentence(path, ": ", what));
}

std::vector<std::string> folders_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code unknown;
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.') && entry->is_directory(unknown)) names.push_back(std::move(name));
  }
  if (error) refuse(ErrorCode::io, folder.string(), sentence("cannot be read: ", error.message()));
  std::ranges::sort(names);
  return names;
}

// Where neither config nor names tell, transformers' classes are known by what a pipeline calls them.
FolderKind kind_of_component(const std::string& folder, const std::string& component) {
  const FolderKind kind = kind_of_folder(folder);
  const auto begins = [&](string_view front) { return component.starts_with(front); };
  return kind == FolderKind::plain && std::ranges::any_of(kOfTransformers, begins) ? FolderKind::transformers : kind;
}

// Adds the weights in a sub-folder, or in the folder itself. Returns whether there are some.
bool add_component(const std::string& folder, const std::string& component, FolderKind kind, FolderContents& contents,
                   const std::string& variant = "") {
  const fs::path path = component.empty() ? fs::path(folder) : fs::path(folder) / component;
  FolderWeights weights = folder_weights(path.string(), kind, variant);
  const std::string front = component.empty() ? "" : component + "/";
  for (const std::string& name : weights.left) contents.left.push_back(front + name);
  for (const std::string& note : weights.notes) contents.notes.push_back(front + note);
  if (weights.taken.files.empty()) return false;
  ComponentFiles files{.component = component, .set = std::move(weights.taken), .paths = {}};
  for (const std::string& name : files.set.files) files.paths.push_back((path / name).string());
  contents.components.push_back(std::move(files));
  return true;
}

// The adapter of a folder that has no other weights. Returns whether there is one.
bool add_adapter(const std::string& folder, FolderContents& contents) {
  ComponentFiles files{.component = "", .set = adapter_in(folder), .paths = {}};
  if (files.set.files.empty()) return false;
  for (const std::string& name : files.set.files) files.paths.push_back((fs::path(folder) / name).string());
  contents.left.clear();
  contents.notes.clear();
  contents.components.push_back(std::move(files));
  return true;
}

// PEFT saves an adapter that is not called "default" in a sub-folder of its name.
[[noreturn]] void refuse_folder(const std::string& folder) {
  std::vector<std::string> adapters = folders_in(folder);
  std::erase_if(adapters,
                [&](const std::string& name) { return adapter_in((fs::path(folder) / name).string()).files.empty(); });
  if (adapters.empty())
    refuse(
        ErrorCode::io, folder,
        "is a folder, and none of a model: it has no weights of diffusers or transformers (model.safetensors, "
        "transformer/diffusion_pytorch_model.safetensors) and no adapter of PEFT (adapter_model.safetensors); give a "
        ".safetensors file");
  refuse(ErrorCode::io, folder,
         sentence("is a folder, and none of a model; it has ",
                  adapters.size() == 1 ? "an adapter of PEFT in a folder of its own"
                                       : sentence(adapters.size(), " adapters of PEFT, each in a folder of its own"),
                  ": give ", adapters.size() == 1 ? "" : "one of them, such as ",
                  (fs::path(folder) / adapters[0]).string()));
}

// Whether a sub-folder without weights is that of a component that has some.
bool is_meant(const fs::path& folder, const std::string& name, const std::optional<PipelineIndex>& index) {
  if (const PipelineIndex::Entry* const entry = index ? index->find(name) : nullptr) return has_weights(*entry);
  std::error_code error;
  return is_component_name(name) && fs::exists(folder / name / "config.json", error);
}

// Of those that have weights.
std::vector<ComponentVariants> variants_of(const fs::path& folder, const std::vector<std::string>& components) {
  std::vector<ComponentVariants> found;
  for (const std::string& name : components)
    if (std::vector<std::string> variants = variants_in((folder / name).string()); !variants.empty())
      found.push_back({.component = name, .variants = std::move(variants)});
  return found;
}

void add_missing_folders(const fs::path& folder, const PipelineIndex& index, FolderContents& contents) {
  std::error_code error;
  for (const PipelineIndex::Entry& entry : index.entries)
    if (has_weights(entry) && !fs::is_directory(folder / entry.component, error))
      contents.lacking.push_back(entry.component);
}

}  // namespace

bool is_folder_path(const std::string& path) { return path_status(path) == PathStatus::folder; }

std::string with_folder_name(const std::string& path) {
  std::string name = path;
  while (name.size() > 1 && (name.ends_with('/') || name.ends_with("/."))) name.pop_back();
  const std::string last = fs::path(name).filename().string();
  std::error_code error;
  const fs::path real = last.empty() || last == "." || last == ".." ? fs::canonical(name, error) : fs::path();
  return real.empty() || error ? name : real.string();
}

FolderContents component_files(const std::string& folder) {
  FolderContents contents;
  const fs::path path(folder);
  const bool of_pipeline = path_status((path / "model_index.json").string()) != PathStatus::nothing;
  contents.kind = kind_of_folder(folder);
  // What from_pretrained reads of a folder with a config is the folder's own.
  if (!of_pipeline && contents.kind != FolderKind::plain && add_component(folder, "", contents.kind, contents))
    return contents;
  const std::optional<PipelineIndex> index = pipeline_index(folder);
  std::vector<std::string> components = folders_in(path);
  std::erase_if(components,
                [&](const std::string& name) { return !is_component_name(name) && !(index && index->find(name)); });
  const std::string variant = common_variant(variants_of(path, components), folder);
  for (const std::string& name : components) {
    const FolderKind kind = kind_of_component((path / name).string(), name);
    const bool has_weights = add_component(folder, name, kind, contents, variant);
    if (!has_weights && is_meant(path, name, index)) contents.lacking.push_back(name);
  }
  if (index) add_missing_folders(path, *index, contents);
  if (!contents.components.empty() || of_pipeline) {
    if (contents.components.empty())
      refuse(ErrorCode::io, folder, "is a folder of diffusers without the weights of any component; download them");
    contents.kind = FolderKind::pipeline;
    return contents;
  }
  if (!add_component(folder, "", contents.kind, contents) && !add_adapter(folder, contents)) refuse_folder(folder);
  return contents;
}

std::optional<FolderContents> contents_with(const std::string& path) {
  const fs::path file(path);
  const std::string name = file.filename().string();
  const std::optional<WeightName> told = weight_name(name);
  if (!told || (told->of == 0 && !told->is_index)) return std::nullopt;
  const std::string folder = file.has_parent_path() ? file.parent_path().string() : ".";
  ComponentFiles files{.component = "", .set = set_of(folder, name), .paths = {}};
  if (files.set.files.empty()) return std::nullopt;
  for (const std::string& shard : files.set.files) files.paths.push_back((file.parent_path() / shard).string());
  FolderContents contents;
  contents.kind = kind_of_folder(folder);
  if (!told->is_index && files.paths.size() > 1)
    contents.notes.push_back(sentence(name, " is one of ", counted(files.paths.size(), "shard"),
                                      ", which are taken as the whole that they are"));
  contents.components.push_back(std::move(files));
  return contents;
}

std::vector<WeightsFile> weights_files(const std::string& path) {
  const std::optional<FolderContents> contents =
      is_folder_path(path) ? component_files(snapshot_of(path)) : contents_with(path);
  if (!contents) return {{.name = fs::path(path).filename().string(), .path = path}};
  std::vector<WeightsFile> files;
  for (const ComponentFiles& component : contents->components)
    for (size_t i = 0; i < component.paths.size(); ++i)
      files.push_back({.name = (component.component.empty() ? "" : component.component + "/") + component.set.files[i],
                       .path = component.paths[i]});
  return files;
}

std::string weights_name(const std::string& component) {
  const auto begins = [&](std::string_view front) { return component.starts_with(front); };
  return std::ranges::any_of(kOfTransformers, begins) ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
}

}  // namespace ckmerge
