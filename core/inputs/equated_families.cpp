// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_families.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
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

bool any_behind(const TensorTable& tensors, const std::vector<uint32_t>& rows, string_view prefix) {
  return std::ranges::any_of(rows, [&](uint32_t row) { return tensors.name(row).starts_with(prefix); });
}

// A component of the first checkpoint with the way to it.
struct Target {
  const ToldComponent* component = nullptr;
  std::vector<NamingStep> path;  // empty: the prefix alone differs
};

// How many tensors of two components have one shape, less those that have not: of those that no rule cuts.
class Fit {
 public:
  Fit(const TensorTable& first, const ToldComponent& own, const TensorTable& other, const ToldComponent& theirs)
      : own_(first, own.prefix), theirs_(other, theirs.prefix) {}

  void compare(const std::string& own, const std::string& theirs) {
    const std::optional<Tensor> a = own_.find(own), b = theirs_.find(theirs);
    if (!a || !b) return;
    std::ranges::equal(a->shape, b->shape) ? ++alike : ++unlike;
  }

  int64_t alike = 0, unlike = 0;
  // Two encoders of one kind have norms and biases of one shape now and then, and more that has not.
  bool is_good() const { return unlike == 0 || alike > 2 * unlike; }

 private:
  ComponentNames own_, theirs_;
};

// One of the names that a pattern stands for.
std::string first_name(string_view pattern) {
  std::string name(pattern);
  std::ranges::replace(name, '#', '0');
  if (name.ends_with('*')) name.replace(name.size() - 1, 1, "weight");
  return name;
}

bool is_comparable(const LayoutRule& rule) {
  return rule.reshaping == Reshaping::none && !rule.left.empty() && !rule.right.empty() &&
         rule.right.find_first_of("{@") == std::string::npos;
}

Fit fit(const TensorTable& first, const TensorTable& other, const ToldComponent& theirs, const Target& target) {
  Fit found(first, *target.component, other, theirs);
  if (target.path.size() == 1) {
    const bool from_left = target.path[0].direction == Direction::to_right;
    const ComponentNames wanted(first, target.component->prefix), names(other, theirs.prefix, &wanted);
    for (const LayoutRule& rule : target.path[0].family->rules(names, from_left)) {
      if (!is_comparable(rule)) continue;
      const std::string left = first_name(rule.left), right = first_name(rule.right);
      found.compare(from_left ? right : left, from_left ? left : right);
    }
  } else if (target.path.empty()) {
    for (size_t i = 0; i < other.size(); ++i)
      if (const string_view name = other.name(i); name.starts_with(theirs.prefix))
        found.compare(std::string(name.substr(theirs.prefix.size())), std::string(name.substr(theirs.prefix.size())));
  }
  return found;
}

// Two checkpoints and what they are told to hold.
struct Pair {
  const Checkpoint &first, &other;
  std::vector<ToldComponent> own, theirs;

  Pair(const Checkpoint& a, const Checkpoint& b)
      : first(a), other(b), own(told_components(a.tensors)), theirs(told_components(b.tensors)) {}
};

// Names of either that the other has no place for, if `theirs` were the target.
size_t homeless(const Pair& pair, const ToldComponent& theirs, const Target& target) {
  const ToldComponent& own = *target.component;
  const auto place_of = [](const ToldComponent& one, std::span<const ToldComponent> beside) {
    return Destination{.prefix = one.prefix,
                       .naming = one.naming(),
                       .wanted_prefix = one.prefix,
                       .not_behind = prefixes_inside(beside, one.prefix)};
  };
  Destination there = place_of(own, pair.own), back = place_of(theirs, pair.theirs);
  std::swap(there.not_behind, back.not_behind);
  const std::vector<NamingStep> way_back = naming_path(*own.family, own.naming(), theirs.naming());
  return NamingTrial(pair.first, pair.other, theirs, target.path, there).homeless() +
         NamingTrial(pair.other, pair.first, own, way_back, back).homeless();
}

