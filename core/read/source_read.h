// SPDX-License-Identifier: Apache-2.0
// Which bytes of the inputs a part of a step needs, and how a program sees them. Rows that are cut in head and tail
// (Expansion) are understood here: a part may begin and end anywhere in a row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/plan/step_rows.h"
#include "io/file/byte_range.h"
#include "io/table/checkpoint.h"
#include "kernels/program.h"

namespace ckmerge {

/// What a part of a step reads of one source. `view` counts from the part's origin, heads or tails alone where the step
/// is expanded.
struct SourceRead {
  Source source;
  ByteRange bytes;  ///< of its tensor, from 0 on; empty where the part has no element of one that holds heads only
  Operand view;     ///< its data is set by operand()
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

}  // namespace ckmerge
