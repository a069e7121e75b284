// SPDX-License-Identifier: Apache-2.0
// How a formula becomes a tile program. A method writes its formula once, over any value type; called with Symbols it
// records a graph, which compile() turns into a Program. Simplifications happen while recording, so that they hold for
// every formula alike: a term with coefficient zero vanishes (even where its tensor holds NaN or Inf) and a coefficient
// of one multiplies nothing. What remains of a merge with alpha 0 is therefore a bare operand, and the planner copies
// it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "kernels/made_operand.h"
#include "kernels/program.h"

namespace ckmerge {

/// One node of the recorded graph. Nodes are owned by the FormulaGraph that made them.
struct SymbolNode {
  enum class Kind : uint8_t { zero, operand, scale, add, subtract, constant, elementwise, placed, kept };
  Kind kind = Kind::zero;
  bool is_beside = false;                 ///< operand: no input, and not held against those (FormulaGraph::beside())
  size_t operand = 0;                     ///< operand; placed: as Instruction::operand before fill_places()
  double k = 0;                           ///< scale, constant: the number as given; rounded when the program runs
  double k1 = 0;                          ///< placed: with k, as fill_places() wants them
  uint16_t slot = Instruction::kNoSlot;   ///< scale, constant, placed: which coefficient of the tensor, instead of k
  uint16_t slot1 = Instruction::kNoSlot;  ///< placed: instead of k1
  Op op = Op::zero;                       ///< elementwise: a row of kernels/elementwise.h; placed: one of those
  const SymbolNode* a = nullptr;
  const SymbolNode* b = nullptr;
  const SymbolNode* c = nullptr;
};

class FormulaGraph;

/// A value of the graph. Cheap to copy; valid as long as its graph.
struct Symbol {
  const SymbolNode* node = nullptr;
  FormulaGraph* graph = nullptr;
  Weights weights = {};  ///< of its operands, as they were given; NaN where one is known per tensor
};

/// A scalar of a formula; or the slot of one that is known per tensor.
struct Coefficient {
  double value = 0;  ///< rounded to the compute dtype: what is 0 or 1 then needs no product
  double given = 0;
  uint16_t slot = Instruction::kNoSlot;

  bool is(double number) const { return slot == Instruction::kNoSlot && value == number; }
};

/// The graph that formulas record. Equal nodes are one node: what occurs twice is computed once.
class FormulaGraph {
 public:
  /// `compute` is F32 or F64.
  explicit FormulaGraph(Dtype compute) : compute_(compute) {}
  FormulaGraph(const FormulaGraph&) = delete;
  FormulaGraph& operator=(const FormulaGraph&) = delete;

  Dtype compute() const { return compute_; }
  Symbol make(const SymbolNode& node, Weights weights);
  Symbol zero(Weights weights = {}) { return make({}, weights); }
  Symbol operand(size_t k) { return make({.kind = SymbolNode::Kind::operand, .operand = k}, {1, 1}); }
  /// One that is no weights but what is added to them, whatever others hold.
  Symbol change(size_t k) { return make({.kind = SymbolNode::Kind::operand, .operand = k}, Weights::unknown()); }
  /// One that says something of an element, and is neither weights nor added to them.
  Symbol beside(size_t k) {
    return make({.kind = SymbolNode::Kind::operand, .is_beside = true, .operand = k}, Weights::unknown());
  }
  /// `value` rounded to the compute dtype. REQUIRES: finite after that.
  Coefficient coefficient(double value) const;
  /// The same number for every element. REQUIRES: finite after rounding to the compute dtype, unless a slot.
  Symbol constant(Coefficient c);
  /// An operation of kernels/elementwise.h; symbols that it does not read are ignored.
  Symbol elementwise(Op op, Symbol x, Symbol y = {}, Symbol z = {});

 private:
  struct Less {
    bool operator()(const SymbolNode& x, const SymbolNode& y) const;
  };
  Dtype compute_;
  std::set<SymbolNode, Less> nodes_;  // a set, because nodes point at each other and stay where they are
};

/// The argument of a formula while it is traced: input k is x(k), coefficient k is c(k).
class Tracing {
 public:
  /// How a formula of plain operands is traced.
  struct Options {
    /// Coefficients are those of the tensor, known when it is computed (Instruction::slot0): c(k) * x stays a product
    /// with slot k, whatever its value will be.
    bool slots = false;
    bool only_first = false;  ///< every operand but x(0) counts as zero
  };

  /// A formula by itself: input k is operand k. `compute` is F32 or F64. REQUIRES: every coefficient is finite after
  /// rounding to it, unless they are slots.
  Tracing(Dtype compute, size_t inputs, std::span<const double> coefficients, Options options);
  Tracing(Dtype compute, size_t inputs, std::span<const double> coefficients)
      : Tracing(compute, inputs, coefficients, Options()) {}

