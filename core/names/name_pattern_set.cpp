// SPDX-License-Identifier: Apache-2.0
#include "core/names/name_pattern_set.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

namespace ckmerge {

struct NamePatternSet::Together {
  explicit Together(const RE2::Options& options) : set(options, RE2::UNANCHORED) {}
  RE2::Set set;
};

// A set of which the program does not fit into the memory that RE2 may use is tried pattern by pattern.
NamePatternSet::NamePatternSet(std::vector<NamePattern> patterns) : patterns_(std::move(patterns)) {
  if (patterns_.empty()) return;
  together_ = std::make_unique<Together>(patterns_[0].compiled().options());
  const auto add = [&](const NamePattern& pattern) { return together_->set.Add(pattern.text(), nullptr) >= 0; };
  if (!std::ranges::all_of(patterns_, add) || !together_->set.Compile()) together_.reset();
}
NamePatternSet::NamePatternSet(NamePatternSet&&) noexcept = default;
NamePatternSet::~NamePatternSet() = default;

const std::vector<int>& NamePatternSet::matching(std::string_view name) {
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (!together_)
    try_each(name);
  else if (!together_->set.Match(name, &matching_, &error) && error.kind != RE2::Set::kNoError)
    try_each(name);  // a single state was too large for the memory
  return matching_;
}

bool NamePatternSet::any_matches(std::string_view name) const {
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (together_ && together_->set.Match(name, nullptr, &error)) return true;
  if (together_ && error.kind == RE2::Set::kNoError) return false;
  return std::ranges::any_of(patterns_, [&](const NamePattern& pattern) { return pattern.matches(name); });
}

void NamePatternSet::try_each(std::string_view name) {
  matching_.clear();
  for (size_t i = 0; i < patterns_.size(); ++i)
    if (patterns_[i].matches(name)) matching_.push_back(static_cast<int>(i));
}

}  // namespace ckmerge
