// SPDX-License-Identifier: Apache-2.0
#include "core/formula/combination.h"

#include <algorithm>
#include <cmath>

namespace ckmerge {
namespace {

// 0.1 + 0.2 + 0.7 of one checkpoint is the checkpoint.
Weights snapped(Weights factor) {
  if (!std::isfinite(factor.magnitude)) return factor;
  if (factor.add_up_to_one()) factor.sum = 1;
  if (factor.add_up_to_zero()) factor.sum = 0;
  return factor;
}

}  // namespace

void Combination::add(double k, const Combination& other) {
  for (const Part& part : other.parts_) {
    const Weights factor = k * part.factor;
    const auto known = std::ranges::find(parts_, part.term, &Part::term);
    if (known == parts_.end()) {
      parts_.push_back({part.term, factor});
      continue;
    }
    known->factor = snapped(known->factor + factor);
  }
}

void Combination::scale(double k) {
  for (Part& part : parts_) part.factor = snapped(k * part.factor);
}

Weights Combination::weights(const MergeGraph& graph) const {
  Weights weights;
  for (const Part& part : parts_)
    if (graph[part.term].type == TermType::checkpoint)
      weights = weights + Weights{part.factor.sum, std::fabs(part.factor.sum)};
  return weights;
}

std::optional<TermType> Combination::type(const MergeGraph& graph) const {
  const Weights all = weights(graph);
  // Of weights so large that their sum's digits are lost neither can be said.
  if (all.add_up_to_one() == all.add_up_to_zero()) return std::nullopt;
  return all.add_up_to_one() ? TermType::checkpoint : TermType::delta;
}

TermId Combination::settle(MergeGraph& graph) const {
  std::vector<TermId> factors, terms;
  for (const Part& part : parts_) {
    if (part.factor.sum == 0 && (&part != &parts_.back() || !terms.empty())) continue;
    factors.push_back(graph.number(part.factor.sum));
    terms.push_back(part.term);
  }
  if (terms.size() == 1 && graph[factors[0]].number.value == 1) return terms[0];
  return graph.sum(std::move(factors), std::move(terms));
}

}  // namespace ckmerge
