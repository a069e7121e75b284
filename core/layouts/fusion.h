// SPDX-License-Identifier: Apache-2.0
// Tensors that are several on the right and one on the left: what is cut is found again, what is joined is complete.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/layouts/element_view.h"
#include "core/layouts/layout_rule.h"
#include "core/layouts/rule_matcher.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// The columns of the matrix by which rows of tensor `index` are cut: its own, or, of a bias, those of the weight
/// beside it. 0: there is none. `rule`: null for a tensor of the right.
uint64_t columns_beside(const TensorTable& tensors, size_t index, const LayoutRule* rule, bool stacks);

/// Collects the parts of tensors of the left, and makes these.
class Fusions {
 public:
  /// `prefix`: of the names of parts, in front of what the rules say.
  Fusions(const TensorTable& tensors, const LayoutRules& rules, std::string_view prefix)
      : tensors_(tensors), rules_(rules), prefix_(prefix) {}

  /// Tensor `index` is a part of `name`; npos: one that cannot be read, and then `name` cannot be either.
  void add(const std::string& name, const RuleMatch& match, size_t index);

  /// Adds the tensors to `made`, and a line to `faults` for each that cannot be made. `ones` as for turn().
  void make(TensorTable& made, std::vector<std::string>& faults, size_t ones) const;
  size_t size() const { return fused_.size(); }

 private:
  struct Part {
    size_t index, part;
    uint64_t stacked;
  };
  struct Fused {
    std::string name;
    RuleMatch match;  // of its first part
    bool is_read = true;
    std::vector<Part> parts = {};
  };
  std::string make(const Fused& fused, const RuleMatcher& matcher, size_t ones, TensorTable& made) const;
  std::string missing_part(const Fused& fused, const RuleMatcher& matcher, size_t place) const;
  std::string join(std::span<const Part> parts, const LayoutRule& rule, ElementView& joined) const;

  const TensorTable& tensors_;
  const LayoutRules& rules_;
  std::string_view prefix_;
  std::vector<Fused> fused_;
  std::unordered_map<std::string, size_t> places_;  // in fused_, by name
};

}  // namespace ckmerge
