// SPDX-License-Identifier: Apache-2.0
#include "core/plan/selection.h"

#include "core/inputs/judged_inputs.h"
#include "core/names/model_buffers.h"
#include "core/names/part.h"
#include "core/names/training_state.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// It would match every name, and is what a shell makes of a variable that is not set.
void expect_filled(const char* option, const std::string& text) {
  if (text.empty())
    throw Error(ErrorCode::usage, option,
                std::string(option) + ": the pattern is empty; leave the option out, or write '.' for all names");
}

}  // namespace

Selection::Selection(const Recipe& recipe, std::optional<Part> whole_part)
    : recipe_(recipe),
      whole_part_(whole_part),
      discard_(compile("--discard", recipe.discard)),
      only_(compile("--only", recipe.only)),
      exclude_(compile("--exclude", recipe.exclude)),
      first_channels_(compile("--first-channels", recipe.first_channels)) {
  for (const std::string& part : recipe.parts) parts_[static_cast<size_t>(parse_part("--part", part))] = true;
}

Selection::Patterns Selection::compile(const char* option, const std::vector<std::string>& texts) {
  std::vector<NamePattern> patterns;
  for (const std::string& text : texts) try {
      expect_filled(option, text);
      patterns.emplace_back(option, text);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::usage) throw;
      faults_.push_back(error);
    }
  const size_t count = patterns.size();
  return {NamePatternSet(std::move(patterns)), std::vector<bool>(count), count};
}

void Selection::expect_understood() const {
  if (faults_.empty()) return;
  if (faults_.size() == 1) throw faults_[0];
  std::vector<std::string> lines;
  for (const Error& fault : faults_) lines.emplace_back(fault.what());
  throw Error(ErrorCode::usage, faults_[0].where(), std::to_string(faults_.size()) + " patterns cannot be understood",
              lines);
}

// Which patterns match is asked only until each has: to know that some pattern does is cheaper.
bool Selection::Patterns::any_matches(std::string_view name) {
  if (unmatched == 0) return set.any_matches(name);
  const std::vector<int>& matching = set.matching(name);
  for (const int found : matching) {
    const auto pattern = static_cast<size_t>(found);
    if (!matched[pattern]) --unmatched;
    matched[pattern] = true;
  }
  return !matching.empty();
}

// By what kind of tensor it is, not by pattern.
bool Selection::is_left_out(std::string_view name) {
  const std::optional<Part> part = part_in(name, whole_part_);
  if (part) seen_parts_[static_cast<size_t>(*part)] = true;
  const bool average = is_ema(name) && recipe_.ema != EmaPolicy::keep;
  const bool elsewhere = !recipe_.parts.empty() && !is_wanted(part, name);
  return average || elsewhere || (recipe_.prune && is_training_state(name));
}

// How a model is sampled is said beside its parts, and goes with what denoises.
bool Selection::is_wanted(std::optional<Part> part, std::string_view name) const {
  if (part) return parts_[static_cast<size_t>(*part)];
  if (!parts_[static_cast<size_t>(Part::unet)]) return false;
  if (is_mark_of_codes(name)) return true;
  const BufferRow* const row = buffer_row(name, {});
  return row && is_of_sampling(*row);
}

void Selection::check_parts() const {
  for (size_t i = 0; i < kPartCount; ++i)
    if (parts_[i] && !seen_parts_[i])
      throw Error(ErrorCode::usage, "--part", std::string("--part: there is no tensor of the part ") + kPartNames[i]);
}

Selection::Place Selection::place(std::string_view name) {
  const bool discarded = discard_.any_matches(name) | is_left_out(name);
  const bool wanted = only_.matched.empty() || only_.any_matches(name);
  const bool excluded = exclude_.any_matches(name);
  first_channels_.any_matches(name);
  if (discarded) return Place::discarded;
  return wanted && !excluded ? Place::inside : Place::outside;
}

std::vector<const NamePattern*> Selection::Patterns::without_match() const {
  std::vector<const NamePattern*> found;
  for (size_t i = 0; i < matched.size(); ++i)
    if (!matched[i]) found.push_back(&set.patterns()[i]);
  return found;
}

std::vector<const NamePattern*> Selection::unmatched_only() const {
  std::vector<const NamePattern*> found = only_.without_match();
  const std::vector<const NamePattern*> wide = first_channels_.without_match();
  found.insert(found.end(), wide.begin(), wide.end());
  return found;
}

std::vector<const NamePattern*> Selection::unmatched_defensive() const {
  std::vector<const NamePattern*> found = discard_.without_match();
  const std::vector<const NamePattern*> excluding = exclude_.without_match();
  found.insert(found.end(), excluding.begin(), excluding.end());
  return found;
}

}  // namespace ckmerge
