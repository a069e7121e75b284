// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_job.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace ckmerge {
namespace {

constexpr uint64_t kAlignment = 16;

uint64_t round_up(uint64_t value) { return (value + kAlignment - 1) / kAlignment * kAlignment; }

// The most that placing an operand can take beside its bytes.
constexpr uint64_t kPadding = 2 * kAlignment;

uint32_t shift_of(cuda::Kernel kernel, uint64_t out, Dtype dtype) {
  const uint64_t size = element_size(dtype);
  return out % size == 0 ? static_cast<uint32_t>(out / size % cuda::shape_of(kernel).vector) : 0;
}

}  // namespace

uint64_t DeviceJob::tables_size(size_t parts, size_t operands, size_t instructions, size_t sums) const {
  return parts * (sizeof(cuda::JobPart) + sizeof(StoreCounts)) + operands * sizeof(cuda::JobOperand) +
         instructions * sizeof(cuda::JobInstruction) + sums * (sizeof(cuda::JobSum) + sizeof(LaneSums)) +
         6 * kAlignment;
}

bool DeviceJob::fits(uint64_t data_end, size_t parts, size_t operands, size_t instructions, size_t sums) const {
  return round_up(data_end) + tables_size(parts_.size() + parts, operands_.size() + operands,
                                          instructions_.size() + instructions, sums_.size() + sums) <=
         input_.size();
}

// Placed so that the vectors of a thread, which begin `shift` elements before element 0, are aligned.
cuda::JobOperand DeviceJob::place(const Operand& operand, uint64_t count, uint32_t shift) {
  const uint64_t size = element_size(operand.dtype), at = round_up(data_end_) + shift * size % kAlignment;
  std::memcpy(input_.data() + at, operand.data, count * size);
  data_end_ = at + count * size;
  return {.offset = static_cast<int64_t>(at), .dtype = operand.dtype};
}

bool DeviceJob::add_part(uint32_t step, const cuda::TileProgram& program, std::span<const Operand> operands,
                         uint64_t count, uint64_t out, Dtype dtype, uint64_t first_place) {
  const bool fused = program.shape != cuda::Shape::interpreted;
  const size_t operand_count = fused ? program.operands.size() : operands.size();
  const auto operand = [&](size_t k) -> const Operand& { return operands[fused ? program.operands[k] : k]; };
  uint64_t end = data_end_;
  for (size_t k = 0; k < operand_count; ++k) end += kPadding + count * element_size(operand(k).dtype);
  if (!fits(end, 1, operand_count, program.code.size(), 0)) return false;

  std::vector<cuda::JobOperand> rows;
  for (size_t k = 0; k < operand_count; ++k) rows.push_back({.dtype = operand(k).dtype});
  const cuda::Kernel kernel = cuda::kernel_for(program, rows, dtype);
  const uint32_t shift = shift_of(kernel, out, dtype);
  parts_.push_back({{.count = count,
                     .out = out,
                     .place = first_place,
                     .k0 = program.k0,
                     .k1 = program.k1,
                     .first_operand = static_cast<uint32_t>(operands_.size()),
                     .first_instruction = static_cast<uint32_t>(instructions_.size()),
                     .instruction_count = static_cast<uint32_t>(program.code.size()),
                     .dtype = dtype,
                     .shape = program.shape,
                     .result = program.result,
                     .keeps_equal = program.keeps_equal,
                     .shift = static_cast<uint8_t>(shift)},
                    step,
                    kernel,
                    count * element_size(dtype)});
  for (size_t k = 0; k < operand_count; ++k) operands_.push_back(place(operand(k), count, shift));
  instructions_.insert(instructions_.end(), program.code.begin(), program.code.end());
  return true;
}

bool DeviceJob::add_operand(const Operand& operand, uint64_t count, OperandIndex& added) {
  if (!fits(data_end_ + kPadding + count * element_size(operand.dtype), 0, 1, 0, 0)) return false;
  added = {static_cast<uint32_t>(operands_.size())};
  operands_.push_back(place(operand, count, 0));
  return true;
}

bool DeviceJob::add_sum(Dtype compute, OperandIndex x, OperandIndex y, uint64_t first, uint64_t count, uint64_t index,
                        const LaneSums& lanes) {
  if (!fits(data_end_, 0, 0, 0, 1)) return false;
  sums_.push_back({{.x = x.index, .y = y.index, .first = first, .count = count, .index = index},
                   lanes,
                   compute == Dtype::F64 ? cuda::Kernel::sum64 : cuda::Kernel::sum32});
  return true;
}

template <typename T>
uint64_t DeviceJob::append(std::span<const T> rows) {
  const uint64_t at = round_up(used_);
  if (!rows.empty()) std::memcpy(input_.data() + at, rows.data(), rows.size_bytes());
  used_ = at + rows.size_bytes();
  return at;
}

