// SPDX-License-Identifier: Apache-2.0
// What formulas do with symbols, simplified while it is recorded.
#include <cmath>

#include "kernels/formula.h"

namespace ckmerge {

using Kind = SymbolNode::Kind;

Symbol operator*(Coefficient c, Symbol x) {
  const Weights weights = c.given * x.weights;
  if (x.node->kind == Kind::zero || c.is(0)) return x.graph->zero(weights);
  if (c.is(1)) return {x.node, x.graph, weights};
  const double k = c.slot == Instruction::kNoSlot ? c.given : 0;
  return x.graph->make({.kind = Kind::scale, .k = k, .slot = c.slot, .a = x.node}, weights);
}

Symbol operator+(Symbol x, Symbol y) {
  const Weights weights = x.weights + y.weights;
  if (x.node->kind == Kind::zero) return {y.node, y.graph, weights};
  if (y.node->kind == Kind::zero) return {x.node, x.graph, weights};
  return x.graph->make({.kind = Kind::add, .a = x.node, .b = y.node}, weights);
}

Symbol operator-(Symbol x, Symbol y) {
  const Weights weights = x.weights + -1.0 * y.weights;
  if (y.node->kind == Kind::zero) return {x.node, x.graph, weights};
  if (x.node->kind == Kind::zero) return x.graph->make({.kind = Kind::scale, .k = -1, .a = y.node}, weights);
  return x.graph->make({.kind = Kind::subtract, .a = x.node, .b = y.node}, weights);
}

namespace {

bool is(Symbol x, Op op) { return x.node->kind == Kind::elementwise && x.node->op == op; }

bool is_number(Symbol x) { return x.node->kind == Kind::constant; }

// Of a constant. A slot's value is not known.
Coefficient coefficient_of(Symbol x) {
  if (x.node->slot != Instruction::kNoSlot) return {.given = NAN, .slot = x.node->slot};
  return x.graph->coefficient(x.node->k);
}

bool is_one(Symbol x) { return is_number(x) && coefficient_of(x).is(1); }

bool is_negated(Symbol x) {
  return x.node->kind == Kind::scale && x.node->slot == Instruction::kNoSlot && x.node->k == -1;
}

}  // namespace

Symbol operator*(Symbol x, Symbol y) {
  if (is_number(x)) return coefficient_of(x) * y;
  if (is_number(y)) return coefficient_of(y) * x;
  const Weights weights = weights_of(Op::multiply, x.weights, y.weights, {});
  if (x.node->kind == Kind::zero || y.node->kind == Kind::zero) return x.graph->zero(weights);
  return x.graph->elementwise(Op::multiply, x, y);
}

Symbol operator/(Symbol x, Symbol y) { return is_one(y) ? x : x.graph->elementwise(Op::divide, x, y); }

Symbol absolute(Symbol x) {
  const Weights weights = weights_of(Op::absolute, x.weights, {}, {});
  if (x.node->kind == Kind::zero || is(x, Op::absolute)) return {x.node, x.graph, weights};
  if (is_negated(x)) return absolute({x.node->a, x.graph, -1.0 * x.weights});
  return x.graph->elementwise(Op::absolute, x);
}

Symbol square_root(Symbol x) {
  return x.node->kind == Kind::zero || is_one(x) ? x : x.graph->elementwise(Op::square_root, x);
}

Symbol smaller(Symbol x, Symbol y) { return x.node == y.node ? x : x.graph->elementwise(Op::minimum, x, y); }

Symbol larger(Symbol x, Symbol y) { return x.node == y.node ? x : x.graph->elementwise(Op::maximum, x, y); }

Symbol with_sign(Symbol magnitude, Symbol sign) {
  if (magnitude.node == sign.node) return magnitude;
  if (is(magnitude, Op::absolute) && magnitude.node->a == sign.node) return sign;
  return magnitude.graph->elementwise(Op::copy_sign, magnitude, sign);
}

Symbol where_negative(Symbol x, Symbol then, Symbol otherwise) {
  if (then.node == otherwise.node || x.node->kind == Kind::zero) return otherwise;
  return x.graph->elementwise(Op::select, x, then, otherwise);
}

Symbol where_less(Symbol x, Symbol y, Symbol then, Symbol otherwise) { return where_negative(x - y, then, otherwise); }

Symbol exponential(Symbol x) { return x.graph->elementwise(Op::exponential, x); }

Symbol logarithm(Symbol x) { return x.graph->elementwise(Op::logarithm, x); }

Symbol power(Symbol x, Symbol exponent) {
  if (exponent.node->kind == Kind::zero) return x.graph->constant(x.graph->coefficient(1));
  return is_one(exponent) ? x : x.graph->elementwise(Op::power, x, exponent);
}

Symbol quotient_or(Symbol x, Symbol y, Symbol otherwise) {
  return where_negative(y.graph->coefficient(-1) * y, x / y, otherwise);
}

}  // namespace ckmerge
