// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/carried_pipeline.h"

#include <algorithm>
#include <utility>

#include "cli/folders/config_files.h"
#include "cli/system/text.h"
#include "io/folder/model_folder.h"
#include "io/folder/pipeline_entries.h"
#include "io/folder/side_files.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kIndex = "model_index.json";

bool is_component_of(const Checkpoint& checkpoint, const std::string& component) {
  const std::vector<std::string> components = components_of(checkpoint);
  return std::ranges::find(components, component) != components.end();
}

}  // namespace

CarriedPipeline::CarriedPipeline(std::span<const Checkpoint> checkpoints, std::span<const FolderFile> components,
                                 bool copy_code)
    : folder_(checkpoints[0].folder->path),
      copy_code_(copy_code),
      components_(components),
      index_(pipeline_index(folder_)) {
  for (const SideFile& file : side_files(folder_))
    if (file.path.ends_with('/'))
      take_own(file.path.substr(0, file.path.size() - 1));
    else if (file.path != kIndex)
      take_file(file);
  complete(checkpoints.subspan(1));
  change_index();
}

bool CarriedPipeline::has(const std::string& component) const {
  return std::ranges::find(components_, component, &FolderFile::component) != components_.end();
}

// Of a component without weights nothing is carried, since programs would look for them.
void CarriedPipeline::take_own(const std::string& name) {
  const PipelineIndex::Entry* const entry = index_ ? index_->find(name) : nullptr;
  if (has(name)) return take(name, folder_);
  if (entry ? has_weights(*entry) : is_component_name(name))
    beside_.push_back({.path = name + "/", .left = "its weights are not in the result"});
  else if (entry || is_pipeline_folder(name))
    take(name, folder_);
  else
    beside_.push_back({.path = name + "/", .left = std::string(reason(SideKind::other))});
}

void CarriedPipeline::take_file(const SideFile& file) {
  if (file.kind == SideKind::card) return;  // made anew
  const bool is_taken = file.kind == SideKind::carried || (file.kind == SideKind::code && copy_code_);
  if (is_taken) copies_.push_back(file);
  std::string left(is_taken ? "" : reason(file.kind));
  if (!is_taken && left.empty()) left = reason(SideKind::other);
  beside_.push_back({.path = file.path, .left = std::move(left)});
}

void CarriedPipeline::take(const std::string& name, const std::string& from) {
  Carrying how{.from = from + "/" + name, .to = name, .copy_code = copy_code_};
  for (const FolderFile& file : components_)
    if (file.component == name) how.config = {.dtype = file.dtype, .is_plain = file.is_plain};
  CarriedFiles files(std::move(how), {});
  for (const BesideFile& file : files.beside()) beside_.push_back({.path = name + "/" + file.path, .left = file.left});
  warnings_.insert(warnings_.end(), files.warnings().begin(), files.warnings().end());
  sub_folders_.push_back({.name = name, .from = from, .files = std::move(files)});
}

// Components that A has none of.
void CarriedPipeline::complete(std::span<const Checkpoint> others) {
  for (const FolderFile& file : components_) {
    const auto is_it = [&](const SubFolder& folder) { return folder.name == file.component; };
    const auto has_it = [&](const Checkpoint& other) { return is_component_of(other, file.component); };
    const bool is_own = std::ranges::any_of(sub_folders_, is_it);
    const auto other = std::ranges::find_if(others, has_it);
    if (!is_own && other != others.end()) take(file.component, other->folder->path);
    const PipelineIndex::Entry* const own = index_ ? index_->find(file.component) : nullptr;
    if (!index_ || (own && !own->class_name.empty())) continue;
    const auto index = other == others.end() ? std::nullopt : pipeline_index(other->folder->path);
    const PipelineIndex::Entry* const entry = index ? index->find(file.component) : nullptr;
    if (entry && !entry->class_name.empty())
      entries_.push_back(*entry);
    else
      warnings_.push_back(folder_ + "/" + kIndex + " does not name " + file.component +
                          ": programs will load the pipeline without");
  }
}

// A program that finds a component in the index looks for its weights, and ends where it finds none.
void CarriedPipeline::change_index() {
  if (!index_) {
    warnings_.push_back(folder_ + " has no " + kIndex + ": the components can be loaded one by one, not as a pipeline");
    return;
  }
  std::vector<std::string> lacking;
  for (const PipelineIndex::Entry& entry : index_->entries)
    if (has_weights(entry) && !has(entry.component)) {
      lacking.push_back(entry.component);
      entries_.push_back({.component = entry.component, .class_name = {}, .library = {}});
    }
  if (!lacking.empty())
    warnings_.push_back("the result has no weights of " + joined(lacking, ", ") + ", which " + folder_ + "/" + kIndex +
                        " names: that of the result goes without, and programs may ask for what lacks");
  index_text_ = index_->with(entries_);
  beside_.push_back({.path = kIndex});
}

std::string CarriedPipeline::source_of_config(const std::string& component) const {
  for (const SubFolder& folder : sub_folders_)
    if (folder.name == component && folder.files.has("config.json")) return folder.from;
  return "";
}

uint64_t CarriedPipeline::size() const {
  uint64_t size = index_text_ ? index_text_->size() : 0;
  for (const SubFolder& folder : sub_folders_) size += folder.files.size();
  for (const SideFile& file : copies_) size += file.size;
  return size;
}

void CarriedPipeline::write_into(const PartialFolder& target, bool sync) const {
  for (const SubFolder& folder : sub_folders_) folder.files.write_into(target, sync);
  for (const SideFile& file : copies_) copy_file(folder_ + "/" + file.path, target.path() + "/" + file.path, sync);
  if (index_text_) write_text(target.path() + "/" + kIndex, *index_text_, sync);
}

}  // namespace ckmerge::cli
