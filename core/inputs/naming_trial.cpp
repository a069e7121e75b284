// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/naming_trial.h"

#include <algorithm>
#include <set>

#include "core/layouts/reshaping.h"
#include "core/names/model_buffers.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

bool is_whole(const RuleMatcher& matcher, const LayoutRule& rule) {
  return rule.reshaping == Reshaping::none && matcher.parts(rule) == 1 && !matcher.stacks(rule);
}

// Whether one could be the other, or a part of it, cut along its rows or stacked.
bool may_be_cut(const Tensor& a, const Tensor& b) {
  if (a.count == b.count || a.shape.size() != b.shape.size() || a.shape.size() < 2) return true;
  return a.shape.back() == b.shape.back();
}

bool fit(const Tensor& own, const Tensor& theirs, bool whole) {
  return whole ? std::ranges::equal(own.shape, theirs.shape) : may_be_cut(own, theirs);
}

}  // namespace

NamingTrial::NamingTrial(const Checkpoint& first, const Checkpoint& other, const ToldComponent& theirs,
                         const std::vector<NamingStep>& path, const Destination& to)
    : first_(first), other_(other), prefix_(theirs.prefix), to_(to) {
  const ComponentNames wanted(first.tensors, to.wanted_prefix);
  for (const NamingStep& step : path)
    steps_.emplace_back(rules_of(step, other.tensors, prefix_, &wanted), step.direction);
}

std::optional<NamingTrial::Turned> NamingTrial::turn(string_view name) const {
  Turned turned{.name = std::string(name)};
  for (const Step& step : steps_) {
    const std::optional<RuleMatch> match = step.matcher.match(turned.name);
    if (!match || !step.matcher.has_target(*match->rule)) return std::nullopt;
    std::string target;
    step.matcher.append_target(*match, 0, 0, target);
    turned.is_whole = turned.is_whole && is_whole(step.matcher, *match->rule);
    turned.name = std::move(target);
  }
  return turned;
}

bool NamingTrial::is_meant(string_view name) const {
  return name.starts_with(prefix_) &&
         std::ranges::none_of(to_.not_behind, [&](const std::string& inside) { return name.starts_with(inside); });
}

int64_t NamingTrial::score() const {
  int64_t score = 0;
  for (size_t i = 0; i < other_.tensors.size(); ++i) {
    const Tensor theirs = other_.tensors[i];
    if (!is_meant(theirs.name)) continue;
    const std::optional<Turned> turned = turn(theirs.name.substr(prefix_.size()));
    if (!turned) continue;
    const std::string target = to_.prefix + turned->name;
    if (target == theirs.name) continue;
    const size_t own = first_.tensors.find(target), as_it_is = first_.tensors.find(theirs.name);
    if (own == TensorTable::npos)
      score -= as_it_is != TensorTable::npos;
    else if (other_.tensors.find(target) == TensorTable::npos)
      score += fit(first_.tensors[own], theirs, turned->is_whole) ? 1 : -1;
  }
  return score;
}

std::optional<std::string> NamingTrial::target(string_view name) const {
  if (!is_meant(name)) return std::nullopt;
  std::optional<Turned> turned = turn(name.substr(prefix_.size()));
  if (!turned) return std::nullopt;
  return to_.prefix + turned->name;
}

bool NamingTrial::covers(string_view name) const {
  return is_meant(name) && steps_.front().matcher.match(name.substr(prefix_.size())).has_value();
}

bool NamingTrial::is_left_out(string_view name) const {
  if (steps_.empty()) return false;
  const Step& step = steps_.front();
  const std::optional<RuleMatch> match = step.matcher.match(name);
  return match && !step.matcher.has_target(*match->rule);
}

size_t NamingTrial::homeless() const {
  size_t homeless = 0;
  for (size_t i = 0; i < other_.tensors.size(); ++i) {
    const Tensor theirs = other_.tensors[i];
    if (!is_meant(theirs.name) || is_position_ids(theirs.name)) continue;
    const string_view inner = theirs.name.substr(prefix_.size());
    if (is_left_out(inner)) continue;
    const std::optional<Turned> turned = turn(inner);
    const size_t own = first_.tensors.find(std::string(to_.prefix).append(turned ? turned->name : inner));
    homeless += own == TensorTable::npos || !fit(first_.tensors[own], theirs, !turned || turned->is_whole);
  }
  return homeless;
}

size_t NamingTrial::named() const {
  size_t named = 0;
  for (size_t i = 0; i < other_.tensors.size(); ++i)
    if (const string_view name = other_.tensors.name(i); is_meant(name) && turn(name.substr(prefix_.size()))) ++named;
  return named;
}

bool NamingTrial::names_all() const {
  for (size_t i = 0; i < other_.tensors.size(); ++i)
    if (const string_view name = other_.tensors.name(i); is_meant(name) && !turn(name.substr(prefix_.size())))
      return false;
  return true;
}

std::vector<std::string> NamingTrial::broken() const {
  std::vector<std::string> names;
  for (size_t i = 0; i < other_.tensors.size(); ++i) {
    const string_view name = other_.tensors.name(i);
    if (!is_meant(name) || first_.tensors.find(name) == TensorTable::npos) continue;
    const std::optional<Turned> turned = turn(name.substr(prefix_.size()));
    if (turned && first_.tensors.find(to_.prefix + turned->name) == TensorTable::npos) names.emplace_back(name);
  }
  return names;
}

std::vector<std::string> NamingTrial::unlike() const {
  std::vector<std::string> lines;
  for (size_t i = 0; i < other_.tensors.size(); ++i) {
    const Tensor theirs = other_.tensors[i];
    if (!is_meant(theirs.name)) continue;
    const std::optional<Turned> turned = turn(theirs.name.substr(prefix_.size()));
    const size_t own = turned ? first_.tensors.find(to_.prefix + turned->name) : TensorTable::npos;
    if (own == TensorTable::npos || fit(first_.tensors[own], theirs, turned->is_whole)) continue;
    lines.push_back(sentence(to_.prefix, turned->name, " ", shape_text(first_.tensors[own].shape), " | ", theirs.name,
                             " ", shape_text(theirs.shape)));
  }
  return lines;
}

std::vector<std::string> NamingTrial::strangers() const {
  std::set<std::string> strange, known;
  for (size_t i = 0; i < other_.tensors.size(); ++i) {
    const string_view name = other_.tensors.name(i);
    if (!is_meant(name)) continue;
    const string_view inner = name.substr(prefix_.size());
    const size_t dot = inner.find('.');
    if (dot == string_view::npos) continue;
    (turn(inner) ? known : strange).emplace(inner.substr(0, dot + 1));
  }
  std::vector<std::string> words;
  for (const std::string& word : strange)
    if (!known.contains(word)) words.push_back(prefix_ + word);
  return words;
}

}  // namespace ckmerge
