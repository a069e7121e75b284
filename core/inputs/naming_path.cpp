// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/naming_path.h"

#include <algorithm>
#include <string_view>

namespace ckmerge {
namespace {

using Path = std::vector<NamingStep>;

// Steps that begin at `from`.
Path steps_from(const ModelFamily& family, Naming from) {
  Path steps;
  for (const ModelFamily& row : model_families()) {
    if (!row.rules || row.role != family.role || std::string_view(row.name) != family.name) continue;
    for (const Direction direction : {Direction::to_right, Direction::to_left})
      if (const NamingStep step{&row, direction}; step.from() == from && step.to() != from) steps.push_back(step);
  }
  return steps;
}

}  // namespace

LayoutRules rules_of(const NamingStep& step, const TensorTable& tensors, const std::string& prefix,
                     const ComponentNames* wanted) {
  return step.family->rules(ComponentNames(tensors, prefix, wanted), step.direction == Direction::to_right);
}

std::vector<Naming> other_namings(const ModelFamily& family, Naming naming) {
  std::vector<Naming> others;
  for (const ModelFamily& row : model_families()) {
    if (row.role != family.role || std::string_view(row.name) != family.name) continue;
    for (const Naming one : {row.left, row.right})
      if (one != naming && std::ranges::find(others, one) == others.end()) others.push_back(one);
  }
  return others;
}

std::vector<NamingStep> naming_path(const ModelFamily& family, Naming from, Naming to) {
  if (from == to) return {};
  std::vector<Path> paths;  // by length
  for (const NamingStep& step : steps_from(family, from)) paths.push_back({step});
  for (size_t i = 0; i < paths.size(); ++i) {
    Path path = paths[i];
    if (path.back().to() == to) return path;
    const auto was_there = [&](Naming naming) {
      return naming == from || std::ranges::any_of(path, [&](const NamingStep& step) { return step.to() == naming; });
    };
    for (const NamingStep& step : steps_from(family, path.back().to())) {
      if (was_there(step.to())) continue;
      paths.push_back(path);
      paths.back().push_back(step);
    }
  }
  return {};
}

}  // namespace ckmerge
