// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/brought_component.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/inputs/naming_trial.h"
#include "core/layouts/rewriting.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse(const Checkpoint& first, const Checkpoint& other, const NamingStep& step) {
  throw Error(
      ErrorCode::mismatch, other.path,
      sentence(other.path, ": its ", step.family->name, " is in the naming ", name(step.from()), ", that of ",
               first.path, " in ", name(step.to()), ", and there is no way from one to the other: ", step.no_way()));
}

[[noreturn]] void refuse_mixture(const Checkpoint& first, const Checkpoint& other, const NamingStep& step,
                                 std::vector<std::string> names) {
  const size_t count = names.size();
  throw Error(ErrorCode::mismatch, first.path,
              sentence(first.path, ": its ", step.family->name, " is in two namings: ", counted(count, "tensor"),
                       count == 1 ? " is" : " are", " called as in ", other.path, ", the rest as in the naming ",
                       name(step.to()), "; use a file that is in one naming"),
              std::move(names));
}

// The first few, and how many there are.
std::string listed(const std::vector<std::string>& names) {
  constexpr size_t kMostNamed = 3;
  std::string text;
  for (size_t i = 0; i < std::min(kMostNamed, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kMostNamed) text += sentence(" and ", names.size() - kMostNamed, " more");
  return text;
}

// What became of a component, all steps of its way together.
class Account {
 public:
  void add(const Rewriting& done, size_t prefix) {
    changed_ = std::max(changed_, done.renamed + done.reshaped);
    left_out_.insert(left_out_.end(), done.left_out.begin(), done.left_out.end());
    carried_.clear();
    for (const std::string& name : done.carried) carried_.push_back(name.substr(prefix));
  }

  void tell(Checkpoint& checkpoint, const Destination& to, const TensorTable& first) const {
    for (const std::string& name : left_out_)
      checkpoint.unplaced.push_back({.name = name, .fate = UnplacedTensor::Fate::left_out});
    for (const std::string& name : strange(to, first))
      checkpoint.unplaced.push_back({.name = name, .fate = UnplacedTensor::Fate::carried});
  }

  std::string text(const ToldComponent& from, const Destination& to, const TensorTable& first) const {
    const bool other_naming = from.naming() != to.naming, other_prefix = from.prefix != to.prefix;
    std::string text = sentence(from.family->name, ":");
    if (other_naming) text += sentence(" ", name(from.naming()), " to ", name(to.naming), ",");
    if (other_prefix) text += sentence(" ", shown(from.prefix), " to ", shown(to.prefix), ",");
    text += sentence(" ", counted(changed_ + (other_prefix ? carried_.size() : 0), "tensor"));
    if (!left_out_.empty())
      text += sentence("; ", left_out_.size(), " left out, having no counterpart: ", listed(left_out_));
    const std::vector<std::string> names = strange(to, first);
    if (other_naming && !names.empty()) text += sentence("; ", names.size(), " that no rule names: ", listed(names));
    return text;
  }

 private:
  // Behind the prefix.
  std::vector<std::string> strange(const Destination& to, const TensorTable& first) const {
    std::vector<std::string> names;
    for (const std::string& name : carried_)
      if (first.find(to.prefix + name) == TensorTable::npos) names.push_back(name);
    return names;
  }
  static std::string shown(const std::string& prefix) { return prefix.empty() ? "no prefix" : prefix; }
  uint64_t changed_ = 0;
  std::vector<std::string> left_out_, carried_;
};

}  // namespace

std::vector<std::string> prefixes_inside(std::span<const ToldComponent> all, const std::string& prefix) {
  std::vector<std::string> inside;
  for (const ToldComponent& one : all)
    if (one.prefix.size() > prefix.size() && one.prefix.starts_with(prefix)) inside.push_back(one.prefix);
  return inside;
}

std::string bring_component(const Checkpoint& first, Checkpoint& other, const ToldComponent& theirs,
                            const std::vector<NamingStep>& path, const Destination& to) {
  const ComponentNames wanted(first.tensors, to.wanted_prefix);
  Account account;
  std::string prefix = theirs.prefix;
  if (!path.empty())
    if (std::vector<std::string> names = NamingTrial(first, other, theirs, path, to).broken(); !names.empty())
      refuse_mixture(first, other, path.back(), std::move(names));
  if (path.empty())
    account.add(rewrite(other, {}, Direction::to_left, prefix, to.prefix, to.not_behind), prefix.size());
  for (const NamingStep& step : path) {
    if (step.no_way()) refuse(first, other, step);
    const LayoutRules rules = rules_of(step, other.tensors, prefix, &wanted);
    account.add(rewrite(other, rules, step.direction, prefix, to.prefix, to.not_behind), prefix.size());
    prefix = to.prefix;
  }
  account.tell(other, to, first.tensors);
  return account.text(theirs, to, first.tensors);
}

}  // namespace ckmerge
