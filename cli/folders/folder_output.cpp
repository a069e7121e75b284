// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/folder_output.h"

#include "cli/options/output_name.h"

namespace ckmerge::cli {

bool may_be_folder(const std::string& output) {
  return !output.empty() && (is_folder(output) || (!promised_form(output) && promised_elsewhere(output).empty()));
}

RunReport FolderOutput::run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                            const std::vector<std::string>& inputs, const RunOptions& options) const {
  PartialFolder folder(target, inputs, options.replace, options.sync);
  std::vector<std::string> targets;
  for (const FolderFile& file : files()) {
    folder.make_room_for(file.weights);
    targets.push_back(folder.path() + "/" + file.weights);
  }
  RunReport report = ckmerge::run(plan, checkpoints, targets, options);
  write_beside(folder, {.plan = plan, .checkpoints = checkpoints, .report = report, .sync = options.sync});
  folder.put_in_place();
  return report;
}

}  // namespace ckmerge::cli
