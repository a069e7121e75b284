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

TermId factor_in(MergeGraph& graph, const Combination::Part& part) {
  return part.number ? *part.number : graph.number(part.factor.sum);
}

TermId product(MergeGraph& graph, const FormulaNumber& k, const Combination::Part& part) {
  if (!part.number && part.factor.sum == 1) return k.term_in(graph);
  if (!k.term && k.value == 1) return *part.number;
  return graph.arithmetic(k.term_in(graph), '*', factor_in(graph, part));
}

}  // namespace

void Combination::scale(MergeGraph& graph, const FormulaNumber& k) {
  for (Part& part : parts_) {
    if (part.number || k.term) part.number = product(graph, k, part);
    part.factor = snapped(k.value * part.factor);
    for (size_t t = 0; t < part.trials.size(); ++t) part.trials[t] = snapped(k.trials[t] * part.trials[t]);
  }
}

void Combination::add(MergeGraph& graph, char sign, const Combination& other) {
  Combination signed_other = other;
  if (sign == '-') signed_other.scale(graph, FormulaNumber(-1));
  for (const Part& part : signed_other.parts_) {
    const auto known = std::ranges::find(parts_, part.term, &Part::term);
    if (known == parts_.end()) {
      parts_.push_back(part);
      continue;
    }
    if (known->number || part.number)
      known->number = graph.arithmetic(factor_in(graph, *known), '+', factor_in(graph, part));
    known->factor = snapped(known->factor + part.factor);
    for (size_t t = 0; t < part.trials.size(); ++t) known->trials[t] = snapped(known->trials[t] + part.trials[t]);
  }
}

Weights Combination::weights(const MergeGraph& graph) const {
  Weights weights;
  for (const Part& part : parts_)
    if (graph[part.term].type == TermType::checkpoint)
      weights = weights + Weights{part.factor.sum, std::fabs(part.factor.sum)};
  return weights;
}

bool Combination::varies() const {
  return std::ranges::any_of(parts_, [](const Part& part) { return part.number.has_value(); });
}

std::optional<TermType> Combination::type(const MergeGraph& graph) const {
  const std::optional<TermType> type = type_of(graph, std::nullopt);
  for (size_t t = 0; t < FormulaNumber::kTrials && varies(); ++t)
    if (type_of(graph, t) != type) return std::nullopt;
  return type;
}

// With the factors of a trial, or those of the recipe.
std::optional<TermType> Combination::type_of(const MergeGraph& graph, std::optional<size_t> trial) const {
  Weights all;
  for (const Part& part : parts_)
    if (const double sum = trial ? part.trials[*trial].sum : part.factor.sum;
        graph[part.term].type == TermType::checkpoint)
      all = all + Weights{sum, std::fabs(sum)};
  // Of weights so large that their sum's digits are lost neither can be said.
  if (all.add_up_to_one() == all.add_up_to_zero()) return std::nullopt;
  return all.add_up_to_one() ? TermType::checkpoint : TermType::delta;
}

TermId Combination::settle(MergeGraph& graph) const {
  std::vector<TermId> factors, terms;
  for (const Part& part : parts_) {
    if (!part.number && part.factor.sum == 0 && (&part != &parts_.back() || !terms.empty())) continue;
    factors.push_back(factor_in(graph, part));
    terms.push_back(part.term);
  }
  if (varies()) return graph.sum(std::move(factors), std::move(terms), *type(graph));
  if (terms.size() == 1 && graph[factors[0]].number.value == 1) return terms[0];
  return graph.sum(std::move(factors), std::move(terms));
}

}  // namespace ckmerge
