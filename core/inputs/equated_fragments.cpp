// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_fragments.h"

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <string_view>

#include "core/families/told_component.h"
#include "core/inputs/brought_component.h"
#include "core/inputs/naming_path.h"
#include "core/inputs/naming_trial.h"
#include "core/names/lacking_names.h"

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
  int64_t score = 0;
};

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
            .to = {.prefix = prefix, .naming = naming}};
    if (!way.path.empty()) consider(std::move(way), is_another(own_, whole, prefix));
  }

  // A fragment may have the signs of another network, which has the same blocks and more.
  void consider(Way way, bool told_as_another) {
    way.to.wanted_prefix = way.to.prefix;
    way.to.not_behind = prefixes_inside(theirs_, way.theirs.prefix);
    const NamingTrial trial(first_, other_, way.theirs, way.path, way.to);
    way.score = trial.score();
    if (way.score <= 0 || (best_ && way.score <= best_->score)) return;
    if (told_as_another && !trial.names_all()) return;
    std::vector<std::string> strangers = trial.strangers();
    if (way.theirs.prefix != way.to.prefix)
      way.to.not_behind.insert(way.to.not_behind.end(), strangers.begin(), strangers.end());
    best_ = std::move(way);
  }

  const Checkpoint &first_, &other_;
  std::vector<ToldComponent> own_, theirs_;
  std::optional<Way> best_;
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
