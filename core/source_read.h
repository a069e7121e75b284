// SPDX-License-Identifier: Apache-2.0
// Which bytes of the inputs a part of a step needs, and how a program sees them. Rows that are cut in head and tail
// (Expansion) are understood here: a part may begin and end anywhere in a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/plan.h"
#include "io/checkpoint.h"
#include "kernels/program.h"

namespace ckmerge {

/// Half-open range of bytes, of the output file unless said otherwise.
struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t size() const { return end - begin; }
};

/// How a step's elements fall into rows; a step that is not expanded is one endless row that is all head.
struct StepRows {
  uint64_t row = UINT64_MAX, head = UINT64_MAX;  ///< elements

  bool expanded() const { return head != row; }
  uint64_t heads_before(uint64_t element) const { return element / row * head + std::min(element % row, head); }
  uint64_t tails_before(uint64_t element) const { return element - heads_before(element); }
  uint64_t element_of_head(uint64_t index) const { return index / head * row + index % head; }
  /// Where views of a part that begins at `element` count from: the start of its row, or itself.
  uint64_t origin(uint64_t element) const { return expanded() ? element / row * row : element; }
};

/// What a part of a step reads of one source. `view` counts from the part's origin, heads or tails alone where the step
/// is expanded.
struct SourceRead {
  Source source;
  ByteRange bytes;           ///< of its file; empty where the part has no element of a source that holds heads only
  Operand view;              ///< its data is set by operand()
  int64_t element_zero = 0;  ///< bytes from bytes.begin to the view's element 0, which may lie outside of `bytes`
  bool whole_rows = true;    ///< false: it holds heads only

  /// REQUIRES: `at` is the address of bytes.begin.
  Operand operand(const std::byte* at) const;
};

/// The sources of `step`, in order, as its bytes `part` need them. A compared source of another dtype differs whatever
/// its bytes are and is left out.
void list_reads(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, ByteRange part,
                std::vector<SourceRead>& reads);

/// What `part` of a step that is not expanded needs of its source `s`. REQUIRES: a program, or a source of its dtype.
SourceRead read_of(const Plan& plan, std::span<const Checkpoint> checkpoints, const Step& step, uint32_t s,
                   ByteRange part);

StepRows rows_of(const Plan& plan, const Step& step);

/// Whether `step` runs a program, not a copy and not zeros.
inline bool computes(const Plan& plan, const Step& step) { return step.program < plan.programs.size(); }

/// Elements of a step that has rows or a program, whose dtype has whole bytes.
inline uint64_t element_count(const Step& step) { return step.size / element_size(step.dtype); }

/// Index of the first step that ends behind `offset` of the output.
size_t first_step_after(const Plan& plan, uint64_t offset);

}  // namespace ckmerge
