// SPDX-License-Identifier: Apache-2.0
// The operands of some elements of a step, and what its reductions are made of there: values of heads, of tails, of
// whole rows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/engine/reduced_tensor.h"
#include "core/plan/plan.h"
#include "kernels/program.h"

namespace ckmerge {

/// Consecutive elements of a reduction that one program computes.
struct ValueRun {
  const Program& value;
  const std::optional<Program>& factor;
  const Operand* operands;
  uint64_t first, count;  ///< in the numbering of the operands
  uint64_t index;         ///< of the first, in the reduction
  Places places;

  ReducedValues values() const { return {value, operands, first, count, places}; }
};

class PieceOperands {
 public:
  /// Of elements from `begin` on; operands are to be added.
  void begin(uint64_t begin);
  /// The numbers of the lines of the elements that are looked at next; null: there are none.
  void take_lines(const LineNumbers* lines) { lines_ = lines; }
  /// `heads` of a step whose rows are cut in two is a view of the heads alone; `data` has them all, where `whole_rows`.
  void add(const Operand& heads, const void* data, bool whole_rows);

  const std::vector<Operand>& all() const { return all_; }

  /// fn(run) for elements [index, end) of `reduction`, in their order. Zeros that change no sum are passed over.
  template <typename Fn>
  void for_each_run(const Reduction& reduction, const ReducedElements& elements, uint64_t index, uint64_t end,
                    const Fn& fn) const {
    const StepRows& rows = elements.rows;
    const uint64_t origin = rows.origin(begin_), heads = rows.heads_before(origin);
    const auto of_heads = [&](uint64_t from, uint64_t count, uint64_t at) {
      fn(ValueRun{reduction.value, reduction.factor, heads_.data(), from - heads, count, at,
                  rows.places_of_heads(origin)});
    };
    if (elements.heads_only) return of_heads(index, end - index, index);
    if (has_whole_rows(reduction))
      return fn(ValueRun{reduction.value,
                         reduction.factor,
                         all_.data(),
                         index - begin_,
                         end - index,
                         index,
                         {.first = begin_, .lines = lines_}});
    const bool tails = reduction.tail_value && (!reduction.factor || reduction.tail_factor);
    for (uint64_t at = index; at < end;) {
      const uint64_t row_begin = at / rows.row * rows.row;
      const uint64_t head_end = std::min(end, row_begin + rows.head), row_end = std::min(end, row_begin + rows.row);
      if (at < head_end) {
        of_heads(rows.heads_before(at), head_end - at, at);
        at = head_end;
      }
      if (tails && at < row_end)
        fn(ValueRun{*reduction.tail_value,
                    reduction.tail_factor,
                    all_.data(),
                    at - begin_,
                    row_end - at,
                    at,
                    {.first = begin_}});
      at = row_end;
    }
  }

 private:
  bool has_whole_rows(const Reduction& reduction) const;

  uint64_t begin_ = 0;
  const LineNumbers* lines_ = nullptr;
  std::vector<Operand> heads_, all_;  // those that hold heads only have no meaning in all_
  std::vector<bool> whole_rows_;      // per operand
};

}  // namespace ckmerge
