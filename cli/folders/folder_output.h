// SPDX-License-Identifier: Apache-2.0
// An output that is a folder: its weights, which are the plan's files, and what lies beside them. It is there as a
// whole or not at all.
#pragma once

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

/// Throws Error(resources) where a process may not have that many files of an output open at once.
void expect_room_for_files(size_t files);

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

}  // namespace ckmerge::cli