// Lanes are in the order in which sums were added, whatever the order of the launches.
void DeviceJob::append_sums() {
  std::vector<LaneSums> lanes;
  for (const Sum& sum : sums_) lanes.push_back(sum.lanes);
  lanes_at_ = append<LaneSums>(lanes);
  results_.end = lanes_at_ + lanes.size() * sizeof(LaneSums);
  for (size_t k = 0; k < sums_.size(); ++k) sums_[k].row.lanes = lanes_at_ + k * sizeof(LaneSums);
  std::ranges::stable_sort(sums_, {}, &Sum::kernel);
  std::vector<cuda::JobSum> sums;
  for (const Sum& sum : sums_) sums.push_back(sum.row);
  sums_at_ = append<cuda::JobSum>(sums);
}

// Parts of one kernel lie side by side, because one launch computes them.
void DeviceJob::finish() {
  used_ = data_end_;
  std::ranges::stable_sort(parts_, {}, &Part::kernel);
  for (size_t k = 0; k < parts_.size(); ++k) {
    const bool first = k == 0 || parts_[k - 1].kernel != parts_[k].kernel;
    const auto& before = parts_[k - (first ? 0 : 1)];
    parts_[k].row.first_block =
        first ? 0 : before.row.first_block + cuda::blocks_of(before.kernel, before.row.count, before.row.shift);
  }
  std::vector<cuda::JobPart> parts;
  for (const Part& part : parts_) parts.push_back(part.row);
  parts_at_ = append<cuda::JobPart>(parts);
  operands_at_ = append<cuda::JobOperand>(operands_);
  instructions_at_ = append<cuda::JobInstruction>(instructions_);
  results_.begin = counts_at_ = append<StoreCounts>(std::vector<StoreCounts>(parts_.size()));
  append_sums();
}

// One launch for each run of rows with the same kernel.
template <typename Row>
void DeviceJob::add_launches(const std::vector<Row>& rows, uint64_t table, uint64_t row_size, cuda::Launch launch,
                             std::vector<cuda::Launch>& into) const {
  const uint64_t counts = launch.counts;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin;
    while (end < rows.size() && rows[end].kernel == rows[begin].kernel) ++end;
    launch.kernel = rows[begin].kernel;
    launch.parts = table + begin * row_size;
    launch.counts = counts + begin * sizeof(StoreCounts);
    launch.part_count = static_cast<uint32_t>(end - begin);
    if constexpr (std::is_same_v<Row, Part>) {
      const Part& last = rows[end - 1];
      launch.blocks = last.row.first_block + cuda::blocks_of(last.kernel, last.row.count, last.row.shift);
    } else {
      launch.blocks = (launch.part_count + cuda::kSumsPerBlock - 1) / cuda::kSumsPerBlock;
    }
    if (launch.blocks > 0) into.push_back(launch);
    begin = end;
  }
}

std::vector<cuda::Launch> DeviceJob::launches(void* in, void* out) const {
  const cuda::Launch launch = {.in = static_cast<unsigned char*>(in),
                               .out = static_cast<unsigned char*>(out),
                               .operands = operands_at_,
                               .instructions = instructions_at_,
                               .counts = counts_at_};
  std::vector<cuda::Launch> launches;
  add_launches(parts_, parts_at_, sizeof(cuda::JobPart), launch, launches);
  add_launches(sums_, sums_at_, sizeof(cuda::JobSum), launch, launches);
  return launches;
}

std::vector<ByteRange> DeviceJob::outputs() const {
  std::vector<ByteRange> ranges;
  for (const Part& part : parts_) ranges.push_back({part.row.out, part.row.out + part.size});
  std::ranges::sort(ranges, {}, &ByteRange::begin);
  std::vector<ByteRange> joined;
  for (const ByteRange range : ranges) {
    if (!joined.empty() && joined.back().end == range.begin)
      joined.back().end = range.end;
    else
      joined.push_back(range);
  }
  return joined;
}

std::vector<DeviceJob::PartCounts> DeviceJob::counts() const {
  std::vector<PartCounts> counts(parts_.size());
  for (size_t k = 0; k < parts_.size(); ++k) {
    counts[k].step = parts_[k].step;
    std::memcpy(&counts[k].counts, input_.data() + counts_at_ + k * sizeof(StoreCounts), sizeof(StoreCounts));
  }
  return counts;
}

LaneSums DeviceJob::lanes(size_t index) const {
  LaneSums lanes;
  std::memcpy(&lanes, input_.data() + lanes_at_ + index * sizeof lanes, sizeof lanes);
  return lanes;
}

void DeviceJob::clear() {
  parts_.clear();
  sums_.clear();
  operands_.clear();
  instructions_.clear();
  data_end_ = used_ = 0;
}

}  // namespace ckmerge
