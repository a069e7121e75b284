// SPDX-License-Identifier: Apache-2.0
// What a method wants beside its inputs (kernels/made_operand), name by name. There may be an operand for each of many
// inputs and tensors, so that all of them share what is kept, some bytes a name, and what one of them has to know of a
// tensor is put together when somebody asks.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "core/orders/order_source.h"
#include "core/recipe/merge_graph.h"
#include "io/table/tensor_table.h"
#include "kernels/made_operand.h"
#include "kernels/method.h"

namespace ckmerge {

/// An operand of a method's.
struct OrderKey {
  MadeOperand::Kind kind = MadeOperand::Kind::mask;
  size_t input = 1;

  friend auto operator<=>(const OrderKey&, const OrderKey&) = default;
};

/// Tensors of operands that have the same ones.
struct OrderedTable {
  TensorTable tensors;         ///< one behind another, by name
  std::vector<uint32_t> rows;  ///< of the first of the term's inputs, for each; empty: the same as here

  uint32_t row(size_t number) const { return rows.empty() ? static_cast<uint32_t>(number) : rows[number]; }
};

class WantedOrders {
 public:
  /// Walks the names of the first input once, in their order, in which numbers are drawn. Throws Error(usage) for draws
  /// of several seeds and where this C++ library has not torch's order, Error(resources) for more elements than are put
  /// in order.
  WantedOrders(const MergeGraph& graph, const Term& term, OrderInputs inputs);

  /// Those that are wanted of any name, whether all inputs have tensors for them or not.
  const std::set<OrderKey>& keys() const { return keys_; }
  bool draws() const { return seed_.has_value(); }
  double seed() const { return *seed_; }
  uint64_t drawn() const { return drawn_; }  ///< numbers

  /// The tensors of an operand, of `dtype`.
  std::shared_ptr<const OrderedTable> table(const OrderKey& key, Dtype dtype);
  /// One of them.
  OrderedTensor tensor(const OrderKey& key, const OrderedTable& table, size_t number) const;

  const OrderInputs& inputs() const { return inputs_; }

 private:
  using Set = std::vector<MadeOperand>;
  enum class Width : uint8_t { absent, narrow, wide };
  struct Widths {
    Width of_any_shape = Width::absent, of_one_shape = Width::absent;
  };

  uint32_t set_of(std::vector<double> coefficients, const Method& method, const Term& term);
  void expect_makeable(const Set& set);
  void expect_few_elements(const Set& set, const Tensor& tensor, const Term& term) const;
  Widths widths_of(const Tensor& first) const;
  uint64_t draws_of(const Set& set, uint32_t row, size_t before) const;
  Width width(MadeOperand::Kind kind, uint32_t row) const;
  Tensor shaped_as(const OrderKey& key, uint32_t row) const;
  std::vector<uint32_t> rows_of(const OrderKey& key) const;
  bool has_table(const OrderedTable& table, const OrderKey& key, Dtype dtype, std::span<const uint32_t> rows) const;
  std::shared_ptr<const OrderedTable> new_table(const OrderKey& key, Dtype dtype, std::vector<uint32_t> rows) const;

  const OrderInputs inputs_;
  std::vector<Set> sets_;                                    // those that differ
  std::map<std::vector<double>, uint32_t> known_;            // sets of coefficients, until all names are walked
  std::vector<std::shared_ptr<const OrderedTable>> tables_;  // likewise those that differ
  std::set<OrderKey> keys_;
  std::optional<double> seed_;
  uint64_t drawn_ = 0;
  // By row of the first input.
  std::vector<uint32_t> set_by_row_;
  std::vector<Widths> widths_;
  std::vector<uint64_t> drawn_before_;  // empty: nothing is drawn
};

}  // namespace ckmerge
