// SPDX-License-Identifier: Apache-2.0
#include "core/formula/formula_number.h"

#include <cmath>
#include <utility>

#include "core/formula/number_arithmetic.h"
#include "core/recipe/number_sign.h"

namespace ckmerge {
namespace {

// Multiples of the golden ratio, modulo 1: no two alike, none of them 0 or 1, in no simple relation to each other.
double trial(size_t index, size_t trial) {
  constexpr double kGolden = 0.6180339887498949;
  const double x = static_cast<double>(1 + index * FormulaNumber::kTrials + trial) * kGolden;
  return x - std::floor(x) + 0.25;
}

}  // namespace

FormulaNumber FormulaNumber::named(MergeGraph& graph, NumberByName number, size_t index) {
  FormulaNumber out(number.value);
  for (size_t t = 0; t < kTrials; ++t) out.trials[t] = trial(index, t);
  out.term = graph.number(std::move(number));
  return out;
}

FormulaNumber computed(FormulaPlace place, MergeGraph& graph, const FormulaNumber& a, char sign,
                       const FormulaNumber& b) {
  FormulaNumber out(computed(place, a.value, sign, b.value));
  if (!a.term && !b.term) return out;
  for (size_t t = 0; t < FormulaNumber::kTrials; ++t) out.trials[t] = arithmetic(a.trials[t], sign, b.trials[t]);
  const bool is_same = (sign == '*' && !a.term && a.value == 1) || (sign == '+' && !a.term && a.value == 0);
  out.term = is_same ? b.term_in(graph) : graph.arithmetic(a.term_in(graph), sign, b.term_in(graph));
  return out;
}

}  // namespace ckmerge
