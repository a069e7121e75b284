// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/equated_families.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include "core/families/told_component.h"
#include "core/inputs/brought_component.h"
#include "core/inputs/lacking_names.h"
#include "core/inputs/naming_path.h"

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

// The component of the first checkpoint that `theirs` is, where it is called otherwise: of several, such as the CLIPs
// of SDXL, the one whose shapes it has.
std::optional<Target> target_of(const Checkpoint& first, std::span<const ToldComponent> own, const Checkpoint& other,
                                const ToldComponent& theirs) {
  std::optional<Target> best;
  int64_t most = 0;
  for (const ToldComponent& one : own) {
    if (!are_one_family(one, theirs)) continue;
    Target target{.component = &one, .path = naming_path(*theirs.family, theirs.naming(), one.naming())};
    if (one.naming() != theirs.naming() && target.path.empty()) continue;
    const Fit found = fit(first.tensors, other.tensors, theirs, target);
    const int64_t score = 2 * (found.alike - found.unlike) + (one.prefix == theirs.prefix ? 1 : 0);
    if (!found.is_good() || (best && score <= most)) continue;
    best = std::move(target);
    most = score;
  }
  return best;
}

}  // namespace

std::vector<std::string> equate_families(const Checkpoint& first, Checkpoint& other) {
  std::vector<std::string> done;
  const LackingNames lacking = lacking_names(first.tensors, other.tensors);
  const std::vector<ToldComponent> own = told_components(first.tensors);
  std::vector<ToldComponent> open = own;  // of which something is lacking, and not found yet
  std::erase_if(open,
                [&](const ToldComponent& one) { return !any_behind(first.tensors, lacking.of_first, one.prefix); });
  const std::vector<ToldComponent> all = told_components(other.tensors);
  for (const ToldComponent& theirs : all) {
    const auto is_it = [&](const ToldComponent& one) {
      return are_one_family(one, theirs) && one.naming() == theirs.naming() && one.prefix == theirs.prefix;
    };
    if (std::ranges::any_of(own, is_it)) continue;
    if (!any_behind(other.tensors, lacking.of_other, theirs.prefix)) continue;
    const std::optional<Target> target = target_of(first, open, other, theirs);
    if (!target) continue;
    const Destination to{.prefix = target->component->prefix,
                         .naming = target->component->naming(),
                         .wanted_prefix = target->component->prefix,
                         .not_behind = prefixes_inside(all, theirs.prefix)};
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
