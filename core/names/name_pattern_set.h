// SPDX-License-Identifier: Apache-2.0
// Patterns that are tried on a name all at once: one pass over the name, however many they are.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/names/name_pattern.h"

namespace ckmerge {

class NamePatternSet {
 public:
  explicit NamePatternSet(std::vector<NamePattern> patterns);
  NamePatternSet(NamePatternSet&&) noexcept;
  ~NamePatternSet();

  const std::vector<NamePattern>& patterns() const { return patterns_; }

  /// The indices of all patterns that match anywhere in `name`, in no order; valid until the next call.
  const std::vector<int>& matching(std::string_view name);

  /// Whether one of them matches: in half the time.
  bool any_matches(std::string_view name) const;

 private:
  struct Together;
  void try_each(std::string_view name);

  std::vector<NamePattern> patterns_;
  std::unique_ptr<Together> together_;  // absent where each is tried by itself
  std::vector<int> matching_;
};

}  // namespace ckmerge
