// SPDX-License-Identifier: Apache-2.0
// What other models call the tensors of the first: a filter is written by the names that somebody saw in one of them.
// By names alone, since nothing is merged here: runs of layers stand for each other, else one name ends in the other.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/mergekit/merge_tree.h"

namespace ckmerge {

class OtherSpellings {
 public:
  /// `trees` outlives it.
  explicit OtherSpellings(const MergeTrees& trees) : trees_(trees) {}

  /// Of a whole name of the first input, each other spelling once.
  std::vector<std::string> of(std::string_view name) const;

 private:
  // Names that the first input has not, by their last two components.
  using Strangers = std::multimap<std::string_view, std::string_view>;
  std::string in_run(size_t input, std::string_view name) const;
  std::string by_end(size_t input, std::string_view name) const;
  const Strangers& strangers(size_t input) const;

  const MergeTrees& trees_;
  mutable std::map<size_t, Strangers> strangers_;  // of those inputs that were asked for
};

}  // namespace ckmerge
