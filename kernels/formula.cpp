// SPDX-License-Identifier: Apache-2.0
#include "kernels/formula.h"

#include <bit>
#include <map>
#include <tuple>
#include <utility>

namespace ckmerge {

using Kind = SymbolNode::Kind;

// -0 and 0 are told apart, as the products that they make are.
bool FormulaGraph::Less::operator()(const SymbolNode& x, const SymbolNode& y) const {
  const auto key = [](const SymbolNode& node) {
    return std::tuple(node.kind, node.operand, std::bit_cast<uint64_t>(node.k), node.slot,
                      reinterpret_cast<uintptr_t>(node.a), reinterpret_cast<uintptr_t>(node.b));
  };
  return key(x) < key(y);
}

Symbol FormulaGraph::make(const SymbolNode& node) { return {&*nodes_.insert(node).first, this}; }

Coefficient FormulaGraph::coefficient(double value) const {
  return {.value = compute_ == Dtype::F64 ? value : static_cast<double>(static_cast<float>(value))};
}

Tracing::Tracing(Dtype compute, size_t inputs, std::span<const double> coefficients, Options options)
    : own_(std::make_unique<FormulaGraph>(compute)), graph_(own_.get()), coefficients_(coefficients) {
  for (size_t k = 0; k < inputs; ++k)
    inputs_.push_back(options.only_first && k > 0 ? graph_->zero() : graph_->operand(k));
  if (options.slots) first_slot_ = 0;
}

Tracing::Tracing(FormulaGraph& graph, std::vector<Symbol> inputs, std::span<const double> coefficients,
                 std::optional<uint8_t> first_slot)
    : graph_(&graph), inputs_(std::move(inputs)), coefficients_(coefficients), first_slot_(first_slot) {}

Coefficient Tracing::c(size_t k) const {
  if (first_slot_) return {.slot = static_cast<uint8_t>(*first_slot_ + k)};
  return graph_->coefficient(coefficients_[k]);
}

Symbol operator*(Coefficient c, Symbol x) {
  if (x.node->kind == Kind::zero) return x;
  if (c.slot == Instruction::kNoSlot && c.value == 0) return x.graph->zero();
  if (c.slot == Instruction::kNoSlot && c.value == 1) return x;
  return x.graph->make({.kind = Kind::scale, .k = c.value, .slot = c.slot, .a = x.node});
}

Symbol operator+(Symbol x, Symbol y) {
  if (x.node->kind == Kind::zero) return y;
  if (y.node->kind == Kind::zero) return x;
  return x.graph->make({.kind = Kind::add, .a = x.node, .b = y.node});
}

Symbol operator-(Symbol x, Symbol y) {
  if (y.node->kind == Kind::zero) return x;
  if (x.node->kind == Kind::zero) return x.graph->make({.kind = Kind::scale, .k = -1, .a = y.node});
  return x.graph->make({.kind = Kind::subtract, .a = x.node, .b = y.node});
}

std::optional<size_t> bare_operand(Symbol result) {
  if (result.node->kind != Kind::operand) return std::nullopt;
  return result.node->operand;
}

namespace {

// Emits instructions in post-order, left to right, which keeps one accumulator and one loaded operand alive for a sum
// of any length. Pairs that a single block operation covers are emitted as that operation: the same roundings in the
// same order, with fewer trips through L1.
class Compiler {
 public:
  explicit Compiler(Dtype compute) { program_.compute = compute; }

  std::optional<Program> run(const SymbolNode* root) {
    count_uses(root);
    left_ = uses_;
    program_.result = emit(root);
    if (overflow_) return std::nullopt;
    return std::move(program_);
  }

 private:
  void count_uses(const SymbolNode* node) {
    if (++uses_[node] > 1) return;
    if (node->a) count_uses(node->a);
    if (node->b) count_uses(node->b);
  }

