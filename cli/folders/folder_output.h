// SPDX-License-Identifier: Apache-2.0
// An output that is a folder: its weights, which are the plan's files, and what lies beside them. It is there as a
// whole or not at all.
#pragma once

#include <deque>
#include <span>
#include <string>
#include <vector>

#include "core/ckmerge.h"
#include "core/folders/folder_file.h"
#include "core/folders/sharding.h"
#include "io/folder/partial_folder.h"

namespace ckmerge::cli {

/// Whether an output of this name can be a folder: it names one, or no form of a file.
bool may_be_folder(const std::string& output);

/// `output`, but for `.` and `..` at its end, which cannot be renamed: the folder's own path, with a slash.
std::string with_own_name(const std::string& output);

class FolderOutput {
 public:
  FolderOutput() = default;
  FolderOutput(const FolderOutput&) = delete;
  FolderOutput& operator=(const FolderOutput&) = delete;
  virtual ~FolderOutput() = default;

  /// The files of the plan, which was laid out in them.
  virtual std::span<const FolderFile> files() const = 0;
  /// A sentence for each thing that programs will miss in the folder.
  virtual std::vector<std::string> warnings() const = 0;
  /// What lies beside the weights of A, by path.
  virtual std::span<const BesideFile> beside() const { return {}; }
  /// Bytes of what is written beside the weights, as far as they count.
  virtual uint64_t size_beside() const { return 0; }

  /// Writes the folder, which is there as a whole when this returns. Throws as ckmerge::run() does.
  RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                const std::vector<std::string>& inputs, const RunOptions& options) const;

 protected:
  friend class UnfinishedFolder;
  /// What of it is known when the plan has been carried out.
  struct Written {
    const Plan& plan;
    std::span<const Checkpoint> checkpoints;
    const RunReport& report;
    bool sync = true;
  };
  virtual void write_beside(const PartialFolder& folder, const Written& written) const = 0;
  /// To be written last, since readers that find one take the shards for complete.
  static void write_indexes(const PartialFolder& folder, const Written& written, const ShardedFiles& sharded);
};

/// A folder while the files of its plan are made. It goes away where finish() does not return.
class UnfinishedFolder {
 public:
  /// Throws as PartialFolder does.
  UnfinishedFolder(const FolderOutput& output, const std::string& target, const std::vector<std::string>& inputs,
                   const RunOptions& options);

  /// Where the files of the plan are to be written.
  std::span<const std::string> targets() const { return targets_; }
  /// When they are: writes what lies beside them, and puts all in place.
  void finish(const Plan& plan, std::span<const Checkpoint> checkpoints, const RunReport& report);
  /// `error` with the folder's own name in place of that which it has until then.
  Error named(const Error& error) const;

 private:
  const FolderOutput& output_;
  const std::string target_;
  const bool sync_;
  PartialFolder folder_;
  std::vector<std::string> targets_;
};

/// Makes the folders, whose plans `runs` are, from one reading of the inputs, and puts them in place when the weights
/// of all are there. Throws as ckmerge::run() does.
std::vector<RunReport> run_into(std::deque<UnfinishedFolder>& folders, std::span<const PlannedRun> runs,
                                std::span<const Checkpoint> checkpoints, const RunOptions& options);

}  // namespace ckmerge::cli