std::vector<Target> fitting_targets(const Pair& pair, std::span<const ToldComponent> open,
                                    const ToldComponent& theirs) {
  std::vector<Target> targets;
  for (const ToldComponent& one : open) {
    if (!are_one_family(one, theirs)) continue;
    Target target{.component = &one, .path = naming_path(*theirs.family, theirs.naming(), one.naming())};
    if (one.naming() != theirs.naming() && target.path.empty()) continue;
    if (fit(pair.first.tensors, pair.other.tensors, theirs, target).is_good()) targets.push_back(std::move(target));
  }
  return targets;
}

// Whether the prefixes say that they are one: one goes on where the other ends.
bool have_one_place(const ToldComponent& own, const ToldComponent& theirs) {
  if (own.prefix.empty() || theirs.prefix.empty()) return own.prefix == theirs.prefix;
  return own.prefix.starts_with(theirs.prefix) || theirs.prefix.starts_with(own.prefix);
}

std::string shown_place(const ToldComponent& one) {
  return one.prefix.empty() ? "without a prefix" : "behind " + one.prefix;
}

[[noreturn]] void refuse_two_places(const Pair& pair, const ToldComponent& theirs, const Target& a, const Target& b) {
  throw Error(ErrorCode::mismatch, pair.other.path,
              sentence(pair.other.path, ": its ", theirs.family->name, " (", shown_place(theirs),
                       ") fits two components of ", pair.first.path, " alike, ", shown_place(*a.component), " and ",
                       shown_place(*b.component), "; say which is meant, as in --add-prefix B:",
                       a.component->prefix.empty() ? b.component->prefix : a.component->prefix));
}

[[noreturn]] void refuse_two_for_one(const Pair& pair, const ToldComponent& own, const ToldComponent& a,
                                     const ToldComponent& b) {
  throw Error(ErrorCode::mismatch, pair.other.path,
              sentence(pair.other.path, ": two of its components fit the ", own.family->name, " of ", pair.first.path,
                       " (", shown_place(own), ") alike, ", shown_place(a), " and ", shown_place(b),
                       "; give the one that is meant alone: its sub-folder, or a file without the other (ckmerge "
                       "convert FILE NEW --discard REGEX)"));
}

// The component of the first checkpoint that `theirs` is, where it is called otherwise: of several, such as the CLIPs
// of SDXL, the one whose shapes and names it has.
std::optional<Target> target_of(const Pair& pair, std::span<const ToldComponent> open, const ToldComponent& theirs) {
  std::vector<Target> targets = fitting_targets(pair, open, theirs);
  const auto is_there = [&](const Target& target) { return have_one_place(*target.component, theirs); };
  if (targets.size() > 1 && std::ranges::any_of(targets, is_there))
    std::erase_if(targets, [&](const Target& target) { return !is_there(target); });
  if (targets.size() < 2) return targets.empty() ? std::nullopt : std::optional(std::move(targets[0]));
  std::vector<std::pair<size_t, size_t>> order;  // names without a place, target
  for (size_t t = 0; t < targets.size(); ++t) order.emplace_back(homeless(pair, theirs, targets[t]), t);
  std::ranges::sort(order);
  if (order[0].first == order[1].first)
    refuse_two_places(pair, theirs, targets[order[0].second], targets[order[1].second]);
  return std::move(targets[order[0].second]);
}

// Whether another of theirs fits the target better.
bool has_better(const Pair& pair, std::span<const ToldComponent> rivals, const ToldComponent& theirs,
                const Target& target) {
  const ToldComponent& own = *target.component;
  std::vector<const ToldComponent*> fitting;
  for (const ToldComponent& rival : rivals)
    if (!fitting_targets(pair, std::span(target.component, 1), rival).empty()) fitting.push_back(&rival);
  const auto is_there = [&](const ToldComponent* one) { return have_one_place(own, *one); };
  if (fitting.empty() || have_one_place(own, theirs)) return false;
  if (std::ranges::any_of(fitting, is_there)) return true;
  const size_t without_place = homeless(pair, theirs, target);
  for (const ToldComponent* const rival : fitting) {
    const size_t of_rival = homeless(pair, *rival, fitting_targets(pair, std::span(&own, 1), *rival)[0]);
    if (of_rival < without_place) return true;
    if (of_rival == without_place) refuse_two_for_one(pair, own, theirs, *rival);
  }
  return false;
}

