// SPDX-License-Identifier: Apache-2.0
// Numbers of single modules in PEFT's configs, by patterns of their names (rank_pattern, alpha_pattern).
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/names/name_pattern.h"

namespace ckmerge {

/// The first key that matches counts, as a regular expression of the whole name or of all behind one of its dots.
class NumberPatterns {
 public:
  /// Throws Error(malformed), a clause, for a key that RE2 does not understand, and for more than any config has.
  void add(const std::string& key, double number);
  std::optional<double> find(std::string_view name) const;
  bool empty() const { return numbers_.empty(); }

 private:
  std::vector<double> numbers_;                         // in the order of keys
  std::map<std::string, size_t, std::less<>> plain_;    // keys that are names: the first of each
  std::vector<std::pair<size_t, NamePattern>> others_;  // in their order
  size_t others_size_ = 0;                              // bytes
};

}  // namespace ckmerge
