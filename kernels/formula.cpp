// SPDX-License-Identifier: Apache-2.0
#include "kernels/formula.h"

#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace ckmerge {

using Kind = SymbolNode::Kind;

// -0 and 0 are told apart, as the products that they make are.
bool FormulaGraph::Less::operator()(const SymbolNode& x, const SymbolNode& y) const {
  const auto key = [](const SymbolNode& node) {
    return std::tuple(node.kind, node.is_beside, node.operand, std::bit_cast<uint64_t>(node.k), node.k1, node.slot,
                      node.slot1, node.op, reinterpret_cast<uintptr_t>(node.a), reinterpret_cast<uintptr_t>(node.b),
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
                 std::optional<uint16_t> first_slot, uint16_t first_line)
    : graph_(&graph),
      inputs_(std::move(inputs)),
      coefficients_(coefficients),
      first_slot_(first_slot),
      first_line_(first_line) {}

Coefficient Tracing::c(size_t k) const {
  if (first_slot_) return {.given = NAN, .slot = static_cast<uint16_t>(*first_slot_ + k)};
  return given(k);
}

Symbol Tracing::keeping_equal(Symbol result) const {
  for (const Symbol& input : inputs_)
    if (!input.weights.add_up_to_one()) return {result.node, result.graph, Weights::unknown()};
  return {result.node, result.graph, {1, 1}};
}

Symbol Tracing::uniform(const char* method, size_t input, Coefficient seed) const {
  return graph_->make({.kind = Kind::placed,
                       .operand = input,
                       .k = seed.given,
                       .k1 = static_cast<double>(method_number(method)),
                       .op = Op::uniform},
                      Weights::unknown());
}

Symbol Tracing::made(MadeOperand::Kind kind, size_t input) const {
  for (const auto& [wanted, symbol] : made_)
    if (wanted.is(kind, input)) return symbol;
  return graph_->beside(inputs_.size() * (1 + static_cast<size_t>(kind)) + input);
}

Symbol Tracing::before(Coefficient share, Axis axis) const {
  return graph_->make({.kind = Kind::placed, .operand = static_cast<size_t>(axis), .k = share.given, .op = Op::before},
                      Weights::unknown());
}

Symbol Tracing::line(size_t k) const {
  return graph_->make({.kind = Kind::placed, .operand = first_line_ + k, .op = Op::line}, Weights::unknown());
}

Symbol Tracing::stays(Symbol magnitude, Coefficient least, Coefficient end) const {
  const auto number = [](Coefficient c) { return c.slot == Instruction::kNoSlot ? c.given : 0; };
  return graph_->make({.kind = Kind::placed,
                       .k = number(least),
                       .k1 = number(end),
                       .slot = least.slot,
                       .slot1 = end.slot,
                       .op = Op::stays,
                       .a = magnitude.node},
                      Weights::unknown());
}

namespace {

// Where it is known per tensor whether they add up to one fill_slots() decides.
bool may_keep_equal(Weights weights) { return (weights.known && std::isnan(weights.sum)) || weights.add_up_to_one(); }
bool always_keeps(Weights weights) { return weights.add_up_to_one(); }

}  // namespace

Symbol kept(Symbol x) {
  if (!may_keep_equal(x.weights) || x.node->kind == Kind::operand) return x;
  return x.graph->make({.kind = Kind::kept, .k = always_keeps(x.weights) ? 1.0 : 0.0, .a = x.node}, Weights::unknown());
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
  Compiler(Dtype compute, bool always_keeps) {
    program_.compute = compute;
    program_.always_keeps = always_keeps;
  }

  std::optional<Program> run(const SymbolNode* root, bool keep_equal) {
    const SymbolNode* const kept = kept_in(root);
    const SymbolNode* const merged = kept ? kept->a : root;
    keep_equal |= kept != nullptr;
    if (kept) program_.always_keeps = kept->k == 1;
    count_uses(merged);
    keeps_ = keep_equal && mentions_ > 1 && !is_choice(merged);
    const bool fused = keeps_ && keep_in_one(merged);
    keeps_ = keeps_ && !fused;
    if (kept) count_uses_again(root);
    left_ = uses_;
    program_.result = emit(merged);
    if (keeps_ && !agrees_) agreed_ = registers_[first_];  // of one operand by itself
    if (fused) program_.code.back().op = keeping(program_.code.back().op);
    if (keeps_)
      program_.result =
          finish(nullptr, {.op = Op::agreed_or, .a = agreed_, .b = program_.result}, kept ? merged : nullptr);
    keeps_ = false;
    if (kept) {
      registers_[kept] = program_.result;
      program_.result = emit(root);
    }
    if (overflow_) return std::nullopt;
    program_.always_keeps &= program_.has_slots();
    return std::move(program_);
  }

 private:
  // What is merged before changes are added, in a sum of both.
  static const SymbolNode* kept_in(const SymbolNode* root) {
    while (root->kind == Kind::add || root->kind == Kind::subtract) root = root->a;
    return root->kind == Kind::kept ? root : nullptr;
  }

  static Op keeping(Op op) { return op == Op::mix ? Op::agree_or_mix : Op::agree_or_add_scaled_difference; }

  // Whether it takes one of the operands or another as it is, by the place of the element.
  static bool is_choice(const SymbolNode* node) {
    if (node->kind == Kind::operand) return !node->is_beside;
    return node->kind == Kind::elementwise && node->op == Op::select && node->a->kind == Kind::placed && !node->a->a &&
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

  void count_uses(const SymbolNode* root) {
    for (std::vector<const SymbolNode*> next{root}; !next.empty();) {
      const SymbolNode* const node = next.back();
      next.pop_back();
      const bool is_input = node->kind == Kind::operand && !node->is_beside;
      mentions_ += is_input;
      if (++uses_[node] > 1) continue;
      operands_ += is_input;
      for (const SymbolNode* const source : {node->a, node->b, node->c})
        if (source) next.push_back(source);
    }
  }

  void count_uses_again(const SymbolNode* root) {
    uses_.clear();
    count_uses(root);
  }

  // Whether `node` may be folded into the instruction of its only user.
  bool folds(const SymbolNode* node, Kind kind) const { return node->kind == kind && uses_.at(node) == 1; }

  // An instruction and the nodes whose registers it reads as a, b and c, in which order they are computed.
  struct Emission {
    Instruction instruction;
    std::array<const SymbolNode*, 3> sources = {};
  };

  Emission emission_of(const SymbolNode* node) const {
    switch (node->kind) {
      case Kind::zero: return {{.op = Op::zero}};
      case Kind::operand: return {{.op = Op::load, .operand = static_cast<uint16_t>(node->operand)}};
      case Kind::scale: return {{.op = Op::scale, .k0 = node->k, .slot0 = node->slot}, {node->a}};
      case Kind::add: return addition(node->a, node->b);
      case Kind::subtract: return {{.op = Op::subtract}, {node->a, node->b}};
      case Kind::kept: break;  // its register is there when it is asked for
      case Kind::constant: return {{.op = Op::constant, .k0 = node->k, .slot0 = node->slot}};
      case Kind::elementwise: return {{.op = node->op}, {node->a, node->b, node->c}};
      case Kind::placed:
        return {{.op = node->op,
                 .operand = static_cast<uint16_t>(node->operand),
                 .k0 = node->k,
                 .k1 = node->k1,
                 .slot0 = node->slot,
                 .slot1 = node->slot1},
                {node->a}};
    }
    return {};
  }

  Emission addition(const SymbolNode* x, const SymbolNode* y) const {
    if (folds(x, Kind::scale) && folds(y, Kind::scale))
      return {{.op = Op::mix, .k0 = x->k, .k1 = y->k, .slot0 = x->slot, .slot1 = y->slot}, {x->a, y->a}};
    if (folds(x, Kind::scale)) std::swap(x, y);  // IEEE addition commutes; a NaN's payload is not kept anyway
    if (folds(y, Kind::scale)) {
      if (folds(y->a, Kind::subtract)) return scaled_difference(x, *y, y->a);
      return {{.op = Op::add_scaled, .k0 = y->k, .slot0 = y->slot}, {x, y->a}};
    }
    if (folds(y, Kind::subtract)) return scaled_difference(x, {.k = 1}, y);
    return {{.op = Op::add}, {x, y}};
  }

  static Emission scaled_difference(const SymbolNode* x, const SymbolNode& scale, const SymbolNode* difference) {
    return {{.op = Op::add_scaled_difference, .k0 = scale.k, .slot0 = scale.slot}, {x, difference->a, difference->b}};
  }

  // A node on the way to what is wanted, of which the first `done` sources have their registers.
  struct Visit {
    const SymbolNode* node;
    Emission emission;
    size_t done = 0;
  };

  // What is chosen among comes before what chooses: it may be a chain of choices, whose conditions would all wait in
  // registers.
  static const SymbolNode* next_source(const Visit& visit) {
    const auto& sources = visit.emission.sources;
    if (visit.done == sources.size()) return nullptr;
    return sources[visit.emission.instruction.op == Op::select ? (visit.done + 1) % sources.size() : visit.done];
  }

  // With a stack of its own: a sum of many terms is as deep as it is long, and threads' stacks are small.
  uint16_t emit(const SymbolNode* root) {
    std::vector<Visit> visits{{root, emission_of(root)}};
    while (!visits.empty()) {
      Visit& visit = visits.back();
      if (const SymbolNode* const source = next_source(visit)) {
        ++visit.done;
        if (!registers_.contains(source)) visits.push_back({source, emission_of(source)});
        continue;
      }
      finish_visit(visit);
      visits.pop_back();
    }
    return registers_[root];
  }

  void finish_visit(const Visit& visit) {
    Instruction instruction = visit.emission.instruction;
    const auto& [a, b, c] = visit.emission.sources;
    if (a) instruction.a = registers_[a];
    if (b) instruction.b = registers_[b];
    if (c) instruction.c = registers_[c];
    const uint16_t dst = finish(visit.node, instruction, a, b, c);
    if (visit.node->kind == Kind::operand && !visit.node->is_beside && keeps_) hold_against_others(visit.node, dst);
  }

  // Every operand after the first is held against what those before it agree on.
  void hold_against_others(const SymbolNode* node, uint16_t loaded) {
    if (!first_) {
      first_ = node;
      ++left_[node];  // stays until the second is there
    } else if (!agrees_) {
      agreed_ = finish(nullptr, {.op = Op::agree, .a = registers_[first_], .b = loaded}, first_);
      agrees_ = true;
    } else {
      program_.code.push_back({.op = Op::agree, .dst = agreed_, .a = agreed_, .b = loaded});
    }
  }

  // Gives back registers whose last use this is, then takes the lowest free one for the result.
  uint16_t finish(const SymbolNode* node, Instruction instruction, const SymbolNode* a = nullptr,
                  const SymbolNode* b = nullptr, const SymbolNode* c = nullptr) {
    for (const SymbolNode* used : {a, b, c})
      if (used && --left_[used] == 0) free_.insert(registers_[used]);
    if (free_.empty() && taken_ == kMaxRegisters) {
      overflow_ = true;
      return 0;
    }
    const uint16_t dst = free_.empty() ? taken_++ : *free_.begin();
    free_.erase(dst);
    if (node) registers_[node] = dst;
    instruction.dst = dst;
    program_.code.push_back(instruction);
    return dst;
  }

  Program program_;
  std::map<const SymbolNode*, int> uses_, left_;  // of each node, in all and still to come
  std::map<const SymbolNode*, uint16_t> registers_;
  std::set<uint16_t> free_;  // of the first taken_
  uint16_t taken_ = 0;
  bool overflow_ = false;
  size_t operands_ = 0;                // different ones
  size_t mentions_ = 0;                // of operands, by different nodes
  bool keeps_ = false;                 // what operands agree on is found while they are loaded
  const SymbolNode* first_ = nullptr;  // operand
  bool agrees_ = false;                // agreed_ is a register
  uint16_t agreed_ = 0;
};

}  // namespace

std::optional<Program> compile(Symbol result) {
  return Compiler(result.graph->compute(), always_keeps(result.weights))
      .run(result.node, may_keep_equal(result.weights));
}

}  // namespace ckmerge
