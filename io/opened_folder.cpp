// SPDX-License-Identifier: Apache-2.0
#include "io/opened_folder.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "io/adapter_config.h"
#include "io/folder/component_files.h"
#include "io/folder/joined_components.h"
#include "io/folder/shard_check.h"
#include "io/input_forms.h"
#include "io/opened_file.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;

// Shards are one checkpoint before their names are mended, so that what belongs together is seen together.
Checkpoint open_set(const ComponentFiles& files, const std::string& folder, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = folder;
  if (files.paths.size() == 1 && files.set.index.empty())
    checkpoint = read_file(InputFile(files.paths[0]), files.paths[0], options);
  else {
    checkpoint.form = &folder_form();
    for (const std::string& path : files.paths) add_shard(checkpoint, read_file(InputFile(path), path, options));
    expect_each_tensor_once(checkpoint);
    if (files.set.listed) {
      const std::string index = (fs::path(files.paths[0]).parent_path() / files.set.index).string();
      for (std::string& note : check_index(*files.set.listed, index, checkpoint))
        checkpoint.notes.push_back(std::move(note));
    }
  }
  if (!options.as_stored) naming(checkpoint.path, [&] { take_names(checkpoint, options); });
  return checkpoint;
}

bool is_pickled(const ComponentFiles& files) { return files.set.extension != ".safetensors"; }

Checkpoint open_contents(const std::string& path, const FolderContents& contents, const OpenOptions& options) {
  Checkpoint checkpoint;
  auto folder = std::make_shared<ModelFolder>();
  folder->path = checkpoint.path = with_folder_name(path);
  folder->kind = contents.kind;
  folder->left = contents.left;
  folder->lacking = contents.lacking;
  checkpoint.form = &folder_form();
  for (const ComponentFiles& files : contents.components) {
    folder->components.push_back({.name = files.component,
                                  .stem = files.set.stem,
                                  .variant = files.set.variant,
                                  .index = files.set.index,
                                  .first_shard = static_cast<uint32_t>(checkpoint.shards.size()),
                                  .shards = static_cast<uint32_t>(files.paths.size())});
    folder->pickled |= is_pickled(files);
    add_component(checkpoint, open_set(files, checkpoint.path, options), files.component);
  }
  folder->stem = folder->components[0].stem;
  for (const ModelFolder::Component& component : folder->components)
    if (folder->variant.empty()) folder->variant = component.variant;
  checkpoint.folder = std::move(folder);
  if (!checkpoint.tensors.sort_by_name().empty())
    throw Error(ErrorCode::malformed, path, path + ": two of its files have a tensor of the same name");
  for (const std::string& note : contents.notes) checkpoint.notes.push_back(note);
  if (options.as_stored)
    for (const std::string& lacking : contents.lacking) checkpoint.notes.push_back("has no weights of " + lacking);
  if (checkpoint.judgement.holds == Holds::weights)  // a pickle's reader knows of codes that are no tensors
    checkpoint.judgement = judge(checkpoint.tensors, checkpoint.metadata);
  judge_by_adapter_config(checkpoint);
  return checkpoint;
}

}  // namespace

Checkpoint open_folder(const std::string& path, const OpenOptions& options) {
  return open_contents(path, component_files(path), options);
}

std::optional<Checkpoint> open_whole(const std::string& path, const OpenOptions& options) {
  const std::optional<FolderContents> contents = contents_with(path);
  if (!contents) return std::nullopt;
  const fs::path folder = fs::path(path).parent_path();
  return open_contents(folder.empty() ? "." : folder.string(), *contents, options);
}

}  // namespace ckmerge
