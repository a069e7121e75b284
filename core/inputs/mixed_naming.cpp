// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/mixed_naming.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <optional>
#include <string_view>
#include <utility>

#include "core/inputs/brought_component.h"
#include "core/inputs/naming_path.h"
#include "core/inputs/naming_trial.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Tensors of a component that only another naming of its family knows.
struct OtherlyNamed {
  Naming naming = Naming::original;
  std::vector<std::string> names = {};     // of the file
  std::vector<std::string> repeated = {};  // of those, what the file also has by the component's own naming
};

struct Ways {
  Naming naming;
  std::vector<NamingStep> from_it, to_it;
  ToldComponent as_it;
};

std::vector<Ways> ways_of(const ToldComponent& component) {
  std::vector<Ways> all;
  for (const Naming naming : other_namings(*component.family, component.naming())) {
    Ways ways{.naming = naming,
              .from_it = naming_path(*component.family, naming, component.naming()),
              .to_it = naming_path(*component.family, component.naming(), naming),
              .as_it = {}};
    if (ways.from_it.empty() || ways.to_it.empty()) continue;
    const NamingStep& begin = ways.from_it.front();
    ways.as_it = {
        .family = begin.family, .is_left = begin.direction == Direction::to_right, .prefix = component.prefix};
    all.push_back(std::move(ways));
  }
  return all;
}

std::vector<OtherlyNamed> otherly_named(const Checkpoint& checkpoint, const ToldComponent& component,
                                        std::span<const std::string> not_behind) {
  const std::vector<Ways> ways = ways_of(component);
  const Destination own{.prefix = component.prefix,
                        .naming = component.naming(),
                        .wanted_prefix = component.prefix,
                        .not_behind = {not_behind.begin(), not_behind.end()}};
  std::deque<NamingTrial> there, back;
  std::vector<OtherlyNamed> found;
  for (const Ways& way : ways) {
    there.emplace_back(checkpoint, checkpoint, component, way.to_it, own);
    back.emplace_back(checkpoint, checkpoint, way.as_it, way.from_it, own);
    found.push_back({.naming = way.naming});
  }
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) {
    const std::string_view name = checkpoint.tensors.name(i);
    if (std::ranges::any_of(there, [&](const NamingTrial& trial) { return trial.covers(name); })) continue;
    for (size_t w = 0; w < ways.size(); ++w) {
      const std::optional<std::string> target = back[w].target(name);
      if (!target) continue;
      found[w].names.emplace_back(name);
      if (checkpoint.tensors.find(*target) != TensorTable::npos) found[w].repeated.emplace_back(name);
      break;
    }
  }
  std::erase_if(found, [](const OtherlyNamed& one) { return one.names.empty(); });
  return found;
}

bool is_one(const std::vector<std::string>& names) { return names.size() == 1; }

[[noreturn]] void refuse_repeated(const Checkpoint& checkpoint, const ToldComponent& component, OtherlyNamed found) {
  std::vector<std::string>& names = found.repeated;
  const std::string what = sentence(
      checkpoint.path, ": its ", component.family->name, " is in the naming ", name(component.naming()), ", and ",
      counted(names.size(), "tensor"), is_one(names) ? " of it is" : " of it are", " there a second time, as ",
      name(found.naming), " has them; leave out those that are not meant (--discard REGEX)");
  throw Error(ErrorCode::mismatch, checkpoint.path, what, std::move(names));
}

}  // namespace

void expect_one_naming(Checkpoint& checkpoint, const ToldComponent& component,
                       std::span<const std::string> not_behind) {
  constexpr size_t kMostNamed = 3;
  for (OtherlyNamed& found : otherly_named(checkpoint, component, not_behind)) {
    if (!found.repeated.empty()) refuse_repeated(checkpoint, component, std::move(found));
    const std::vector<std::string>& names = found.names;
    std::string text =
        sentence(component.family->name, ": ", counted(names.size(), "tensor"), is_one(names) ? " is" : " are",
                 " called as ", name(found.naming), " has them, among ", name(component.naming()), " names, and ",
                 is_one(names) ? "is" : "are", " carried along as before: ");
    for (size_t i = 0; i < std::min(kMostNamed, names.size()); ++i) text += (i == 0 ? "" : ", ") + names[i];
    checkpoint.notes.push_back(text + (names.size() > kMostNamed ? ", ..." : ""));
    for (std::string& name : found.names)
      checkpoint.unplaced.push_back({.name = std::move(name), .fate = UnplacedTensor::Fate::carried});
  }
}

}  // namespace ckmerge
