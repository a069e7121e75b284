// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/naive_program.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tests/kernels/naive_elementwise.h"
#include "tests/kernels/naive_placed.h"
#include "tests/kernels/oracle.h"

namespace ckmerge {
namespace {

double element(const Operand& operand, uint64_t i) {
  const auto* data = static_cast<const unsigned char*>(operand.data);
  return oracle::read(operand.dtype,
                      data + i / operand.inner * operand.stride + i % operand.inner * element_size(operand.dtype));
}

uint32_t bits_of(float x) { return oracle::bits_as<uint32_t>(x); }
uint64_t bits_of(double x) { return oracle::bits_as<uint64_t>(x); }

Instruction with_op(Instruction i, Op op) {
  i.op = op;
  return i;
}

template <typename T>
T compute(const Instruction& i, const T* r) {
  const auto k0 = static_cast<T>(i.k0), k1 = static_cast<T>(i.k1);
  volatile T s = 0, t = 0;
  switch (i.op) {
    case Op::constant: return k0;
    case Op::scale: return k0 * r[i.a];
    case Op::add: return r[i.a] + r[i.b];
    case Op::subtract: return r[i.a] - r[i.b];
    case Op::mix:
      s = k0 * r[i.a];
      t = k1 * r[i.b];
      return s + t;
    case Op::add_scaled: s = k0 * r[i.b]; return r[i.a] + s;
    case Op::add_scaled_difference:
      s = r[i.b] - r[i.c];
      t = k0 * s;
      return r[i.a] + t;
    case Op::agree: return bits_of(r[i.a]) == bits_of(r[i.b]) ? r[i.a] : std::numeric_limits<T>::quiet_NaN();
    case Op::agreed_or: return std::isnan(r[i.a]) ? r[i.b] : r[i.a];
    case Op::agree_or_mix: return bits_of(r[i.a]) == bits_of(r[i.b]) ? r[i.a] : compute(with_op(i, Op::mix), r);
    case Op::agree_or_add_scaled_difference:
      return bits_of(r[i.a]) == bits_of(r[i.b]) && bits_of(r[i.a]) == bits_of(r[i.c])
                 ? r[i.a]
                 : compute(with_op(i, Op::add_scaled_difference), r);
    default: return naive_elementwise(i.op, r[i.a], r[i.b], r[i.c]);
  }
}

template <typename T>
T stays(const Instruction& i, T x, uint64_t index) {
  const T least = std::fabs(static_cast<T>(i.k0)), magnitude = std::fabs(x);
  const bool equal = magnitude == least || (std::isnan(x) && std::isnan(least));
  const bool larger = !std::isnan(least) && (std::isnan(x) || magnitude > least);
  return larger || (equal && index < static_cast<uint64_t>(i.k1)) ? -1 : 1;
}

template <typename T>
T result(const Program& program, const std::vector<Operand>& operands, uint64_t element_index) {
  std::vector<T> registers(program.registers());
  for (const Instruction& i : program.code) {
    if (i.op == Op::load)
      registers[i.dst] = static_cast<T>(element(operands[i.operand], element_index));
    else if (i.op == Op::stays)
      registers[i.dst] = stays(i, registers[i.a], element_index);
    else
      registers[i.dst] =
          is_placed(i.op) ? static_cast<T>(naive_placed(i, element_index)) : compute<T>(i, registers.data());
  }
  return registers[program.result];
}

const unsigned char* bytes_of(const Operand& operand, uint64_t i) {
  return static_cast<const unsigned char*>(operand.data) + i / operand.inner * operand.stride +
         i % operand.inner * element_size(operand.dtype);
}

// What becomes of a result that is NaN or Inf and was stored at `out`.
void judge(const Program& program, const std::vector<Operand>& operands, uint64_t i, double value, Dtype out_dtype,
           unsigned char* out, StoreCounts& counts) {
  bool nan = false, inf = false, alike = true;
  const unsigned char* first = nullptr;
  for (const Instruction& instruction : program.code) {
    if (instruction.op != Op::load) continue;
    const Operand& operand = operands[instruction.operand];
    nan |= std::isnan(element(operand, i));
    inf |= std::isinf(element(operand, i));
    if (!first) first = bytes_of(operand, i);
    alike =
        alike && operand.dtype == out_dtype && std::memcmp(first, bytes_of(operand, i), element_size(out_dtype)) == 0;
  }
  const bool made = std::isnan(value) ? !nan : !nan && !inf;
  counts.created += made;
  counts.lost_inf -= made && std::isinf(value) && out_dtype == Dtype::F8_E4M3;
  if (std::isnan(value) && nan && alike && program.keeps_equal()) std::memcpy(out, first, element_size(out_dtype));
}

}  // namespace

std::vector<unsigned char> run_naively(const Program& program, const std::vector<Operand>& operands, uint64_t first,
                                       uint64_t count, Dtype out_dtype, StoreCounts& counts) {
  const size_t size = element_size(out_dtype);
  std::vector<unsigned char> out(count * size);
  for (uint64_t i = 0; i < count; ++i) {
    const double value = program.compute == Dtype::F64 ? result<double>(program, operands, first + i)
                                                       : result<float>(program, operands, first + i);
    oracle::write(out_dtype, value, &out[i * size], counts);
    if (!std::isfinite(value)) judge(program, operands, first + i, value, out_dtype, &out[i * size], counts);
  }
  return out;
}

void add_products_naively(Dtype compute, const Operand& x, const Operand& y, uint64_t first, uint64_t count,
                          uint64_t index, LaneSums& sums) {
  for (uint64_t i = 0; i < count; ++i) {
    double a = element(x, first + i), b = element(y, first + i);
    if (compute == Dtype::F32) a = static_cast<float>(a), b = static_cast<float>(b);
    volatile double product = a * b;
    double& lane = sums.lanes[(index + i) % kLanes];
    lane = lane + product;
  }
}

bool same_lanes(const LaneSums& x, const LaneSums& y) {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    if (std::isnan(x.lanes[lane]) && std::isnan(y.lanes[lane])) continue;
    if (std::memcmp(&x.lanes[lane], &y.lanes[lane], sizeof(double)) != 0) return false;
  }
  return true;
}

std::vector<unsigned char> run_with(const BlockKernels& kernels, const Program& program,
                                    const std::vector<Operand>& operands, uint64_t first, uint64_t count,
                                    Dtype out_dtype, StoreCounts& counts, size_t offset) {
  constexpr unsigned char kUntouched = 0xa5;
  const size_t size = count * element_size(out_dtype);
  std::vector<unsigned char> memory(64 + offset + size + 64, kUntouched);
  const size_t begin = 64 - reinterpret_cast<uintptr_t>(memory.data()) % 64 + offset;
  run_program(kernels, program, operands.data(), first, count, memory.data() + begin, out_dtype, counts);
  const auto untouched = [](unsigned char byte) { return byte == kUntouched; };
  const auto from = memory.begin() + static_cast<ptrdiff_t>(begin), to = from + static_cast<ptrdiff_t>(size);
  if (!std::all_of(memory.begin(), from, untouched) || !std::all_of(to, memory.end(), untouched)) return {};
  return {from, to};
}

}  // namespace ckmerge
