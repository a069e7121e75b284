// SPDX-License-Identifier: Apache-2.0
#include "core/orders/made_orders.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "core/formula/beside_operands.h"
#include "core/formula/recipe_graph.h"
#include "core/formula/whole_terms.h"
#include "core/orders/draw_states.h"
#include "core/orders/order_source.h"
#include "core/orders/torch_order.h"
#include "core/recipe/merge_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = MadeOperand::Kind;

// Of an operand: its tensors, and what makes their bytes.
class OrderedBytes {
 public:
  std::vector<OrderedTensor>& tensors() { return tensors_; }
  const OrderSource& source() const { return *source_; }
  void set_source(std::unique_ptr<OrderSource> source) { source_ = std::move(source); }

  void read(uint64_t offset, std::span<std::byte> out) {
    auto tensor = std::ranges::upper_bound(tensors_, offset, {}, &OrderedTensor::begin) - 1;
    for (; !out.empty(); ++tensor) {
      const uint64_t first = offset - tensor->begin, here = std::min<uint64_t>(out.size(), tensor->size - first);
      source_->read(*tensor, first, out.first(here));
      out = out.subspan(here);
      offset += here;
    }
  }

 private:
  std::vector<OrderedTensor> tensors_;  // by begin
  std::unique_ptr<OrderSource> source_;
};

// What one method of a graph wants.
class OrderMaker {
 public:
  OrderMaker(const MergeGraph& graph, const Term& term, std::shared_ptr<const std::vector<Checkpoint>> checkpoints,
             const Hands& hands)
      : graph_(graph),
        term_(term),
        method_(*find_method(term.method)),
        inputs_{whole_inputs(graph, term), std::move(checkpoints), hands} {}

  bool draws() const {
    return std::ranges::any_of(wanted_, [](const auto& one) { return one.first.first == Kind::draw; });
  }

  // For how many operands tensors are sorted.
  size_t sorted() const {
    return static_cast<size_t>(
        std::ranges::count_if(wanted_, [](const auto& one) { return is_sorted_for(one.first.first); }));
  }

  // Walks the names once, in their order, in which numbers are drawn.
  void look() {
    NumbersByName numbers(graph_);
    const TensorTable& first = inputs_.first().tensors;
    for (uint32_t row = 0; row < first.size(); ++row) {
      const std::vector<MadeOperand> all =
          method_.made(term_.operands.size(), coefficients_of(term_, numbers.of(first.name(row))));
      const std::optional<bool> is_wide = all.empty() ? std::nullopt : width_of(first[row]);
      for (const MadeOperand& one : all) want(one, row, is_wide);
    }
  }

  std::vector<Checkpoint> make(const std::shared_ptr<SortTurn>& turn) {
    turn_ = turn;
    if (draws()) states_ = std::make_shared<DrawStates>(static_cast<uint64_t>(seed_.value_or(0)), drawn_);
    std::vector<Checkpoint> made;
    for (auto& [key, bytes] : wanted_) made.push_back(make(key, bytes));
    return made;
  }

 private:
  using Key = std::pair<Kind, size_t>;

  static bool is_sorted_for(Kind kind) { return kind == Kind::torch_stays || kind == Kind::torch_stays_ascending; }

  // Whether an input is of F64; empty where some has no such tensor, of numbers and of this shape.
  std::optional<bool> width_of(const Tensor& first) const {
    bool is_wide = false;
    for (const WholeInput& operand : inputs_.operands)
      for (const uint32_t k : {operand.input, operand.beyond.value_or(operand.input)}) {
        const TensorTable& tensors = (*inputs_.checkpoints)[k].tensors;
        const size_t row = tensors.find(first.name);
        if (row == TensorTable::npos || !is_real(tensors[row].dtype) ||
            !std::ranges::equal(tensors[row].shape, first.shape))
          return std::nullopt;
        is_wide |= tensors[row].dtype == Dtype::F64;
      }
    return is_wide;
  }

  // An operand that is wanted of any name is there, whether it has tensors or not.
  void want(const MadeOperand& one, uint32_t row, std::optional<bool> is_wide) {
    if (one.kind == Kind::draw) {
      if (seed_.value_or(one.seed) != one.seed)
        throw Error(ErrorCode::usage, "seed",
                    "mergekit's masks are drawn from one seed for all tensors; give no other for some of them");
      seed_ = one.seed;
    } else if (one.kind != Kind::rank) {
      expect_torch_order(one.kind == Kind::torch_rank ? "mergekit_masks" : "mergekit_order");
    }
    std::vector<OrderedTensor>& tensors = wanted_[{one.kind, one.input}];
    if (!is_wide) return;
    const Tensor tensor = inputs_.first().tensors[row];
    if (tensor.count > UINT32_MAX && one.kind != Kind::draw)
      throw Error(ErrorCode::resources, std::string(tensor.name),
                  sentence(tensor.name, ": has more than ", UINT32_MAX, " elements, which ", term_.method,
                           " does not put in order"));
    tensors.push_back({.count = tensor.count, .row = row, .is_wide = *is_wide, .wanted = one, .drawn_before = drawn_});
    if (one.kind == Kind::draw) drawn_ += tensor.count;
  }

