// SPDX-License-Identifier: Apache-2.0
// What is sent to a device for one batch of a tile: operands and tables, laid out in one buffer of pinned memory so
// that they travel in one copy. Parts and sums are added until the buffer is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/read/source_read.h"
#include "kernels/cuda/tile_program.h"
#include "kernels/program.h"
#include "kernels/reductions.h"

namespace ckmerge {

class DeviceJob {
 public:
  /// `input` is the host's side of a slot's input buffer, at least aligned to 64 bytes.
  explicit DeviceJob(std::span<std::byte> input) : input_(input) {}

  /// Adds elements [0, count) of a step, to be stored at byte `out` of the output buffer. `operands` are the program's,
  /// contiguous; their bytes are copied. Element 0 is the tensor's `place`. False, and nothing added, when the job is
  /// full.
  bool add_part(uint32_t step, const cuda::TileProgram& program, std::span<const Operand> operands, uint64_t count,
                uint64_t out, Dtype dtype, uint64_t place = 0);

  /// Adds a contiguous operand of sums to come; empty when the job is full.
  struct OperandIndex {
    uint32_t index;
  };
  bool add_operand(const Operand& operand, uint64_t count, OperandIndex& added);

  /// Adds products of elements [first, first + count) of two operands of this job, starting from `lanes`; their place
  /// in the reduction is `index`. False when the job is full.
  bool add_sum(Dtype compute, OperandIndex x, OperandIndex y, uint64_t first, uint64_t count, uint64_t index,
               const LaneSums& lanes);

  bool empty() const { return parts_.empty() && sums_.empty(); }

  /// Completes the tables. Afterwards the first used() bytes of the input are what the device needs.
  void finish();
  uint64_t used() const { return used_; }
  std::byte* input() { return input_.data(); }

  /// Which kernels to run, over buffers at these addresses of the device. REQUIRES: finish().
  std::vector<cuda::Launch> launches(void* in, void* out) const;

  /// Bytes of the input buffer that the device changes: counts and lanes.
  ByteRange results() const { return results_; }
  /// Bytes of the output buffer that it fills, in order, joined where they touch.
  std::vector<ByteRange> outputs() const;

  /// REQUIRES: results() is back.
  struct PartCounts {
    uint32_t step;
    StoreCounts counts;
  };
  std::vector<PartCounts> counts() const;
  /// The lanes of the sum that was added as the index-th.
  LaneSums lanes(size_t index) const;

  void clear();

 private:
  struct Part {
    cuda::JobPart row;
    uint32_t step;
    cuda::Kernel kernel;
    uint64_t size;  // bytes of output
  };
  struct Sum {
    cuda::JobSum row;
    LaneSums lanes;
    cuda::Kernel kernel;
  };
  uint64_t tables_size(size_t parts, size_t operands, size_t instructions, size_t sums) const;
  bool fits(uint64_t data_end, size_t parts, size_t operands, size_t instructions, size_t sums) const;
  cuda::JobOperand place(const Operand& operand, uint64_t count, uint32_t shift);
  template <typename T>
  uint64_t append(std::span<const T> rows);
  void append_sums();
  template <typename Row>
  void add_launches(const std::vector<Row>& rows, uint64_t table, uint64_t row_size, cuda::Launch launch,
                    std::vector<cuda::Launch>& into) const;

  std::span<std::byte> input_;
  uint64_t data_end_ = 0, used_ = 0;
  std::vector<Part> parts_;
  std::vector<Sum> sums_;
  std::vector<cuda::JobOperand> operands_;
  std::vector<cuda::JobInstruction> instructions_;
  uint64_t parts_at_ = 0, operands_at_ = 0, instructions_at_ = 0, sums_at_ = 0, counts_at_ = 0, lanes_at_ = 0;
  ByteRange results_;
};

}  // namespace ckmerge
