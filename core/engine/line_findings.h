// SPDX-License-Identifier: Apache-2.0
// What a walk finds of a tensor's rows and columns in consecutive blocks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/piece_operands.h"
#include "core/engine/reduced_tensor.h"
#include "core/lines/tensor_lines.h"
#include "core/threads/semaphore_lock.h"
#include "kernels/block_kernels.h"
#include "kernels/line_reductions.h"

namespace ckmerge {

class LineFindings {
 public:
  /// Who may have to wait: with `computing` given up meanwhile.
  struct Waiting {
    const ThreadPool* pool;  ///< not null where there are lines
    SemaphoreLock& computing;
  };

  /// Of a tensor on one level, of which `coefficients` are those by slot; null: it has no lines to look at.
  void begin(TensorLines* lines, size_t level, std::vector<double> coefficients);
  /// Before the first of consecutive blocks.
  void begin_run();

  /// Takes elements [index, end), which lie in one block, of what is sought; `reductions` are those, in their order.
  void add(const BlockKernels& kernels, std::span<const Sought> sought, std::span<const Reduction> reductions,
           const ReducedElements& elements, const PieceOperands& operands, uint64_t index, uint64_t end);
  /// A block ends; so does what is found of it.
  void end_block(uint64_t end, uint64_t count, const Waiting& waiting);

 private:
  struct Found {
    LineRound round;
    std::vector<RowPart> parts;  // by reduction, of the row at hand
    std::vector<bool> maximum;   // likewise
    Dtype compute = Dtype::F32;
    std::vector<std::vector<double>> ended;  // likewise, numbers of whole rows
    std::vector<std::vector<double>> strip;  // likewise, of columns
    uint64_t strip_begin = 0;                // element
  };
  std::span<const double> tensor_of(const Found& found) const;
  void put_ended(size_t round, uint64_t index);
  void put_open_row(size_t round, uint64_t block_begin, uint64_t end);
  void put_strip(size_t round, uint64_t end, const Waiting& waiting);

  TensorLines* lines_ = nullptr;
  std::vector<double> coefficients_;
  std::vector<Found> found_;
};

}  // namespace ckmerge
