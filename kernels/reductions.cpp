// SPDX-License-Identifier: Apache-2.0
// Reductions of what programs make of their operands, block by block.
#include "kernels/reductions.h"

#include <algorithm>

#include "kernels/interpreter.h"
#include "kernels/magnitudes.h"

namespace ckmerge {
namespace {

template <typename Compute>
void add(const BlockKernels& kernels, const Operand& x, const Operand& y, uint64_t first, uint64_t count,
         uint64_t index, LaneSums& sums) {
  alignas(64) typename Compute::Value blocks[2][kBlockElements];
  for (uint64_t done = 0; done < count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(kBlockElements, count - done));
    const auto* a = load_block<Compute>(kernels, x, first + done, n, blocks[0]);
    const auto* b = &x == &y ? a : load_block<Compute>(kernels, y, first + done, n, blocks[1]);
    Compute::dot(kernels)(a, b, n, (index + done) % kLanes, sums.lanes);
    done += n;
  }
}

template <typename Compute>
void add(const BlockKernels& kernels, const Program& x, const Program* y, const Operand* operands, uint64_t first,
         uint64_t count, uint64_t index, LaneSums& sums, const Places& places) {
  reserve_registers(std::max(x.registers(), y ? y->registers() : 0));  // of both, before either holds any
  Interpreter<Compute> of_x(kernels, x, operands, places), of_y(kernels, y ? *y : x, operands, places);
  const uint64_t length = std::min(of_x.length(), of_y.length());
  typename Compute::Value ones[kBlockElements];
  std::ranges::fill(ones, typename Compute::Value{1});
  for (uint64_t done = 0; done < count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(length, count - done));
    const auto* a = of_x.block(first + done, n);
    Compute::dot(kernels)(a, y ? of_y.block(first + done, n) : ones, n, (index + done) % kLanes, sums.lanes);
    done += n;
  }
}

// fn(block, n) for all results, in their order, until it says that it has enough.
template <typename Compute, typename Fn>
void for_each_block(const BlockKernels& kernels, const ReducedValues& values, const Fn& fn) {
  reserve_registers(values.program.registers());
  Interpreter<Compute> interpreter(kernels, values.program, values.operands, values.places);
  for (uint64_t done = 0; done < values.count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(interpreter.length(), values.count - done));
    if (!fn(interpreter.block(values.first + done, n), n)) return;
    done += n;
  }
}

template <typename Compute>
uint64_t find(const BlockKernels& kernels, const ReducedValues& values, uint64_t key, uint64_t& left) {
  uint64_t index = 0;
  for_each_block<Compute>(kernels, values, [&](const auto* block, size_t n) {
    if (const uint64_t here = Compute::within(kernels)(block, n, key, key); here < left) {
      left -= here;
      index += n;
      return true;
    }
    for (;; ++block, ++index)
      if (magnitude_key(*block) == key && --left == 0) return false;
  });
  return index;
}

bool is_wide(const ReducedValues& values) { return values.program.compute == Dtype::F64; }

}  // namespace

double LaneSums::total() const {
  double sum = lanes[0];
  for (size_t lane = 1; lane < kLanes; ++lane) sum += lanes[lane];
  return sum;
}

void add_products(const BlockKernels& kernels, Dtype compute, const Operand& x, const Operand& y, uint64_t first,
                  uint64_t count, uint64_t index, LaneSums& sums) noexcept {
  if (compute == Dtype::F64)
    add<InF64>(kernels, x, y, first, count, index, sums);
  else
    add<InF32>(kernels, x, y, first, count, index, sums);
}

void add_products(const BlockKernels& kernels, const Program& x, const Program* y, const Operand* operands,
                  uint64_t first, uint64_t count, uint64_t index, LaneSums& sums, const Places& places) noexcept {
  if (x.compute == Dtype::F64)
    add<InF64>(kernels, x, y, operands, first, count, index, sums, places);
  else
    add<InF32>(kernels, x, y, operands, first, count, index, sums, places);
}

uint64_t count_within(const BlockKernels& kernels, const ReducedValues& values, uint64_t low, uint64_t high) noexcept {
  uint64_t count = 0;
  const auto add = [&](auto within) {
    return [&, within](const auto* block, size_t n) { return count += within(block, n, low, high), true; };
  };
  if (is_wide(values))
    for_each_block<InF64>(kernels, values, add(kernels.within64));
  else
    for_each_block<InF32>(kernels, values, add(kernels.within32));
  return count;
}

uint64_t largest_key(const BlockKernels& kernels, const ReducedValues& values) noexcept {
  uint64_t key = 0;
  const auto take = [&](auto largest) {
    return [&, largest](const auto* block, size_t n) { return key = std::max(key, largest(block, n)), true; };
  };
  if (is_wide(values))
    for_each_block<InF64>(kernels, values, take(kernels.largest64));
  else
    for_each_block<InF32>(kernels, values, take(kernels.largest32));
  return key;
}

uint64_t find_key(const BlockKernels& kernels, const ReducedValues& values, uint64_t key, uint64_t& left) noexcept {
  return is_wide(values) ? find<InF64>(kernels, values, key, left) : find<InF32>(kernels, values, key, left);
}

void count_digits(const BlockKernels& kernels, const ReducedValues& values, const Digit& digit, uint32_t* tables,
                  size_t apart) noexcept {
  const auto count = [&](auto digits) {
    return [&, digits](const auto* block, size_t n) {
      return digits(block, n, digit.shift, digit.bits, digit.above, tables, apart), true;
    };
  };
  if (is_wide(values))
    for_each_block<InF64>(kernels, values, count(kernels.digits64));
  else
    for_each_block<InF32>(kernels, values, count(kernels.digits32));
}

}  // namespace ckmerge