// Those that are not called as the first one's are.
std::vector<ToldComponent> components_to_bring(const Pair& pair, const LackingNames& lacking) {
  std::vector<ToldComponent> wanted;
  for (const ToldComponent& theirs : pair.theirs) {
    const auto is_it = [&](const ToldComponent& one) {
      return are_one_family(one, theirs) && one.naming() == theirs.naming() && one.prefix == theirs.prefix;
    };
    if (std::ranges::none_of(pair.own, is_it) && any_behind(pair.other.tensors, lacking.of_other, theirs.prefix))
      wanted.push_back(theirs);
  }
  return wanted;
}

}  // namespace

bool fits_several(const Checkpoint& first, const Checkpoint& other) {
  const Pair pair(first, other);
  std::vector<size_t> fitting(pair.own.size());  // of theirs, each of the own
  for (const ToldComponent& theirs : pair.theirs) {
    const std::vector<Target> targets = fitting_targets(pair, pair.own, theirs);
    if (targets.size() > 1) return true;
    for (const Target& target : targets) ++fitting[static_cast<size_t>(target.component - pair.own.data())];
  }
  return std::ranges::any_of(fitting, [](size_t count) { return count > 1; });
}

std::vector<std::string> equate_families(const Checkpoint& first, Checkpoint& other) {
  std::vector<std::string> done;
  const LackingNames lacking = lacking_names(first.tensors, other.tensors);
  const Pair pair(first, other);
  std::vector<ToldComponent> open = pair.own;  // of which something is lacking, and not found yet
  std::erase_if(open,
                [&](const ToldComponent& one) { return !any_behind(first.tensors, lacking.of_first, one.prefix); });
  std::vector<ToldComponent> waiting = components_to_bring(pair, lacking);
  while (!waiting.empty()) {
    const ToldComponent theirs = waiting.front();
    waiting.erase(waiting.begin());
    const std::optional<Target> target = target_of(pair, open, theirs);
    if (!target || has_better(pair, waiting, theirs, *target)) continue;
    const Destination to{.prefix = target->component->prefix,
                         .naming = target->component->naming(),
                         .wanted_prefix = target->component->prefix,
                         .not_behind = prefixes_inside(pair.theirs, theirs.prefix)};
    done.push_back(bring_component(first, other, theirs, target->path, to));
    open.erase(open.begin() + (target->component - open.data()));
  }
  return done;
}

std::vector<std::string> equate_vae(const Checkpoint& first, Checkpoint& file) {
  const std::vector<ToldComponent> own = told_components(first.tensors), all = told_components(file.tensors);
  std::vector<std::string> done;
  for (const ToldComponent& theirs : all) {
    if (theirs.family->role != ComponentRole::vae) continue;
    const auto counterpart =
        std::ranges::find_if(own, [&](const ToldComponent& one) { return are_one_family(one, theirs); });
    const Naming wanted = counterpart == own.end() ? Naming::original : counterpart->naming();
    const std::vector<NamingStep> path = naming_path(*theirs.family, theirs.naming(), wanted);
    if (path.empty()) continue;
    done.push_back(
        bring_component(first, file, theirs, path,
                        {.prefix = theirs.prefix,
                         .naming = wanted,
                         .wanted_prefix = counterpart == own.end() ? "first_stage_model." : counterpart->prefix,
                         .not_behind = prefixes_inside(all, theirs.prefix)}));
  }
  return done;
}

}  // namespace ckmerge
