// SPDX-License-Identifier: Apache-2.0
#include "kernels/formula.h"

#include <bit>
#include <cmath>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

namespace ckmerge {

using Kind = SymbolNode::Kind;

// -0 and 0 are told apart, as the products that they make are.
bool FormulaGraph::Less::operator()(const SymbolNode& x, const SymbolNode& y) const {
  const auto key = [](const SymbolNode& node) {
    return std::tuple(node.kind, node.operand, std::bit_cast<uint64_t>(node.k), node.k1, node.slot, node.op,
                      reinterpret_cast<uintptr_t>(node.a), reinterpret_cast<uintptr_t>(node.b),
                      reinterpret_cast<uintptr_t>(node.c));
  };
  return key(x) < key(y);
}

Symbol FormulaGraph::make(const SymbolNode& node, Weights weights) {
  return {&*nodes_.insert(node).first, this, weights};
}

Coefficient FormulaGraph::coefficient(double value) const {
  return {.value = compute_ == Dtype::F64 ? value : static_cast<double>(static_cast<float>(value)), .given = value};
}

Symbol FormulaGraph::constant(Coefficient c) {
  if (c.is(0)) return zero();
  const double k = c.slot == Instruction::kNoSlot ? c.given : 0;
  return make({.kind = Kind::constant, .k = k, .slot = c.slot}, Weights::unknown());
}

Symbol FormulaGraph::elementwise(Op op, Symbol x, Symbol y, Symbol z) {
  const int operands = elementwise_operands(op);
  SymbolNode node{.kind = Kind::elementwise, .op = op, .a = x.node};
  if (operands > 1) node.b = y.node;
  if (operands > 2) node.c = z.node;
  return make(node, weights_of(op, x.weights, y.weights, z.weights));
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
  if (first_slot_) return {.given = NAN, .slot = static_cast<uint8_t>(*first_slot_ + k)};
  return graph_->coefficient(coefficients_[k]);
}

Symbol Tracing::keeping_equal(Symbol result) const {
  for (const Symbol& input : inputs_)
    if (!input.weights.add_up_to_one()) return {result.node, result.graph, Weights::unknown()};
  return {result.node, result.graph, {1, 1}};
}

Symbol Tracing::uniform(const char* method, size_t input, Coefficient seed) const {
  uint32_t hash = 0x811c9dc5;  // FNV-1a
  for (const char c : std::string_view(method)) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  return graph_->make(
      {.kind = Kind::placed, .operand = input, .k = seed.given, .k1 = static_cast<double>(hash), .op = Op::uniform},
      Weights::unknown());
}

Symbol Tracing::before(Coefficient share, Axis axis) const {
  return graph_->make({.kind = Kind::placed, .operand = static_cast<size_t>(axis), .k = share.given, .op = Op::before},
                      Weights::unknown());
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

  std::optional<Program> run(const SymbolNode* root, bool keep_equal) {
    count_uses(root);
    left_ = uses_;
    keeps_ = keep_equal && mentions_ > 1 && !is_choice(root);
    const bool fused = keeps_ && keep_in_one(root);
    keeps_ = keeps_ && !fused;
    program_.result = emit(root);
    if (keeps_ && !agrees_) agreed_ = registers_[first_];  // of one operand by itself
    if (fused) program_.code.back().op = kept(program_.code.back().op);
    if (keeps_) program_.result = finish(nullptr, {.op = Op::agreed_or, .a = agreed_, .b = program_.result});
    if (overflow_) return std::nullopt;
    return std::move(program_);
  }

 private:
  static Op kept(Op op) { return op == Op::mix ? Op::agree_or_mix : Op::agree_or_add_scaled_difference; }

  // Whether it takes one of the operands or another as it is, by the place of the element.
  static bool is_choice(const SymbolNode* node) {
    if (node->kind == Kind::operand) return true;
    return node->kind == Kind::elementwise && node->op == Op::select && node->a->kind == Kind::placed &&
           is_choice(node->b) && is_choice(node->c);
  }

  // Whether one operation over bare operands computes all of it.
  bool keep_in_one(const SymbolNode* root) const {
    const auto is_product = [&](const SymbolNode* node) {
      return folds(node, Kind::scale) && node->a->kind == Kind::operand;
    };
    if (root->kind != Kind::add) return false;
    if (is_product(root->a) && is_product(root->b)) return true;
    const auto is_move = [&](const SymbolNode* x, const SymbolNode* difference) {
      return x->kind == Kind::operand && folds(difference, Kind::subtract) && difference->a->kind == Kind::operand &&
             difference->b->kind == Kind::operand;
    };
    const SymbolNode* x = root->a;
    const SymbolNode* y = root->b;
    if (folds(x, Kind::scale)) std::swap(x, y);
    return operands_ == 3 && is_move(x, folds(y, Kind::scale) ? y->a : y);
  }

  void count_uses(const SymbolNode* node) {
    if (node->kind == Kind::operand) ++mentions_;
    if (++uses_[node] > 1) return;
    if (node->kind == Kind::operand) ++operands_;
    if (node->a) count_uses(node->a);
    if (node->b) count_uses(node->b);
    if (node->c) count_uses(node->c);
  }

  // Whether `node` may be folded into the instruction of its only user.
  bool folds(const SymbolNode* node, Kind kind) const { return node->kind == kind && uses_.at(node) == 1; }

  uint8_t emit(const SymbolNode* node) {
    if (const auto known = registers_.find(node); known != registers_.end()) return known->second;
    switch (node->kind) {
      case Kind::zero: return finish(node, {.op = Op::zero});
      case Kind::operand: return emit_load(node);
      case Kind::scale: {
        const uint8_t a = emit(node->a);
        return finish(node, {.op = Op::scale, .a = a, .k0 = node->k, .slot0 = node->slot}, node->a);
      }
      case Kind::add: return emit_add(node);
      case Kind::subtract: return emit_subtract(node);
      case Kind::constant: return finish(node, {.op = Op::constant, .k0 = node->k, .slot0 = node->slot});
      case Kind::elementwise: return emit_elementwise(node);
      case Kind::placed:
        return finish(node,
                      {.op = node->op, .operand = static_cast<uint16_t>(node->operand), .k0 = node->k, .k1 = node->k1});
    }
    return 0;
  }

  // Every operand after the first is held against what those before it agree on.
  uint8_t emit_load(const SymbolNode* node) {
    const uint8_t loaded = finish(node, {.op = Op::load, .operand = static_cast<uint16_t>(node->operand)});
    if (!keeps_) return loaded;
    if (!first_) {
      first_ = node;
      ++left_[node];  // stays until the second is there
      return loaded;
    }
    if (!agrees_) {
      agreed_ = finish(nullptr, {.op = Op::agree, .a = registers_[first_], .b = loaded}, first_);
      agrees_ = true;
    } else {
      program_.code.push_back({.op = Op::agree, .dst = agreed_, .a = agreed_, .b = loaded});
    }
    return loaded;
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

  uint8_t emit_elementwise(const SymbolNode* node) {
    Instruction instruction{.op = node->op, .a = emit(node->a)};
    if (node->b) instruction.b = emit(node->b);
    if (node->c) instruction.c = emit(node->c);
    return finish(node, instruction, node->a, node->b, node->c);
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
    if (node) registers_[node] = dst;
    instruction.dst = dst;
    program_.code.push_back(instruction);
    return dst;
  }

  Program program_;
  std::map<const SymbolNode*, int> uses_, left_;  // of each node, in all and still to come
  std::map<const SymbolNode*, uint8_t> registers_;
  bool taken_[kMaxRegisters] = {};
  bool overflow_ = false;
  size_t operands_ = 0;                // different ones
  size_t mentions_ = 0;                // of operands, by different nodes
  bool keeps_ = false;                 // what operands agree on is found while they are loaded
  const SymbolNode* first_ = nullptr;  // operand
  bool agrees_ = false;                // agreed_ is a register
  uint8_t agreed_ = 0;
};

}  // namespace

std::optional<Program> compile(Symbol result) {
  const bool per_tensor = result.weights.known && std::isnan(result.weights.sum);  // fill_slots() decides
  return Compiler(result.graph->compute()).run(result.node, per_tensor || result.weights.add_up_to_one());
}

}  // namespace ckmerge
