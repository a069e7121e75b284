// SPDX-License-Identifier: Apache-2.0
#include "core/engine/piece_operands.h"

#include <algorithm>

namespace ckmerge {

void PieceOperands::begin(uint64_t begin) {
  begin_ = begin;
  heads_.clear();
  all_.clear();
  whole_rows_.clear();
}

void PieceOperands::add(const Operand& heads, const void* data, bool whole_rows) {
  heads_.push_back(heads);
  all_.push_back({.data = data, .dtype = heads.dtype});
  whole_rows_.push_back(whole_rows);
}

// Whether all that is reduced lies in whole rows.
bool PieceOperands::has_whole_rows(const Reduction& reduction) const {
  const auto whole = [&](const Program& program) {
    return std::ranges::all_of(program.code,
                               [&](const Instruction& i) { return i.op != Op::load || whole_rows_[i.operand]; });
  };
  return whole(reduction.value) && (!reduction.factor || whole(*reduction.factor));
}

}  // namespace ckmerge