  std::unique_ptr<OrderSource> source_of(Kind kind) const {
    if (kind == Kind::draw) return draw_source(states_);
    return is_sorted_for(kind) ? stays_source(inputs_, turn_) : rank_source(inputs_);
  }

  // As it is told to users.
  std::string path_of(const Key& key) const {
    const auto name = [&](const WholeInput& input) {
      const std::string path = (*inputs_.checkpoints)[input.input].path;
      return input.beyond ? sentence("(", path, " - ", (*inputs_.checkpoints)[*input.beyond].path, ")") : path;
    };
    const std::string input = name(inputs_.operands[key.second]);
    if (key.first == Kind::draw) return sentence("mask of ", input, ", which ", term_.method, " draws");
    return sentence("order of the differences of ", input, " from ", name(inputs_.operands[0]), ", which ",
                    term_.method, " wants");
  }

  Checkpoint make(const Key& key, std::vector<OrderedTensor>& tensors) {
    const auto bytes = std::make_shared<OrderedBytes>();
    bytes->set_source(source_of(key.first));
    Checkpoint made;
    made.path = path_of(key);
    made.form = inputs_.first().form;
    MadeWhole whole{.term = beside_text(graph_, term_, key.first, key.second), .is_whole = false};
    uint64_t size = 0;
    for (OrderedTensor& tensor : tensors) {
      const Tensor like = inputs_.first().tensors[tensor.row];
      tensor.begin = size;
      tensor.size = tensor.count * element_size(bytes->source().dtype());
      made.tensors.add(like.name, bytes->source().dtype(), like.shape, 0, size, tensor.size, tensor.count);
      whole.memory.push_back(tensor.size == 0 ? 0 : bytes->source().memory(tensor));
      size += tensor.size;
      if (tensor.size > 0) bytes->tensors().push_back(tensor);
    }
    made.tensors.sort_by_name();  // they were so, but the table has to know
    made.made_whole = std::make_shared<const MadeWhole>(std::move(whole));
    const auto read = [bytes](uint64_t offset, std::span<std::byte> out) { bytes->read(offset, out); };
    made.shards.emplace_back(MemoryBytes{.size = size, .read = read}, made.path);
    return made;
  }

  const MergeGraph& graph_;
  const Term& term_;
  const Method& method_;
  const OrderInputs inputs_;
  std::map<Key, std::vector<OrderedTensor>> wanted_;
  std::optional<double> seed_;
  uint64_t drawn_ = 0;
  std::shared_ptr<DrawStates> states_;
  std::shared_ptr<SortTurn> turn_;
};

bool may_want(const Term& term) { return term.kind == Term::Kind::method && find_method(term.method)->made; }

// A method that wants nothing takes any inputs.
bool wants_any(const MergeGraph& graph, const Term& term, const TensorTable& names) {
  NumbersByName numbers(graph);
  for (uint32_t row = 0; row < names.size(); ++row)
    if (!find_method(term.method)
             ->made(term.operands.size(), coefficients_of(term, numbers.of(names.name(row))))
             .empty())
      return true;
  return false;
}

// Which comes first is told of one method alone.
void expect_one_order(const MergeGraph& graph, const Recipe& recipe, size_t drawing) {
  if (drawing == 0) return;
  if (drawing > 1 || graph.wanted().size() > 1)
    throw Error(ErrorCode::usage, "mergekit_masks",
                "mergekit's masks are drawn in one order over all tensors, which is that of one method in one formula; "
                "leave mergekit_masks out (`ckmerge mergekit`: --masks own), or merge in several steps");
  if (!recipe.operands.empty())
    throw Error(ErrorCode::usage, "mergekit_masks",
                "mergekit's masks are drawn in the order of the inputs' names, which slices change; leave "
                "mergekit_masks out (`ckmerge mergekit`: --masks own), or put the slices together into files first");
}

bool is_there(const std::vector<Checkpoint>& checkpoints, const std::string& term) {
  return std::ranges::any_of(checkpoints,
                             [&](const Checkpoint& c) { return c.made_whole && c.made_whole->term == term; });
}

}  // namespace

void add_orders(const Recipe& recipe, std::vector<Checkpoint>& checkpoints, const Hands& hands) {
  const std::span<const Checkpoint> given = given_checkpoints(checkpoints);
  if (given.empty() || !recipe.roles.empty()) return;
  const MergeGraph graph = graph_of(canonical_recipe(recipe, given.size()), given);
  if (std::ranges::none_of(graph.terms(), may_want)) return;
  const auto inputs = std::make_shared<const std::vector<Checkpoint>>(given.begin(), given.end());
  const auto turn = std::make_shared<SortTurn>();
  std::list<OrderMaker> makers;
  size_t drawing = 0;
  for (const Term& term : graph.terms()) {
    if (!may_want(term) || !wants_any(graph, term, given[0].tensors)) continue;
    OrderMaker& maker = makers.emplace_back(graph, term, inputs, hands);
    maker.look();
    drawing += maker.draws();
    turn->operands += maker.sorted();
    expect_one_order(graph, recipe, drawing);
  }
  std::vector<Checkpoint> made;
  for (OrderMaker& maker : makers) std::ranges::move(maker.make(turn), std::back_inserter(made));
  for (Checkpoint& one : made)
    if (!is_there(checkpoints, one.made_whole->term)) checkpoints.push_back(std::move(one));
}

}  // namespace ckmerge
