// SPDX-License-Identifier: Apache-2.0
// Tensors that find no partner of their name: whether another checkpoint has the same tensors under other names, so
// that a merge by names would leave them out.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"
#include "io/text/error.h"

namespace ckmerge {

class Partners {
 public:
  explicit Partners(std::span<const Checkpoint> merged) : checkpoints_(merged), lacking_(merged.size()) {}

  /// Takes a name that is merged: its row in each checkpoint, or NameWalk::kAbsent.
  void visit(std::span<const uint32_t> rows);

  /// Whether a name of the first checkpoint is not in checkpoint `k`, and the other way round.
  bool first_has_more(size_t k) const { return !lacking_[k].of_first.empty(); }
  bool other_has_more(size_t k) const { return !lacking_[k].of_other.empty(); }

  struct Verdict {
    std::vector<Error> faults;  ///< mismatch, with the spellings side by side
    std::vector<std::string> warnings;
  };

  /// When all names were taken. Looks at weights alone, not at integers, averages and what training left. The tensors
  /// that lack a partner on either side are the same under other names where there are at least six of them on one side
  /// and a twentieth of the first checkpoint's tensors or of its elements, and
  ///   - nine in ten of both sides have the same shapes, or both have the same number of elements (within a hundredth,
  ///     so that fused and stacked tensors count); or
  ///   - nine in ten of the smaller side have shapes of the other, and are half of the smaller file.
  /// Where none of it holds, and yet they are most of both checkpoints, they are told likewise.
  /// Fewer are warned of where a swap of prefixes makes half of the other checkpoint's names those of the first.
  /// What a swap of prefixes explains and is less than half of the first checkpoint is warned of, everything else is a
  /// fault, or a warning where `recipe` adds what the first checkpoint lacks.
  Verdict judge(const Recipe& recipe) const;

 private:
  struct Lacking {
    std::vector<uint32_t> of_first, of_other;  // rows that the other lacks
  };
  void judge_one(const Recipe& recipe, size_t k, Verdict& verdict) const;

  std::span<const Checkpoint> checkpoints_;
  std::vector<Lacking> lacking_;  // by checkpoint; that of the first is empty
};

}  // namespace ckmerge