  // Whether `node` may be folded into the instruction of its only user.
  bool folds(const SymbolNode* node, Kind kind) const { return node->kind == kind && uses_.at(node) == 1; }

  uint8_t emit(const SymbolNode* node) {
    if (const auto known = registers_.find(node); known != registers_.end()) return known->second;
    switch (node->kind) {
      case Kind::zero: return finish(node, {.op = Op::zero});
      case Kind::operand: return finish(node, {.op = Op::load, .operand = static_cast<uint16_t>(node->operand)});
      case Kind::scale: {
        const uint8_t a = emit(node->a);
        return finish(node, {.op = Op::scale, .a = a, .k0 = node->k, .slot0 = node->slot}, node->a);
      }
      case Kind::add: return emit_add(node);
      case Kind::subtract: return emit_subtract(node);
    }
    return 0;
  }

  uint8_t emit_add(const SymbolNode* node) {
    const SymbolNode* x = node->a;
    const SymbolNode* y = node->b;
    if (folds(x, Kind::scale) && folds(y, Kind::scale)) {
      const uint8_t a = emit(x->a), b = emit(y->a);
      return finish(node, {.op = Op::mix, .a = a, .b = b, .k0 = x->k, .k1 = y->k, .slot0 = x->slot, .slot1 = y->slot},
                    x->a, y->a);
    }
    if (folds(x, Kind::scale)) std::swap(x, y);  // IEEE addition commutes; a NaN's payload is not kept anyway
    if (folds(y, Kind::scale)) {
      if (folds(y->a, Kind::subtract)) return emit_scaled_difference(node, x, *y, y->a);
      const uint8_t a = emit(x), b = emit(y->a);
      return finish(node, {.op = Op::add_scaled, .a = a, .b = b, .k0 = y->k, .slot0 = y->slot}, x, y->a);
    }
    if (folds(y, Kind::subtract)) return emit_scaled_difference(node, x, {.k = 1}, y);
    const uint8_t a = emit(x), b = emit(y);
    return finish(node, {.op = Op::add, .a = a, .b = b}, x, y);
  }

  uint8_t emit_scaled_difference(const SymbolNode* node, const SymbolNode* x, const SymbolNode& scale,
                                 const SymbolNode* difference) {
    const uint8_t a = emit(x), b = emit(difference->a), c = emit(difference->b);
    return finish(node, {.op = Op::add_scaled_difference, .a = a, .b = b, .c = c, .k0 = scale.k, .slot0 = scale.slot},
                  x, difference->a, difference->b);
  }

  uint8_t emit_subtract(const SymbolNode* node) {
    const uint8_t a = emit(node->a), b = emit(node->b);
    return finish(node, {.op = Op::subtract, .a = a, .b = b}, node->a, node->b);
  }

  // Gives back registers whose last use this is, then takes the lowest free one for the result.
  uint8_t finish(const SymbolNode* node, Instruction instruction, const SymbolNode* a = nullptr,
                 const SymbolNode* b = nullptr, const SymbolNode* c = nullptr) {
    for (const SymbolNode* used : {a, b, c})
      if (used && --left_[used] == 0) taken_[registers_[used]] = false;
    uint8_t dst = 0;
    while (dst < kMaxRegisters && taken_[dst]) ++dst;
    if (dst == kMaxRegisters) {
      overflow_ = true;
      return 0;
    }
    taken_[dst] = true;
    registers_[node] = dst;
    instruction.dst = dst;
    program_.code.push_back(instruction);
    return dst;
  }

  Program program_;
  std::map<const SymbolNode*, int> uses_, left_;  // of each node, in all and still to come
  std::map<const SymbolNode*, uint8_t> registers_;
  bool taken_[kMaxRegisters] = {};
  bool overflow_ = false;
};

}  // namespace

std::optional<Program> compile(Symbol result) { return Compiler(result.graph->compute()).run(result.node); }

}  // namespace ckmerge
