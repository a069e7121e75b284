// SPDX-License-Identifier: Apache-2.0
#include "core/plan/selection.h"

#include "core/names/part.h"
#include "core/names/training_state.h"
#include "io/text/error.h"

namespace ckmerge {

Selection::Selection(const Recipe& recipe)
    : recipe_(recipe),
      discard_(compile("--discard", recipe.discard)),
      only_(compile("--only", recipe.only)),
      exclude_(compile("--exclude", recipe.exclude)) {
  for (const std::string& part : recipe.parts) parts_[static_cast<size_t>(parse_part("--part", part))] = true;
}

std::vector<Selection::Pattern> Selection::compile(const char* option, const std::vector<std::string>& texts) {
  std::vector<Pattern> patterns;
  for (const std::string& text : texts) try {
      patterns.push_back({NamePattern(option, text)});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::usage) throw;
      faults_.push_back(error);
    }
  return patterns;
}

void Selection::expect_understood() const {
  if (faults_.empty()) return;
  if (faults_.size() == 1) throw faults_[0];
  std::vector<std::string> lines;
  for (const Error& fault : faults_) lines.emplace_back(fault.what());
  throw Error(ErrorCode::usage, faults_[0].where(), std::to_string(faults_.size()) + " patterns cannot be understood",
              lines);
}

// The first that matches decides; those that have matched nothing yet are tried all the same, so that they are not
// called unmatched because another pattern stood before them.
bool Selection::any_matches(std::vector<Pattern>& patterns, std::string_view name) {
  bool any = false;
  for (Pattern& pattern : patterns) {
    if (any && pattern.matched) continue;
    if (!pattern.pattern.matches(name)) continue;
    pattern.matched = any = true;
  }
  return any;
}

// By what kind of tensor it is, not by pattern.
bool Selection::is_left_out(std::string_view name) {
  const std::optional<Part> part = part_of(name);
  if (part) seen_parts_[static_cast<size_t>(*part)] = true;
  const bool average = is_ema(name) && recipe_.ema != EmaPolicy::keep;
  const bool elsewhere = !recipe_.parts.empty() && !(part && parts_[static_cast<size_t>(*part)]);
  return average || elsewhere || (recipe_.prune && is_training_state(name));
}

void Selection::check_parts() const {
  for (size_t i = 0; i < kPartCount; ++i)
    if (parts_[i] && !seen_parts_[i])
      throw Error(ErrorCode::usage, "--part", std::string("--part: there is no tensor of the part ") + kPartNames[i]);
}

Selection::Place Selection::place(std::string_view name) {
  const bool discarded = any_matches(discard_, name) | is_left_out(name);
  const bool wanted = only_.empty() || any_matches(only_, name);
  const bool excluded = any_matches(exclude_, name);
  if (discarded) return Place::discarded;
  return wanted && !excluded ? Place::inside : Place::outside;
}

std::vector<const NamePattern*> Selection::unmatched() const {
  std::vector<const NamePattern*> found;
  for (const auto* patterns : {&discard_, &only_, &exclude_})
    for (const Pattern& pattern : *patterns)
      if (!pattern.matched) found.push_back(&pattern.pattern);
  return found;
}

}  // namespace ckmerge