  /// A formula within others: its inputs are values of `graph`. Its coefficients are constants, or slots from
  /// `first_slot` on; its numbers of lines are those from `first_line` on.
  Tracing(FormulaGraph& graph, std::vector<Symbol> inputs, std::span<const double> coefficients,
          std::optional<uint16_t> first_slot, uint16_t first_line = 0);

  size_t inputs() const { return inputs_.size(); }
  Symbol x(size_t k) const { return inputs_[k]; }
  Coefficient c(size_t k) const;
  /// The same of the recipe, where c(k) is the tensor's: what a formula and its reductions may be shaped by.
  Coefficient given(size_t k) const { return graph_->coefficient(coefficients_[k]); }

  /// A scalar of the formula itself.
  Coefficient rounded(double value) const { return graph_->coefficient(value); }
  /// A number of the formula itself, for every element.
  Symbol number(double value) const { return graph_->constant(graph_->coefficient(value)); }
  Symbol number(Coefficient c) const { return graph_->constant(c); }

  /// What the method wants beside its inputs and Method::made() speaks of. Of a formula by itself it is the operand
  /// inputs() * (1 + the number of its kind) + input.
  Symbol made(MadeOperand::Kind kind, size_t input) const;
  void take_made(const MadeOperand& wanted, Symbol symbol) { made_.emplace_back(wanted, symbol); }

  /// A number in [0, 1) for every element of a tensor, another one for each seed, `method`, `input` of it and name of a
  /// tensor, the same whatever the inputs hold. REQUIRES: `seed` is a whole number from 0, and no slot.
  Symbol uniform(const char* method, size_t input, Coefficient seed) const;

  /// Below 0 in the first `share` of the rows of a tensor, or of its columns, whole ones alone, and above 0 elsewhere.
  /// REQUIRES: no slot.
  enum class Axis : uint8_t { rows, columns };
  Symbol before(Coefficient share, Axis axis) const;

  /// Below 0 where an element's magnitude is larger than that of `least`, or as large and its index in the tensor is
  /// below `end`, and above 0 elsewhere; NaN is the largest magnitude. So stay those that Reduce::cut is to keep.
  Symbol stays(Symbol magnitude, Coefficient least, Coefficient end) const;

  /// Number k of those that the method makes of the row or column in which an element lies (Method::line_coefficients).
  Symbol line(size_t k) const;

  /// `result`, of which the mathematics says that it is the input where all inputs are equal, while the arithmetic may
  /// miss it by a rounding or find no value: there the input is kept (compile()).
  Symbol keeping_equal(Symbol result) const;

 private:
  std::unique_ptr<FormulaGraph> own_;  // of a formula by itself
  FormulaGraph* graph_;
  std::vector<Symbol> inputs_;
  std::span<const double> coefficients_;
  std::optional<uint16_t> first_slot_;
  std::vector<std::pair<MadeOperand, Symbol>> made_;
  uint16_t first_line_ = 0;
};

Symbol operator*(Coefficient c, Symbol x);
Symbol operator+(Symbol x, Symbol y);
Symbol operator-(Symbol x, Symbol y);

// What vanishes in a product takes the other factor's NaN and Inf with it, as with a coefficient of zero.
Symbol operator*(Symbol x, Symbol y);
Symbol operator/(Symbol x, Symbol y);
Symbol absolute(Symbol x);
Symbol square_root(Symbol x);
Symbol smaller(Symbol x, Symbol y);
Symbol larger(Symbol x, Symbol y);
Symbol with_sign(Symbol magnitude, Symbol sign);
/// `then` where x < 0, else `otherwise`, also where x is NaN.
Symbol where_negative(Symbol x, Symbol then, Symbol otherwise);
/// `then` where x < y, else `otherwise`, also where one of them is NaN.
Symbol where_less(Symbol x, Symbol y, Symbol then, Symbol otherwise);
Symbol exponential(Symbol x);
Symbol logarithm(Symbol x);
/// REQUIRES: x is nowhere below 0; it is NaN there.
Symbol power(Symbol x, Symbol exponent);
/// x / y, and `otherwise` where y is 0. REQUIRES: y is nowhere below 0. Where y is NaN, `otherwise` too.
Symbol quotient_or(Symbol x, Symbol y, Symbol otherwise);

/// `x`, to which changes (FormulaGraph::change()) are added by what follows: where its operands hold the same bits
/// it comes out as those bits (compile()), whatever is added then. REQUIRES: it is the first of the sum that is
/// compiled, and the only one of its kind.
Symbol kept(Symbol x);

/// The operand that `result` is, when nothing is computed; empty otherwise.
std::optional<size_t> bare_operand(Symbol result);

/// The program that computes `result`; empty when it needs more than kMaxRegisters registers. Where the coefficients of
/// its operands, as given, add up to one (Weights), an element in which all operands hold the same bits comes out as
/// those bits: rounded products of equal numbers need not add up to the number, and Inf - Inf is NaN.
std::optional<Program> compile(Symbol result);

}  // namespace ckmerge
