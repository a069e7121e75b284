// SPDX-License-Identifier: Apache-2.0
// Which rule a name falls under, and what it is called on the other side. Rules are a tree of components, so that a
// name costs about as much as its components, however many rules there are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/layouts/layout_rule.h"

namespace ckmerge {

/// The pattern once for each part of its braces.
std::vector<std::string> without_braces(const std::string& pattern);

/// A name under a rule. Views point into the name.
struct RuleMatch {
  const LayoutRule* rule = nullptr;
  size_t part = 0;             ///< towards the left: which of the braces it is
  uint64_t stacked = 0;        ///< towards the left: the number in place of `@`
  std::string_view rest = {};  ///< what stands in place of `*`
  std::array<std::string_view, 8> numbers = {};
  size_t number_count = 0;
};

class RuleMatcher {
 public:
  /// Keeps views of `rules`.
  RuleMatcher(const LayoutRules& rules, Direction direction);
  RuleMatcher(const RuleMatcher&) = delete;
  RuleMatcher& operator=(const RuleMatcher&) = delete;

  /// The rule of `name`, which is behind the prefix; none: no rule covers it.
  std::optional<RuleMatch> match(std::string_view name) const;

  /// How many parts the braces of `rule` have; 1 without.
  size_t parts(const LayoutRule& rule) const { return targets_of(rule).parts; }
  /// Whether it stacks, by `@`.
  bool stacks(const LayoutRule& rule) const { return targets_of(rule).stacks; }
  bool has_target(const LayoutRule& rule) const { return !targets_of(rule).names.empty(); }

  /// Appends what the match is called on the other side: to the right, part `part` of number `stacked`; to the left,
  /// the whole, whichever.
  void append_target(const RuleMatch& match, size_t part, uint64_t stacked, std::string& out) const;

 private:
  struct Node {
    std::vector<std::pair<std::string_view, uint32_t>> literals;  // sorted
    uint32_t number = 0, stacked = 0;                             // nodes behind `#` and `@`; 0: none
    int32_t here = -1, rest = -1;                                 // sources: that end here; with `*` from here
  };
  struct Source {
    const LayoutRule* rule;
    size_t part;
  };
  /// A name of the other side: texts, and what is put between them.
  struct Target {
    std::vector<std::string> texts;  // one more than there are blanks
    std::vector<char> blanks;        // #, @ or *
  };
  struct Targets {
    std::vector<Target> names;
    size_t parts = 1;
    bool stacks = false;
  };
  static Target make_target(std::string_view pattern);
  void add_source(std::string_view pattern, const Source& source);
  uint32_t literal_child(uint32_t node, std::string_view component);
  bool walk(uint32_t node, std::string_view name, size_t begin, RuleMatch& match) const;
  bool walk_literal(uint32_t node, std::string_view name, size_t begin, size_t end, RuleMatch& match) const;
  bool walk_number(uint32_t node, std::string_view name, size_t begin, size_t end, RuleMatch& match) const;
  bool accept(int32_t source, RuleMatch& match) const;
  const Targets& targets_of(const LayoutRule& rule) const {
    return targets_[static_cast<size_t>(&rule - rules_.data())];
  }

  const LayoutRules& rules_;
  std::vector<std::string> patterns_;  // of the side that is matched, without braces
  std::vector<Node> nodes_;            // the root first
  std::vector<Source> sources_;
  std::vector<Targets> targets_;  // of each rule
};

}  // namespace ckmerge
