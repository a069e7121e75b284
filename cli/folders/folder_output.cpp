// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include "cli/folders/config_files.h"
#include "cli/options/output_name.h"
#include "io/folder/component_files.h"

namespace ckmerge::cli {

bool may_be_folder(const std::string& output) {
  return !output.empty() && (is_folder(output) || (!promised_form(output) && promised_elsewhere(output).empty()));
}

std::string with_own_name(const std::string& output) {
  const std::string_view last = std::string_view(output).substr(0, output.find_last_not_of('/') + 1);
  const bool is_dot = last == "." || last == ".." || last.ends_with("/.") || last.ends_with("/..");
  return is_dot ? with_folder_name(output) + "/" : output;
}

namespace {

// Where the folder lies until it is in place is nobody's business.
std::string with_target(std::string text, const std::string& partial, const std::string& target) {
  for (size_t at = 0; (at = text.find(partial, at)) != std::string::npos; at += target.size())
    text.replace(at, partial.size(), target);
  return text;
}

}  // namespace

UnfinishedFolder::UnfinishedFolder(const FolderOutput& output, const std::string& target,
                                   const std::vector<std::string>& inputs, const RunOptions& options)
    : output_(output), target_(target), sync_(options.sync), folder_(target, inputs, options.replace, options.sync) {
  for (const FolderFile& file : output.files()) {
    folder_.make_room_for(file.weights);
    targets_.push_back(folder_.path() + "/" + file.weights);
  }
}

void UnfinishedFolder::finish(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunReport& report) {
  output_.write_beside(folder_, {.plan = plan, .checkpoints = checkpoints, .report = report, .sync = sync_});
  folder_.put_in_place();
}

Error UnfinishedFolder::named(const Error& error) const {
  const std::string name = target_.substr(0, target_.find_last_not_of('/') + 1);
  return Error(error.code(), with_target(error.where(), folder_.path(), name),
               with_target(error.what(), folder_.path(), name), error.details());
}

std::vector<RunReport> run_into(std::deque<UnfinishedFolder>& folders, std::span<const PlannedRun> runs,
                                std::span<const Checkpoint> checkpoints, const RunOptions& options) {
  RunOptions inside = options;
  inside.sync_folders = false;
  try {
    std::vector<RunReport> reports = ckmerge::run(runs, checkpoints, inside);
    for (size_t k = 0; k < folders.size(); ++k) folders[k].finish(*runs[k].plan, checkpoints, reports[k]);
    return reports;
  } catch (const Error& error) {
    Error named = error;
    for (const UnfinishedFolder& folder : folders) named = folder.named(named);
    throw named;
  }
}

RunReport FolderOutput::run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                            const std::vector<std::string>& inputs, const RunOptions& options) const {
  std::deque<UnfinishedFolder> folders;
  folders.emplace_back(*this, target, inputs, options);
  const PlannedRun one{.plan = &plan, .targets = folders.front().targets()};
  return std::move(run_into(folders, {&one, 1}, checkpoints, options).front());
}

void FolderOutput::write_indexes(const PartialFolder& folder, const Written& written, const ShardedFiles& sharded) {
  for (const ShardIndex& index : sharded.indexes)
    write_text(folder.path() + "/" + index.path, index_text(written.plan, written.checkpoints, sharded.files, index),
               written.sync);
}

}  // namespace ckmerge::cli
