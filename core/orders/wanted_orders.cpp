// SPDX-License-Identifier: Apache-2.0
#include "core/orders/wanted_orders.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/orders/ranked_lines.h"
#include "core/orders/torch_order.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool is_of(const MadeOperand& one, const OrderKey& key) { return one.is(key.kind, key.input); }

bool is_of_whole(const MadeOperand& one) {
  return one.mask.of_whole || one.kind == MadeOperand::Kind::torch_stays ||
         one.kind == MadeOperand::Kind::torch_stays_ascending || one.kind == MadeOperand::Kind::torch_variances;
}

}  // namespace

WantedOrders::WantedOrders(const MergeGraph& graph, const Term& term, OrderInputs inputs) : inputs_(std::move(inputs)) {
  const Method& method = *find_method(term.method);
  NumbersByName numbers(graph);
  const TensorTable& first = inputs_.first().tensors;
  set_by_row_.reserve(first.size());
  widths_.reserve(first.size());
  for (uint32_t row = 0; row < first.size(); ++row) {
    set_by_row_.push_back(set_of(coefficients_of(term, numbers.of(first.name(row))), method, term));
    const Set& set = sets_[set_by_row_.back()];
    widths_.push_back(set.empty() ? Widths() : widths_of(first[row]));
    expect_few_elements(set, first[row], term);
    if (seed_) {
      drawn_before_.resize(row, 0);  // of names before the first that draws
      drawn_before_.push_back(drawn_);
      drawn_ += draws_of(set, row, set.size());
    }
  }
  known_.clear();
}

uint32_t WantedOrders::set_of(std::vector<double> coefficients, const Method& method, const Term& term) {
  const auto known = known_.find(coefficients);
  if (known != known_.end()) return known->second;
  Set set = method.made(term.operands.size(), coefficients);
  // Most numbers of a method are none of what it wants.
  if (sets_.empty() || sets_.back() != set) {
    expect_makeable(set);
    for (const MadeOperand& one : set) keys_.insert({one.kind, one.input});
    sets_.push_back(std::move(set));
  }
  return known_.emplace(std::move(coefficients), static_cast<uint32_t>(sets_.size() - 1)).first->second;
}

void WantedOrders::expect_makeable(const Set& set) {
  for (const MadeOperand& one : set)
    if (one.kind == MadeOperand::Kind::draw) {
      if (seed_.value_or(one.seed) != one.seed)
        throw Error(ErrorCode::usage, "seed",
                    "mergekit's masks are drawn from one seed for all tensors; give no other for some of them");
      seed_ = one.seed;
    } else if (one.kind != MadeOperand::Kind::mask) {
      expect_torch_order(one.kind == MadeOperand::Kind::torch_rank ? "mergekit_masks" : "mergekit_order");
    }
}

// How many are put in order together has to be counted in 32 bits.
void WantedOrders::expect_few_elements(const Set& set, const Tensor& tensor, const Term& term) const {
  if (tensor.count <= UINT32_MAX || widths_.back().of_one_shape == Width::absent) return;
  for (const MadeOperand& one : set) {
    if (one.kind == MadeOperand::Kind::draw) continue;
    const uint64_t together = RankedLines(tensor.shape, is_of_whole(one)).length;
    if (together > UINT32_MAX)
      throw Error(
          ErrorCode::resources, std::string(tensor.name),
          sentence(tensor.name, ": has more than ", UINT32_MAX, " elements",
                   together < tensor.count ? " in a line" : "", ", which ", term.method, " does not put in order"));
  }
}

// Absent where some input has no such tensor, of numbers and, where that counts, of this shape.
WantedOrders::Widths WantedOrders::widths_of(const Tensor& first) const {
  bool is_wide = false, is_one_shape = true;
  for (const WholeInput& operand : inputs_.operands)
    for (const uint32_t k : {operand.input, operand.beyond.value_or(operand.input)}) {
      const TensorTable& tensors = (*inputs_.checkpoints)[k].tensors;
      const size_t row = tensors.find(first.name);
      if (row == TensorTable::npos) return {};
      const Tensor tensor = tensors[row];
      if (!is_real(tensor.dtype)) return {};
      is_one_shape = is_one_shape && std::ranges::equal(tensor.shape, first.shape);
      is_wide |= tensor.dtype == Dtype::F64;
    }
  const Width width = is_wide ? Width::wide : Width::narrow;
  return {.of_any_shape = width, .of_one_shape = is_one_shape ? width : Width::absent};
}

