// SPDX-License-Identifier: Apache-2.0
// Which tensors a merge is about: first --discard, then --only and --exclude. Patterns that match nothing are reported:
// an
// --only is misspelt then; --discard and --exclude may be there for other checkpoints, and lose nothing.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/names/name_pattern_set.h"
#include "core/recipe/recipe.h"
#include "io/text/error.h"

namespace ckmerge {

class Selection {
 public:
  /// `whole_part`: what the first checkpoint as a whole is (core/inputs/whole_part.h).
  explicit Selection(const Recipe& recipe, std::optional<Part> whole_part = std::nullopt);

  /// Why patterns cannot be understood: they are left out of what follows.
  const std::vector<Error>& faults() const { return faults_; }

  /// Throws Error(usage) with all faults().
  void expect_understood() const;

  enum class Place : uint8_t {
    inside,     ///< merged, with every policy
    outside,    ///< the first checkpoint's, whatever the others hold
    discarded,  ///< not in the output
  };
  Place place(std::string_view name);

  /// Of a tensor that --discard left out before names were changed: its patterns match something.
  void saw_discarded(std::string_view name) { discard_.any_matches(name); }

  /// Whether the recipe says that the first checkpoint's first channels of this tensor are the others'.
  bool has_first_channels(std::string_view name) const { return first_channels_.set.any_matches(name); }

  /// Whether rows of a vocabulary that only the first checkpoint has are its alone.
  bool keeps_rows() const { return recipe_.vocab == VocabPolicy::base; }

  /// Throws Error(usage) for parts of which place() saw no tensor.
  void check_parts() const;

  /// Patterns of --only and --first-channels that matched no name given to place() so far.
  std::vector<const NamePattern*> unmatched_only() const;
  /// The same of --discard and --exclude.
  std::vector<const NamePattern*> unmatched_defensive() const;

 private:
  /// The patterns of one option.
  struct Patterns {
    NamePatternSet set;
    std::vector<bool> matched;  // each pattern: some name
    size_t unmatched;           // patterns
    bool any_matches(std::string_view name);
    std::vector<const NamePattern*> without_match() const;
  };
  Patterns compile(const char* option, const std::vector<std::string>& texts);

  bool is_left_out(std::string_view name);
  bool is_wanted(std::optional<Part> part, std::string_view name) const;

  const Recipe& recipe_;
  const std::optional<Part> whole_part_;
  std::vector<Error> faults_;
  std::array<bool, kPartCount> parts_{}, seen_parts_{};  // wanted; met
  Patterns discard_, only_, exclude_, first_channels_;
};

}  // namespace ckmerge
