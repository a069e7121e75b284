// SPDX-License-Identifier: Apache-2.0
// A graph as people read it: a line for each term, equal terms once.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/recipe/merge_graph.h"

namespace ckmerge {

struct TermLine {
  std::string name;  ///< "t1", "t2", ...;  of what is stored "result", of what rules store instead "other result 1"
  std::string text;  ///< what it is of checkpoints, numbers and the lines before: "A + 0.7*t1"
  TermType type = TermType::checkpoint;
  size_t uses = 0;                ///< how often the lines behind speak of it
  bool needs_statistics = false;  ///< of its operands' tensors, by another pass
};

/// The terms that the result is made of, each behind those it speaks of. `names` are the checkpoints', the last
/// `adapters` of them those of adapters. Where the result is a checkpoint as it was given, it is the only line.
std::vector<TermLine> term_lines(const MergeGraph& graph, std::span<const std::string> names, size_t adapters = 0);

}  // namespace ckmerge
