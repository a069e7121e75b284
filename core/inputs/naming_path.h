// SPDX-License-Identifier: Apache-2.0
// The way from one naming of a family to another, by the rules of one row of the table of families or of several.
#pragma once

#include <string>
#include <vector>

#include "core/families/model_family.h"

namespace ckmerge {

/// One row of rules, in one direction.
struct NamingStep {
  const ModelFamily* family;
  Direction direction;

  Naming from() const { return direction == Direction::to_right ? family->left : family->right; }
  Naming to() const { return direction == Direction::to_right ? family->right : family->left; }
  /// Why it cannot be gone; null: it can.
  const char* no_way() const { return direction == Direction::to_right ? family->no_way_right : family->no_way_left; }
};

/// The rules by which names of `tensors` behind `prefix`, which are in the naming that the step begins with, are
/// changed; `wanted` as ComponentNames takes it.
LayoutRules rules_of(const NamingStep& step, const TensorTable& tensors, const std::string& prefix,
                     const ComponentNames* wanted = nullptr);

/// All that rows which are called as `family` is know, but `naming`.
std::vector<Naming> other_namings(const ModelFamily& family, Naming naming);

/// The fewest steps among the rows that are called as `family` is; empty where there is no way, or `from` is `to`.
std::vector<NamingStep> naming_path(const ModelFamily& family, Naming from, Naming to);

}  // namespace ckmerge