WantedOrders::Width WantedOrders::width(MadeOperand::Kind kind, uint32_t row) const {
  return kind == MadeOperand::Kind::draw ? widths_[row].of_any_shape : widths_[row].of_one_shape;
}

// Numbers are drawn for an input's own elements, which are fewer than those of the first where that has more channels.
Tensor WantedOrders::shaped_as(const OrderKey& key, uint32_t row) const {
  const TensorTable& first = inputs_.first().tensors;
  if (key.kind != MadeOperand::Kind::draw || widths_[row].of_one_shape != Width::absent) return first[row];
  const TensorTable& own = (*inputs_.checkpoints)[inputs_.operands[key.input].input].tensors;
  return own[own.find(first.name(row))];
}

// Numbers that the first `before` of a set draw of a tensor.
uint64_t WantedOrders::draws_of(const Set& set, uint32_t row, size_t before) const {
  if (widths_[row].of_any_shape == Width::absent) return 0;
  const auto draws = [](const MadeOperand& one) { return one.kind == MadeOperand::Kind::draw; };
  const std::span<const MadeOperand> drawing = std::span(set).first(before);
  if (widths_[row].of_one_shape != Width::absent)
    return static_cast<uint64_t>(std::ranges::count_if(drawing, draws)) * inputs_.first().tensors[row].count;
  uint64_t drawn = 0;
  for (const MadeOperand& one : drawing)
    if (draws(one)) drawn += shaped_as({one.kind, one.input}, row).count;
  return drawn;
}

std::vector<uint32_t> WantedOrders::rows_of(const OrderKey& key) const {
  std::vector<bool> has_key;
  for (const Set& set : sets_)
    has_key.push_back(std::ranges::any_of(set, [&](const MadeOperand& one) { return is_of(one, key); }));
  std::vector<uint32_t> rows;
  for (uint32_t row = 0; row < set_by_row_.size(); ++row)
    if (has_key[set_by_row_[row]] && width(key.kind, row) != Width::absent) rows.push_back(row);
  return rows;
}

bool WantedOrders::has_table(const OrderedTable& table, const OrderKey& key, Dtype dtype,
                             std::span<const uint32_t> rows) const {
  if (table.tensors.size() != rows.size()) return false;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Tensor known = table.tensors[i];
    if (table.row(i) != rows[i] || known.dtype != dtype ||
        !std::ranges::equal(known.shape, shaped_as(key, rows[i]).shape))
      return false;
  }
  return true;
}

std::shared_ptr<const OrderedTable> WantedOrders::new_table(const OrderKey& key, Dtype dtype,
                                                            std::vector<uint32_t> rows) const {
  const auto table = std::make_shared<OrderedTable>();
  uint64_t size = 0;
  for (const uint32_t row : rows) {
    const Tensor like = shaped_as(key, row);
    const uint64_t own = like.count * element_size(dtype);
    table->tensors.add(like.name, dtype, like.shape, 0, size, own, like.count);
    size += own;
  }
  table->tensors.sort_by_name();  // they were so, but the table has to know
  table->tensors.share_names(inputs_.first().tensors);
  if (rows.size() < set_by_row_.size()) table->rows = std::move(rows);
  return table;
}

std::shared_ptr<const OrderedTable> WantedOrders::table(const OrderKey& key, Dtype dtype) {
  std::vector<uint32_t> rows = rows_of(key);
  const auto known =
      std::ranges::find_if(tables_, [&](const auto& table) { return has_table(*table, key, dtype, rows); });
  if (known != tables_.end()) return *known;
  return tables_.emplace_back(new_table(key, dtype, std::move(rows)));
}

OrderedTensor WantedOrders::tensor(const OrderKey& key, const OrderedTable& table, size_t number) const {
  const uint32_t row = table.row(number);
  const Set& set = sets_[set_by_row_[row]];
  const auto wanted = std::ranges::find_if(set, [&](const MadeOperand& one) { return is_of(one, key); });
  const Tensor tensor = table.tensors[number];
  return {.begin = tensor.offset,
          .size = tensor.size,
          .count = tensor.count,
          .row = row,
          .is_wide = width(key.kind, row) == Width::wide,
          .wanted = &*wanted,
          .drawn_before = key.kind == MadeOperand::Kind::draw
                              ? drawn_before_[row] + draws_of(set, row, static_cast<size_t>(wanted - set.begin()))
                              : 0};
}

}  // namespace ckmerge
