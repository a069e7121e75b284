// SPDX-License-Identifier: Apache-2.0
#include "core/orders/made_orders.h"

#include <algorithm>
#include <iterator>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "core/formula/beside_operands.h"
#include "core/formula/recipe_graph.h"
#include "core/formula/whole_terms.h"
#include "core/orders/draw_states.h"
#include "core/orders/order_source.h"
#include "core/orders/wanted_orders.h"
#include "core/recipe/merge_graph.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = MadeOperand::Kind;

bool is_sorted_for(Kind kind) {
  return kind == Kind::torch_stays || kind == Kind::torch_stays_ascending || kind == Kind::torch_variances;
}

// Of an operand: its tensors, and what makes their bytes.
class OrderedBytes {
 public:
  OrderedBytes(const OrderKey& key, std::shared_ptr<const WantedOrders> wanted,
               std::shared_ptr<const OrderedTable> table, std::unique_ptr<OrderSource> source)
      : key_(key), wanted_(std::move(wanted)), table_(std::move(table)), source_(std::move(source)) {}

  uint64_t memory(uint32_t number) const {
    const OrderedTensor tensor = wanted_->tensor(key_, *table_, number);
    return tensor.size == 0 ? 0 : source_->memory(tensor);
  }

  void read(uint64_t offset, std::span<std::byte> out) {
    for (size_t number = at(offset); !out.empty(); ++number) {
      const OrderedTensor tensor = wanted_->tensor(key_, *table_, number);
      const uint64_t first = offset - tensor.begin, here = std::min<uint64_t>(out.size(), tensor.size - first);
      if (here == 0) continue;
      source_->read(tensor, first, out.first(here));
      out = out.subspan(here);
      offset += here;
    }
  }

 private:
  // The tensor of a byte: the last that begins there or before, since those that are empty begin where the next does.
  size_t at(uint64_t offset) const {
    size_t begin = 0, end = table_->tensors.size();
    while (end - begin > 1) {
      const size_t middle = begin + (end - begin) / 2;
      (table_->tensors[middle].offset <= offset ? begin : end) = middle;
    }
    return begin;
  }

  const OrderKey key_;
  const std::shared_ptr<const WantedOrders> wanted_;
  const std::shared_ptr<const OrderedTable> table_;
  const std::unique_ptr<OrderSource> source_;
};

// What one method of a graph wants.
class OrderMaker {
 public:
  OrderMaker(const MergeGraph& graph, const Term& term, std::shared_ptr<const std::vector<Checkpoint>> checkpoints,
             const Hands& hands)
      : graph_(graph),
        term_(term),
        wanted_(std::make_shared<WantedOrders>(
            graph, term, OrderInputs{whole_inputs(graph, term), std::move(checkpoints), hands})) {}

  bool draws() const { return wanted_->draws(); }

  void count(SharedOrders& shared) const {
    for (const OrderKey& key : wanted_->keys()) {
      shared.sorted += is_sorted_for(key.kind);
      shared.made_by_slabs += key.kind == Kind::mask || key.kind == Kind::torch_rank;
    }
  }

  std::vector<Checkpoint> make(const std::shared_ptr<SharedOrders>& shared) {
    shared_ = shared;
    if (draws()) states_ = std::make_shared<DrawStates>(static_cast<uint64_t>(wanted_->seed()), wanted_->drawn());
    std::vector<Checkpoint> made;
    for (const OrderKey& key : wanted_->keys()) made.push_back(make(key));
    return made;
  }

 private:
  const OrderInputs& inputs() const { return wanted_->inputs(); }

  static Dtype dtype_of(Kind kind) { return kind == Kind::torch_rank || kind == Kind::draw ? Dtype::F32 : Dtype::BF16; }

  std::unique_ptr<OrderSource> source_of(Kind kind, const TensorTable& tensors) const {
    if (kind == Kind::draw) return draw_source(states_);
    if (kind == Kind::mask) {
      uint64_t all = 0;
      for (size_t k = 0; k < tensors.size(); ++k) all += held_mask_size(tensors[k].count);
      return mask_source(inputs(), shared_->made_by_slabs, all);
    }
    return is_sorted_for(kind) ? stays_source(inputs(), shared_) : rank_source(inputs(), shared_->made_by_slabs);
  }

  // What is read when one is made, as often as it is.
  std::vector<WholeInput> behind(const OrderKey& key) const {
    const std::vector<WholeInput>& all = inputs().operands;
    std::vector<WholeInput> read;
    for (size_t k = 1; k < all.size(); ++k)
      if (key.kind == Kind::torch_variances || (key.kind != Kind::draw && k == key.input)) {
        read.push_back(all[k]);
        read.push_back(all[0]);
      }
    return read;
  }

  // As it is told to users.
  std::string path_of(const OrderKey& key) const {
    const auto name = [&](const WholeInput& input) {
      const std::string path = (*inputs().checkpoints)[input.input].path;
      return input.beyond ? sentence("(", path, " - ", (*inputs().checkpoints)[*input.beyond].path, ")") : path;
    };
    if (key.kind == Kind::torch_variances)
      return sentence("order of the variances beyond ", name(inputs().operands[0]), ", which ", term_.method, " wants");
    const std::string input = name(inputs().operands[key.input]);
    if (key.kind == Kind::draw) return sentence("mask of ", input, ", which ", term_.method, " draws");
    return sentence("order of the differences of ", input, " from ", name(inputs().operands[0]), ", which ",
                    term_.method, " wants");
  }

  Checkpoint make(const OrderKey& key) {
    const std::shared_ptr<const OrderedTable> table = wanted_->table(key, dtype_of(key.kind));
    const auto bytes = std::make_shared<OrderedBytes>(key, wanted_, table, source_of(key.kind, table->tensors));
    Checkpoint made;
    made.path = path_of(key);
    made.form = inputs().first().form;
    made.tensors = table->tensors;
    MadeOfInputs whole;
    whole.term = beside_text(graph_, term_, key.kind, key.input);
    whole.memory = [bytes](uint32_t tensor) { return bytes->memory(tensor); };
    whole.is_whole = false;
    whole.read = read_for(behind(key));
    made.made_whole = std::make_shared<const MadeOfInputs>(std::move(whole));
    const size_t last = table->tensors.size();
    const uint64_t size = last == 0 ? 0 : table->tensors[last - 1].offset + table->tensors[last - 1].size;
    const auto read = [bytes](uint64_t offset, std::span<std::byte> out) { bytes->read(offset, out); };
    made.shards.emplace_back(MemoryBytes{.size = size, .read = read}, made.path);
    return made;
  }

  const MergeGraph& graph_;
  const Term& term_;
  const std::shared_ptr<WantedOrders> wanted_;
  std::shared_ptr<DrawStates> states_;
  std::shared_ptr<SharedOrders> shared_;
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
  const auto shared = std::make_shared<SharedOrders>();
  std::list<OrderMaker> makers;
  size_t drawing = 0;
  for (const Term& term : graph.terms()) {
    if (!may_want(term) || !wants_any(graph, term, given[0].tensors)) continue;
    OrderMaker& maker = makers.emplace_back(graph, term, inputs, hands);
    drawing += maker.draws();
    maker.count(*shared);
    expect_one_order(graph, recipe, drawing);
  }
  std::vector<Checkpoint> made;
  for (OrderMaker& maker : makers) std::ranges::move(maker.make(shared), std::back_inserter(made));
  for (Checkpoint& one : made)
    if (!is_there(checkpoints, one.made_whole->term)) checkpoints.push_back(std::move(one));
}

}  // namespace ckmerge
