// SPDX-License-Identifier: Apache-2.0
// The table of block functions that every ISA provides: one loader per dtype, one storer per dtype, one function per
// operation, each for f32 and for f64. kernels/cpu compiles one source into one such table per ISA.
// Plain C types only: kernel files compiled per ISA include this header (ARCHITECTURE.md, "ISA files").
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "kernels/dtype.h"
#include "kernels/elementwise.h"

namespace ckmerge {

/// Elements of one register block. Measured with weighted_sum of 64 MiB on one thread of an EPYC (Zen 4), AVX2, GB/s
/// for blocks of 256, 512, 1024: bf16 20.3, 20.9, 14.7; f16 21.0, 22.7, 18.1; f8_e4m3 4.9, 5.1, 5.0. Small blocks let
/// the next loads from memory start while this block is computed; smaller ones pay for their calls.
inline constexpr size_t kBlockElements = 512;

/// Registers whose blocks are of full length. A program with more has shorter blocks, which take the same memory in all
/// (kernels/interpreter.cpp). Measured with nested differences of bf16 on one thread of a Xeon (Emerald Rapids, 48 KiB
/// of L1), AVX-512, operands in cache, best of 1800 runs, GB/s for programs of 8, 16, 32 and 64 registers: with 8 of
/// full length 17.2, 14.6, 12.5, 9.8; with 16 17.2, 16.3, 13.9, 11.9; with 32 17.0, 16.3, 13.8, 12.3; with 64, which
/// spill into L2, 17.2, 16.3, 13.9, 12.1.
inline constexpr int kFullRegisters = 16;

/// Registers whose blocks are on the stack. What a program has beyond lies with all its others in memory of the thread
/// (reserve_registers()), in blocks that stay in L2: its spill.
inline constexpr int kStackRegisters = 64;

/// Registers a program may use. More than what a formula of kMostOperands (core/formula/expression.h) keeps at a time.
inline constexpr int kMaxRegisters = 16384;

/// Block operations. x, y, z are the registers a, b, c of an Instruction; k0, k1 its constants. Each is the written
/// sequence of IEEE operations, rounded after every one: never contracted into a fused multiply-add. Those of one
/// expression without constants are the rows of kernels/elementwise.h.
enum class Op : uint8_t {
  load,  ///< dst = operand, widened exactly
  /// dst = a number in [0, 1), a multiple of 2^-24, that hangs on key and index of the element alone: the key's upper
  /// half is k0, its lower half k1, and the number is the word of that index of Philox4x32-10
  uniform,
  before,  ///< dst = -1 where index mod k0 < k1, else 1
  /// dst = -1 where the magnitude of x is larger than that of k0, or as large and index < k1, else 1; NaN is the
  /// largest
  stays,
  line,                                                ///< dst = a number of the element's line (Places::lines)
  zero,                                                ///< dst = +0
  constant,                                            ///< dst = k0
  scale,                                               ///< dst = k0 * x
  add,                                                 ///< dst = x + y
  subtract,                                            ///< dst = x - y
  mix,                                                 ///< dst = k0 * x + k1 * y
  add_scaled,                                          ///< dst = x + k0 * y
  add_scaled_difference,                               ///< dst = x + k0 * (y - z)
#define CKMERGE_ROW(name, operands, expression) name,  ///< dst = the expression
  CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
      agree,     ///< dst = x where x and y are the same bits, else NaN
  agreed_or,     ///< dst = x, or y where x is NaN
  agree_or_mix,  ///< dst = x where x and y are the same bits, else as mix
  /// dst = x where x, y and z are the same bits, else as add_scaled_difference
  agree_or_add_scaled_difference,
};
inline constexpr size_t kOpCount = static_cast<size_t>(Op::agree_or_add_scaled_difference) + 1;

/// Whether the result hangs on where an element stands in its tensor, and on nothing else. The constants are then whole
/// numbers, k0 of `before` is not 0, and k1 is at most k0.
constexpr bool is_place(Op op) { return op == Op::uniform || op == Op::before; }

/// Whether the result hangs on where an element stands in its tensor. k1 of `stays` is a whole number.
constexpr bool is_placed(Op op) { return is_place(op) || op == Op::stays || op == Op::line; }

/// Registers that an operation of kernels/elementwise.h reads; 0 for all others.
constexpr int elementwise_operands(Op op) {
  switch (op) {
#define CKMERGE_ROW(name, operands, expression) \
  case Op::name: return operands;
    CKMERGE_ELEMENTWISE(CKMERGE_ROW)
#undef CKMERGE_ROW
    default: return 0;
  }
}

/// What became of values that could not be stored as they were; summed over blocks, so its order does not matter. A
/// value counts under one heading: non_finite is what overflowed, lost_inf and created come to, and the NaN and Inf of
/// operands. Stores count all but `created`, which run_program() adds, because only it sees the operands, and
/// `negative`.
struct StoreCounts {
  uint64_t saturated = 0;   ///< finite values stored as the largest finite fp8 value
  uint64_t overflowed = 0;  ///< finite values stored as Inf (F32, F16, BF16), which have no saturation rule
  uint64_t lost_inf = 0;    ///< Inf stored as NaN, because F8_E4M3 has no Inf
  uint64_t non_finite = 0;  ///< NaN and Inf that were stored, wherever they came from
  uint64_t created = 0;     ///< results that are NaN where no operand is, or Inf where all operands are finite
  uint64_t vanished = 0;    ///< values other than 0 stored as 0
  uint64_t negative = 0;    ///< of a variance: results below 0 where no operand is; counted by whoever knows what it is
};

/// Sums of products are kept in this many f64 lanes: element i of a reduction goes to lane i mod kLanes.
inline constexpr size_t kLanes = 16;

/// Magnitudes are counted by a digit of their keys (kernels/magnitudes.inl), of 16 bits at most, in this many tables of
/// this many counts, `apart` from each other: whichever takes one, their sum is what counts. With 0 they are one table.
inline constexpr unsigned kDigitBits = 16;
inline constexpr size_t kDigitBuckets = size_t{1} << kDigitBits, kDigitTables = 4;

/// A program of one operation over operands of one dtype, stored in that dtype, from memory to memory: true where every
/// value is finite and none is lost, which is then what loads, operation and store give; else dst holds anything.
using FusedLoop = bool (*)(const void* x, const void* y, const void* z, void* dst, float k0, float k1, size_t n);

/// Loads are exact, save that of F64 to f32, which rounds once. Stores round once, to nearest even; a NaN is stored as
/// the positive quiet one; subnormals are kept. The payload of a NaN between load and store is unspecified: no
/// store keeps it. dtypes that are not `real` have null entries, and so have Op::load and operations that are placed.
/// Pointers to memory in a file's dtype (const void*, void*) may have any alignment; float* and double* have that of
/// their type, no more. n is at most kBlockElements and may be 0. An operation's dst may be one of its sources; nothing
/// overlaps otherwise. The rounding mode is the default one, to nearest even.
struct BlockKernels {
  const char* isa;
  void (*load32[kDtypeCount])(const void* src, float* dst, size_t n);
  void (*load64[kDtypeCount])(const void* src, double* dst, size_t n);
  void (*store32[kDtypeCount])(const float* src, void* dst, size_t n, StoreCounts* counts);
  void (*store64[kDtypeCount])(const double* src, void* dst, size_t n, StoreCounts* counts);
  /// Stores that round stochastically: a value that the dtype does not have becomes one of its two neighbours, by its
  /// word, the nearer one the likelier by the distance (to within 2^-31); beyond the largest value, and with NaN and
  /// Inf, they do as the others. Null for dtypes of 32 bits and more.
  void (*draw32[kDtypeCount])(const float* src, const uint32_t* words, void* dst, size_t n, StoreCounts* counts);
  void (*draw64[kDtypeCount])(const double* src, const uint32_t* words, void* dst, size_t n, StoreCounts* counts);
  void (*op32[kOpCount])(float* dst, const float* x, const float* y, const float* z, float k0, float k1, size_t n);
  void (*op64[kOpCount])(double* dst, const double* x, const double* y, const double* z, double k0, double k1,
                         size_t n);
  /// Op::uniform and Op::before of the elements index, index + 1, ... of a tensor.
  void (*uniform32)(float* dst, uint64_t key, uint64_t index, size_t n);
  void (*uniform64)(double* dst, uint64_t key, uint64_t index, size_t n);
  void (*before32)(float* dst, uint64_t period, uint64_t bound, uint64_t index, size_t n);
  void (*before64)(double* dst, uint64_t period, uint64_t bound, uint64_t index, size_t n);
  /// Op::stays.
  void (*stays32)(float* dst, const float* x, float least, uint64_t end, uint64_t index, size_t n);
  void (*stays64)(double* dst, const double* x, double least, uint64_t end, uint64_t index, size_t n);
  /// How many keys of magnitudes lie from `low` to `high`.
  uint64_t (*within32)(const float* x, size_t n, uint64_t low, uint64_t high);
  uint64_t (*within64)(const double* x, size_t n, uint64_t low, uint64_t high);
  /// The largest key of a magnitude.
  uint64_t (*largest32)(const float* x, size_t n);
  uint64_t (*largest64)(const double* x, size_t n);
  /// Counts the digit of `bits` bits that begins at bit `shift`, of those keys whose bits above it are `above`.
  void (*digits32)(const float* x, size_t n, unsigned shift, unsigned bits, uint64_t above, uint32_t* tables,
                   size_t apart);
  void (*digits64)(const double* x, size_t n, unsigned shift, unsigned bits, uint64_t above, uint32_t* tables,
                   size_t apart);
  /// The 32 bits of which Op::uniform takes the upper 24.
  void (*words)(uint32_t* dst, uint64_t key, uint64_t index, size_t n);
  /// lanes[(first + i) mod kLanes] += double(x[i]) * double(y[i]), for i from 0 to n-1 in order; every product and sum
  /// is rounded by itself. `first` is any number; kernels are fast where it is a multiple of kLanes.
  void (*dot32)(const float* x, const float* y, size_t n, size_t first, double lanes[kLanes]);
  void (*dot64)(const double* x, const double* y, size_t n, size_t first, double lanes[kLanes]);
  /// Op::agree_or_mix (z is not read, but must be readable) and Op::agree_or_add_scaled_difference; null for dtypes
  /// that have none.
  FusedLoop fused_mix[kDtypeCount], fused_move[kDtypeCount];
};

/// Tables this program was built with and this CPU can run, best first; never empty (the baseline is always last).
struct KernelList {
  const BlockKernels* const* begin_;  // NOLINT(readability-identifier-naming): the name itself is begin()'s
  size_t count;
  const BlockKernels* const* begin() const { return begin_; }
  const BlockKernels* const* end() const { return begin_ + count; }
};
KernelList available_kernels() noexcept;

/// The table named `isa` ("baseline", "avx2", "avx512", "neon"), or null where it is not built or the CPU lacks it.
const BlockKernels* find_kernels(const char* isa) noexcept;

}  // namespace ckmerge
