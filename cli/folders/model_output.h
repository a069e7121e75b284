// SPDX-License-Identifier: Apache-2.0
// An output that is a model's folder, as A is one: its weights in one file or in shards with an index, and what lies
// beside them.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/folders/carried_files.h"
#include "cli/folders/folder_output.h"
#include "core/folders/model_card.h"
#include "core/folders/sharding.h"

namespace ckmerge::cli {

struct ModelOutputOptions {
  std::optional<std::string> config_from = {};  ///< the folder that is taken for A's, for all that lies beside weights
  uint64_t shard_size = kShardSize;
  bool copy_code = false;
};

class ModelOutput final : public FolderOutput {
 public:
  /// Lays `plan` out in files. Throws Error(io | malformed) for what lies beside A's weights; Error(usage) for a folder
  /// to take configs from that has none, Error(mismatch) where it is of a model of other sizes.
  ModelOutput(Plan& plan, std::span<const Checkpoint> checkpoints, ModelChanges changes, const ModelOutputOptions& how);

  std::span<const FolderFile> files() const override { return sharded_.files; }
  std::vector<std::string> warnings() const override;
  std::span<const BesideFile> beside() const override { return carried_->beside(); }
  uint64_t size_beside() const override { return carried_->size(); }

 private:
  void write_beside(const PartialFolder& folder, const Written& written) const override;

  ModelChanges changes_;
  ShardedFiles sharded_;
  std::optional<CarriedFiles> carried_;  // when the plan is laid out
  CardFacts card_;
  bool is_bare_ = false;  // A is no folder
};

/// What the cards (README.md) of all of `checkpoints` say alike of the licence; nothing where one has none.
std::vector<std::pair<std::string, std::string>> common_licence(std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge::cli
