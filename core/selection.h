// SPDX-License-Identifier: Apache-2.0
// Which tensors a merge is about: first --discard, then --only and --exclude. Patterns that match nothing are almost
// always misspelt, so they are told.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/name_pattern.h"
#include "core/recipe.h"

namespace ckmerge {

class Selection {
 public:
  /// Throws Error(usage) with every pattern that cannot be understood.
  explicit Selection(const Recipe& recipe);

  enum class Place : uint8_t {
    inside,     ///< merged, with every policy
    outside,    ///< the first checkpoint's, whatever the others hold
    discarded,  ///< not in the output
  };
  Place place(std::string_view name);

  /// Throws Error(usage) for parts of which place() saw no tensor.
  void check_parts() const;

  /// Patterns that matched no name given to place() so far.
  std::vector<const NamePattern*> unmatched() const;

 private:
  struct Pattern {
    NamePattern pattern;
    bool matched = false;
  };
  static std::vector<Pattern> compile(const char* where, const std::vector<std::string>& texts,
                                      std::vector<std::string>& faults);
  static bool any_matches(std::vector<Pattern>& patterns, std::string_view name);

  bool is_left_out(std::string_view name);

  const Recipe& recipe_;
  std::array<bool, kPartCount> parts_{}, seen_parts_{};  // that are wanted, that there are
  std::vector<Pattern> discard_, only_, exclude_;
};

}  // namespace ckmerge
