// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_fragments.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/families/told_component.h"
#include "core/inputs/brought_component.h"
#include "core/inputs/naming_path.h"
#include "core/inputs/naming_trial.h"
#include "core/names/lacking_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// Beginnings of the names, of two components at most, and none: what could be in front of a fragment.
std::set<std::string> possible_prefixes(const TensorTable& tensors, const std::vector<uint32_t>& rows) {
  constexpr size_t kMostComponents = 2, kMostPrefixes = 32;
  std::set<std::string> prefixes = {""};
  for (const uint32_t row : rows) {
    const string_view name = tensors.name(row);
    for (size_t components = 0, begin = 0; components < kMostComponents; ++components) {
      const size_t dot = name.find('.', begin);
      if (dot == string_view::npos || name.find_first_not_of("0123456789", begin) == dot) break;
      begin = dot + 1;
      prefixes.emplace(name.substr(0, begin));
    }
    if (prefixes.size() > kMostPrefixes) break;
  }
  return prefixes;
}

struct Way {
  ToldComponent theirs = {};
  std::vector<NamingStep> path = {};
  Destination to = {};
  bool is_of_first = false;  // the fragment is the first one's
  int64_t score = 0;

  // Whether the prefixes say that they are one: one goes on where the other ends.
  bool stays_in_place() const {
    return !theirs.prefix.empty() && !to.prefix.empty() &&
           (to.prefix.starts_with(theirs.prefix) || theirs.prefix.starts_with(to.prefix));
  }
  auto rank() const { return std::pair(score, stays_in_place()); }
  // Of equal rank: whether the fragment is one of two components, and which of them is open.
  bool is_other_place(const Way& way) const {
    if (is_of_first != way.is_of_first || !are_one_family(theirs, way.theirs)) return false;
    return is_of_first ? to.prefix == way.to.prefix && theirs.prefix != way.theirs.prefix
                       : theirs.prefix == way.theirs.prefix && to.prefix != way.to.prefix;
  }
};

std::string shown_place(const std::string& prefix) {
  return prefix.empty() ? "that without a prefix" : "that behind " + prefix;
}

[[noreturn]] void refuse(const Checkpoint& first, const Checkpoint& other, const Way& a, const Way& b) {
  const bool of_first = a.is_of_first;
  const Checkpoint &fragment = of_first ? first : other, &whole = of_first ? other : first;
  const std::string &one = of_first ? a.theirs.prefix : a.to.prefix, &two = of_first ? b.theirs.prefix : b.to.prefix;
  throw Error(
      ErrorCode::mismatch, other.path,
      sentence(fragment.path, ": is a fragment of ", a.theirs.family->name, " that fits two components of ", whole.path,
               " alike, ", shown_place(one), " and ", shown_place(two), "; say which is meant, as in ",
               of_first ? "--add-prefix A:" : "--add-prefix B:", one.empty() ? two : one));
}

class Ways {
 public:
  Ways(const Checkpoint& first, const Checkpoint& other)
      : first_(first), other_(other), own_(told_components(first.tensors)), theirs_(told_components(other.tensors)) {}

  // None: nothing is a fragment of what is known.
  std::optional<Way> best() {
    const LackingNames lacking = lacking_names(first_.tensors, other_.tensors);
    if (!lacking.on_both_sides()) return std::nullopt;
    for (const ToldComponent& whole : own_)
      for (const Naming naming : other_namings(*whole.family, whole.naming()))
        for (const std::string& prefix : possible_prefixes(other_.tensors, lacking.of_other))
          try_fragment_of_other(whole, naming, prefix);
    for (const ToldComponent& whole : theirs_)
      for (const Naming naming : other_namings(*whole.family, whole.naming()))
        for (const std::string& prefix : possible_prefixes(first_.tensors, lacking.of_first))
          try_fragment_of_first(whole, naming, prefix);
    if (best_ && rival_) refuse(first_, other_, *best_, *rival_);
    return std::move(best_);
  }

 private:
  // Whether it is told that another network of that role is behind the prefix.
  static bool is_another(std::span<const ToldComponent> told, const ToldComponent& whole, const std::string& prefix) {
    return std::ranges::any_of(told, [&](const ToldComponent& one) {
      return one.prefix == prefix && one.family->role == whole.family->role && !are_one_family(one, whole);
    });
  }

  void try_fragment_of_other(const ToldComponent& whole, Naming naming, const std::string& prefix) {
    Way way{.path = naming_path(*whole.family, naming, whole.naming()),
            .to = {.prefix = whole.prefix, .naming = whole.naming()}};
    if (way.path.empty()) return;
    const NamingStep& begin = way.path.front();
    way.theirs = {.family = begin.family, .is_left = begin.direction == Direction::to_right, .prefix = prefix};
    consider(std::move(way), is_another(theirs_, whole, prefix));
  }

  void try_fragment_of_first(const ToldComponent& whole, Naming naming, const std::string& prefix) {
    Way way{.theirs = whole,
            .path = naming_path(*whole.family, whole.naming(), naming),
            .to = {.prefix = prefix, .naming = naming},
            .is_of_first = true};
    if (!way.path.empty()) consider(std::move(way), is_another(own_, whole, prefix));
  }

  // A fragment may have the signs of another network, which has the same blocks and more.
  void consider(Way way, bool told_as_another) {
    way.to.wanted_prefix = way.to.prefix;
    way.to.not_behind = prefixes_inside(theirs_, way.theirs.prefix);
    const NamingTrial trial(first_, other_, way.theirs, way.path, way.to);
    way.score = trial.score();
    if (way.score <= 0 || (best_ && way.rank() < best_->rank())) return;
    if (told_as_another && !trial.names_all()) return;
    if (best_ && way.rank() == best_->rank()) {
      if (best_->is_other_place(way)) rival_ = std::move(way);
      return;
    }
    rival_.reset();
    std::vector<std::string> strangers = trial.strangers();
    if (way.theirs.prefix != way.to.prefix)
      way.to.not_behind.insert(way.to.not_behind.end(), strangers.begin(), strangers.end());
    best_ = std::move(way);
  }

  const Checkpoint &first_, &other_;
  std::vector<ToldComponent> own_, theirs_;
  std::optional<Way> best_, rival_;
};

}  // namespace

std::vector<std::string> equate_fragments(const Checkpoint& first, Checkpoint& other) {
  constexpr size_t kMostFragments = 8;  // networks of a pipeline
  std::vector<std::string> done;
  while (done.size() < kMostFragments) {
    const std::optional<Way> way = Ways(first, other).best();
    if (!way) break;
    done.push_back(bring_component(first, other, way->theirs, way->path, way->to));
  }
  return done;
}

}  // namespace ckmerge
