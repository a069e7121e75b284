// SPDX-License-Identifier: Apache-2.0
// What names would become if they were of a component in another naming, without anything being rewritten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/families/told_component.h"
#include "core/inputs/brought_component.h"
#include "core/inputs/naming_path.h"
#include "core/layouts/rule_matcher.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

class NamingTrial {
 public:
  /// As bring_component() would bring it. Keeps views of all of them but `path`.
  NamingTrial(const Checkpoint& first, const Checkpoint& other, const ToldComponent& theirs,
              const std::vector<NamingStep>& path, const Destination& to);
  NamingTrial(const NamingTrial&) = delete;
  NamingTrial& operator=(const NamingTrial&) = delete;

  /// How many tensors of `other` get the name, and have the shape, of one of `first` that `other` lacks, less those
  /// whose shape does not fit, and those that would no longer be called as `first` has them. Linear in the names.
  int64_t score() const;

  /// How many of those behind the prefix have no place in `first`: nothing is called so there, or it has another shape.
  /// Neither tables of positions nor what the other naming leaves out are counted.
  size_t homeless() const;

  /// What `name`, of those behind the prefix, would be called; none: no rule names it, or it is left out.
  std::optional<std::string> target(std::string_view name) const;
  /// Whether a rule covers it, were it to leave it out.
  bool covers(std::string_view name) const;

  /// How many of those behind the prefix rules name.
  size_t named() const;
  bool names_all() const;

  /// Names of `first` that `other` has too, and would not have any more, without having others of `first` for them.
  std::vector<std::string> broken() const;

  /// Whole tensors whose shape is not that of `first`: both names and both shapes, a line each.
  std::vector<std::string> unlike() const;

  /// Words in front of the first dot of those behind the prefix, none of which any rule names.
  std::vector<std::string> strangers() const;

 private:
  struct Step {
    LayoutRules rules;
    RuleMatcher matcher;
    Step(LayoutRules&& given, Direction direction) : rules(std::move(given)), matcher(rules, direction) {}
  };
  struct Turned {
    std::string name;
    bool is_whole = true;
  };
  std::optional<Turned> turn(std::string_view name) const;
  bool is_meant(std::string_view name) const;
  bool is_left_out(std::string_view name) const;

  const Checkpoint &first_, &other_;
  const std::string& prefix_;
  const Destination& to_;
  std::deque<Step> steps_;
};

}  // namespace ckmerge
