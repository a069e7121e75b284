// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include "cli/folders/config_files.h"
#include "cli/options/output_name.h"
#include "cli/system/system.h"
#include "cli/system/text.h"
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

void expect_room_for_files(size_t files) {
  constexpr size_t kEach = 2, kOthers = 32;  // a file and its folder; inputs have a quarter (io/file/descriptor_pool)
  const uint64_t most = most_open_files();
  if (files < kOthers || files * kEach + kOthers <= most - most / 4) return;
  throw Error(ErrorCode::resources, "open files",
              counted(files, "file") + " cannot be written at once by a process that may have " +
                  counted(most, "open file") + "; give a larger --shard-size, or raise its limit (ulimit -n)");
}

namespace {

// Where the folder lies until it is in place is nobody's business.
std::string with_target(std::string text, const std::string& partial, const std::string& target) {
  for (size_t at = 0; (at = text.find(partial, at)) != std::string::npos; at += target.size())
    text.replace(at, partial.size(), target);
  return text;
}

}  // namespace

RunReport FolderOutput::run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                            const std::vector<std::string>& inputs, const RunOptions& options) const {
  PartialFolder folder(target, inputs, options.replace, options.sync);
  std::vector<std::string> targets;
  for (const FolderFile& file : files()) {
    folder.make_room_for(file.weights);
    targets.push_back(folder.path() + "/" + file.weights);
  }
  RunOptions inside = options;
  inside.sync_folders = false;
  try {
    RunReport report = ckmerge::run(plan, checkpoints, targets, inside);
    write_beside(folder, {.plan = plan, .checkpoints = checkpoints, .report = report, .sync = options.sync});
    folder.put_in_place();
    return report;
  } catch (const Error& error) {
    const std::string name = target.substr(0, target.find_last_not_of('/') + 1);
    throw Error(error.code(), with_target(error.where(), folder.path(), name),
                with_target(error.what(), folder.path(), name), error.details());
  }
}

void FolderOutput::write_indexes(const PartialFolder& folder, const Written& written, const ShardedFiles& sharded) {
  for (const ShardIndex& index : sharded.indexes)
    write_text(folder.path() + "/" + index.path, index_text(written.plan, written.checkpoints, sharded.files, index),
               written.sync);
}

}  // namespace ckmerge::cli
