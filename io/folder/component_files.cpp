// SPDX-License-Identifier: Apache-2.0
// Names as save_pretrained of diffusers 0.42 and transformers 5.24 writes them, and what their loaders look for.
#include "io/folder/component_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "io/folder/pipeline_entries.h"
#include "io/folder/pipeline_index.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

// The better first: a loader takes the first that is there.
constexpr auto kStems = std::to_array<string_view>({"diffusion_pytorch_model", "model", "pytorch_model"});
constexpr auto kExtensions = std::to_array<string_view>({".safetensors", ".bin"});

constexpr string_view kAdapter = "adapter_model.safetensors";

// Components of transformers' classes, whose files are called otherwise than those of diffusers.
constexpr auto kOfTransformers = std::to_array<string_view>({"text_encoder", "image_encoder", "safety_checker"});

[[noreturn]] void refuse(ErrorCode code, const std::string& path, const std::string& what) {
  throw Error(code, path, sentence(path, ": ", what));
}

std::vector<std::string> names_in(const fs::path& folder, bool folders) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    std::error_code unknown;
    const bool wanted = folders ? entry->is_directory(unknown) : entry->is_regular_file(unknown);
    if (wanted && !name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) refuse(ErrorCode::io, folder.string(), sentence("cannot be read: ", error.message()));
  std::ranges::sort(names);
  return names;
}

// "model-00001-of-00003.safetensors".
bool is_shard(string_view name) { return name.find("-of-") != string_view::npos; }

bool is_weights(string_view name, string_view stem, string_view extension) {
  return name.starts_with(stem) && name.ends_with(extension) && name.size() >= stem.size() + extension.size() &&
         !is_shard(name) && (name.size() == stem.size() + extension.size() || name[stem.size()] == '.');
}

// Of one extension: that without a variant (fp16) before those with one.
std::vector<std::string> weights_among(const std::vector<std::string>& names, string_view extension) {
  std::vector<std::string> found;
  for (const string_view stem : kStems)
    for (const std::string& name : names)
      if (is_weights(name, stem, extension)) found.push_back(name);
  std::ranges::stable_sort(found, {}, &std::string::size);
  return found;
}

bool in_shards(const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [](const std::string& name) {
    return name.ends_with(".index.json") || (is_shard(name) && name.find("model") != std::string::npos);
  });
}

// Of a cache from which the file is gone, or to which it has not come yet.
void expect_no_dangling_link(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto is_of = [&](string_view extension) {
      return std::ranges::any_of(kStems, [&](string_view stem) { return is_weights(name, stem, extension); });
    };
    std::error_code unknown;
    if (entry->is_symlink(unknown) && !entry->exists(unknown) && std::ranges::any_of(kExtensions, is_of))
      refuse(ErrorCode::io, entry->path().string(),
             "is a link to a file that is not there; complete the download, or give a whole copy of the folder");
  }
}

// A loader of diffusers takes the shards, one of transformers the file.
void expect_one_set(const fs::path& folder, const std::string& taken, const std::vector<std::string>& names) {
  const std::string index = taken + ".index.json";
  if (std::ranges::find(names, index) != names.end() && taken.starts_with(kStems[0]))
    refuse(ErrorCode::mismatch, folder.string(),
           sentence("holds ", taken, " and, by ", index,
                    ", the same in several shards, which are what diffusers reads; "
                    "remove those that are not meant"));
}

// The file that is taken, empty where there is none; what lies beside it is noted.
std::string weights_in(const fs::path& folder, const std::string& component, FolderContents& contents) {
  expect_no_dangling_link(folder);
  const std::vector<std::string> names = names_in(folder, false);
  std::vector<std::string> found;
  for (const string_view extension : kExtensions)
    for (std::string& name : weights_among(names, extension)) found.push_back(std::move(name));
  if (found.empty() && in_shards(names))
    refuse(ErrorCode::mismatch, folder.string(),
           "its weights lie in several shards, which are not read from a folder yet; put them into one file first "
           "(save_pretrained with a max_shard_size that none exceeds)");
  if (found.empty()) return "";
  expect_one_set(folder, found[0], names);
  for (const std::string& name : names)
    if (is_shard(name) && name.ends_with(fs::path(found[0]).extension().string())) found.push_back(name);
  if (std::ranges::find(names, kAdapter) != names.end())
    contents.notes.push_back(sentence(component.empty() ? "" : component + "/", kAdapter,
                                      " is not taken: an adapter, which transformers puts on the weights as it reads "
                                      "them; merge it into them before (merge_and_unload of peft)"));
  for (size_t i = 1; i < found.size(); ++i)
    contents.notes.push_back(
        sentence(component.empty() ? "" : component + "/", found[i], " is not taken: ", found[0], " lies beside it"));
  return (folder / found[0]).string();
}

// Whether a sub-folder without weights is that of a component that has some.
bool is_meant(const fs::path& folder, const std::string& name, const std::optional<PipelineIndex>& index) {
  if (const PipelineIndex::Entry* const entry = index ? index->find(name) : nullptr) return has_weights(*entry);
  std::error_code error;
  return is_component_name(name) && fs::exists(folder / name / "config.json", error);
}

void add_missing_folders(const fs::path& folder, const PipelineIndex& index, FolderContents& contents) {
  std::error_code error;
  for (const PipelineIndex::Entry& entry : index.entries)
    if (has_weights(entry) && !fs::is_directory(folder / entry.component, error))
      contents.lacking.push_back(entry.component);
}

}  // namespace

bool is_folder_path(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

std::string with_folder_name(const std::string& path) {
  std::string name = path;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  const std::string last = fs::path(name).filename().string();
  std::error_code error;
  const fs::path real = last.empty() || last == "." || last == ".." ? fs::canonical(name, error) : fs::path();
  return real.empty() || error ? name : real.string();
}

FolderContents component_files(const std::string& folder) {
  FolderContents contents;
  const fs::path path(folder);
  std::error_code error;
  const bool of_pipeline = fs::exists(path / "model_index.json", error);
  const std::optional<PipelineIndex> index = pipeline_index(folder);
  for (const std::string& name : names_in(path, true)) {
    if (!is_component_name(name) && !(index && index->find(name))) continue;
    const std::string file = weights_in(path / name, name, contents);
    if (!file.empty())
      contents.components.push_back({.component = name, .paths = {file}});
    else if (is_meant(path, name, index))
      contents.lacking.push_back(name);
  }
  if (index) add_missing_folders(path, *index, contents);
  if (!contents.components.empty() || of_pipeline) {
    if (contents.components.empty())
      refuse(ErrorCode::io, folder, "is a folder of diffusers without the weights of any component; download them");
    return contents;
  }
  if (const std::string file = weights_in(path, "", contents); !file.empty())
    contents.components.push_back({.component = "", .paths = {file}});
  if (contents.components.empty())
    refuse(ErrorCode::io, folder,
           "is a folder, and none of a model: it has no weights of diffusers or transformers "
           "(transformer/diffusion_pytorch_model.safetensors); give a .safetensors file");
  return contents;
}

std::string weights_name(const std::string& component) {
  const auto begins = [&](std::string_view front) { return component.starts_with(front); };
  return std::ranges::any_of(kOfTransformers, begins) ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
}

}  // namespace ckmerge
