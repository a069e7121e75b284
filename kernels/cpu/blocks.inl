// SPDX-License-Identifier: Apache-2.0
// Every block function, written once as plain loops and compiled once per ISA. An ISA file defines CKMERGE_ISA and,
// where the CPU converts f16 itself, CKMERGE_HALF_INL with load_f16 and store_f16; then it includes this file.
//
// No inline function with external linkage may be used here: the linker keeps one copy of such a function for the whole
// program, and it could keep the one built for AVX-512 (tests/tree/isa_symbols.py checks).
#include <float.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/block_kernels.h"

static_assert(FLT_EVAL_METHOD == 0, "x87 would round twice");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "files are little-endian and are read where they lie");

// Iterations are independent even where dst is one of the sources, which a compiler cannot know; its run-time overlap
// check would send exactly that case, the accumulator of every sum, to a scalar loop.
#if defined(__clang__)
#define CKMERGE_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define CKMERGE_INDEPENDENT _Pragma("GCC ivdep")
#endif
// Before a function whose loops gain by the widest registers that the ISA has.
#if !defined(CKMERGE_WIDE)
#define CKMERGE_WIDE
#endif
#define CKMERGE_TEXT_OF(x) #x
#define CKMERGE_TEXT(x) CKMERGE_TEXT_OF(x)

namespace ckmerge::CKMERGE_ISA {
namespace {

#define CKMERGE_INLINE inline
#include "kernels/small_floats.inl"

// Memory in a file's dtype: any alignment, any effective type.
template <typename T>
struct File {
  typedef T __attribute__((aligned(1), may_alias)) type;
};
template <typename T>
using InFile = typename File<T>::type;

// ---- loads: exact ----

template <typename F>
void load_small(const void* src, float* __restrict__ dst, size_t n) {
  const auto* codes = static_cast<const InFile<typename F::Code>*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = widen<F>(codes[i]);
}

template <typename From, typename To>
void load_wide(const void* src, To* __restrict__ dst, size_t n) {
  const auto* values = static_cast<const InFile<From>*>(src);
  for (size_t i = 0; i < n; ++i) dst[i] = values[i];
}

// ---- stores: one rounding ----
// Nearly every block holds ordinary values only. A store writes the block as if it did and notes whether it was wrong;
// then the block is written again with all the rules, and counted. All rules in one loop cost a third of the speed
// for bf16 and half of it for fp8.

template <typename F>
[[gnu::noinline]] uint32_t count_vanishing(const float* src, size_t n) {
  uint32_t vanished = 0;
  for (size_t i = 0; i < n; ++i) vanished += vanishes<F>(src[i]);
  return vanished;
}

template <typename F>
bool store_ordinary(const float* src, void* dst, size_t n, uint32_t& vanished) {
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  int32_t largest = 0;
  uint32_t least = UINT32_MAX;
  for (size_t i = 0; i < n; ++i) {
    largest = larger_magnitude(largest, src[i]);
    least = smaller_beyond_zero(least, src[i]);
    codes[i] = static_cast<typename F::Code>(narrow_ordinary<F>(src[i]));
  }
  if (some_vanish<F>(least)) vanished += count_vanishing<F>(src, n);
  return is_ordinary<F>(largest);
}

template <typename F>
void store_special(const float* src, void* dst, size_t n, StoreCounts* counts) {
  auto* __restrict__ codes = static_cast<InFile<typename F::Code>*>(dst);
  uint32_t too_large = 0, inf = 0, non_finite = 0, vanished = 0;
  for (size_t i = 0; i < n; ++i) {
    const uint32_t magnitude = bits_of(src[i]) & kMagnitude;
    too_large += magnitude > kLargestSource<F> && magnitude < kInfBits;
    inf += magnitude == kInfBits;
    vanished += vanishes<F>(src[i]);
    const uint32_t code = narrow<F>(src[i]);
    non_finite += (code & (F::kSign - 1)) > F::kLargest;
    codes[i] = static_cast<typename F::Code>(code);
  }
  (F::kOver == F::kLargest ? counts->saturated : counts->overflowed) += too_large;
  if (!kHasInf<F>) counts->lost_inf += inf;
  counts->non_finite += non_finite;
  counts->vanished += vanished;
}

template <typename F, bool (*kOrdinary)(const float*, void*, size_t, uint32_t&) = store_ordinary<F>>
void store_small(const float* src, void* dst, size_t n, StoreCounts* counts) {
  uint32_t vanished = 0;
  if (kOrdinary(src, dst, n, vanished))
    counts->vanished += vanished;
  else
    store_special<F>(src, dst, n, counts);
}

// A wide format: the bits of its exponent, and of the NaN that is stored.
struct Single {
  using Value = float;
  using Bits = uint32_t;
  static constexpr Bits kInf = kInfBits, kNan = kNanBits, kSign = 0x80000000;
};
struct Double {
  using Value = double;
  using Bits = uint64_t;
  static constexpr Bits kInf = 0x7ff0000000000000, kNan = 0x7ff8000000000000, kSign = 0x8000000000000000;
};

// Values of the compute dtype itself: nothing is rounded, but a NaN becomes the positive quiet one. Adding one step of
// the exponent to a magnitude carries into the sign where it was Inf or NaN; SSE2 has no comparison of 64-bit integers.
template <typename F>
bool store_ordinary_wide(const typename F::Value* src, void* dst, size_t n) {
  auto* __restrict__ values = static_cast<InFile<typename F::Value>*>(dst);
  constexpr typename F::Bits kStep = F::kSign - F::kInf;
  typename F::Bits carries = 0;
  for (size_t i = 0; i < n; ++i) {
    carries |= (__builtin_bit_cast(typename F::Bits, src[i]) & ~F::kSign) + kStep;
    values[i] = src[i];
  }
  return !(carries & F::kSign);
}

template <typename F>
void store_wide(const typename F::Value* src, void* dst, size_t n, StoreCounts* counts) {
  if (store_ordinary_wide<F>(src, dst, n)) return;
  auto* __restrict__ values = static_cast<InFile<typename F::Value>*>(dst);
  uint32_t non_finite = 0;
  for (size_t i = 0; i < n; ++i) {
    non_finite += (__builtin_bit_cast(typename F::Bits, src[i]) & ~F::kSign) >= F::kInf;
    // Not a number is not itself. NOLINTNEXTLINE(misc-redundant-expression)
    values[i] = src[i] == src[i] ? src[i] : __builtin_bit_cast(typename F::Value, F::kNan);
  }
  counts->non_finite += non_finite;
}

void store_f32_as_f64(const float* src, void* dst, size_t n, StoreCounts* counts) {
  double wide[kBlockElements];
  for (size_t i = 0; i < n; ++i) wide[i] = src[i];
  store_wide<Double>(wide, dst, n, counts);
}

void store_f64_as_f32(const double* src, void* dst, size_t n, StoreCounts* counts) {
  float narrowed[kBlockElements];
  uint32_t overflowed = 0, vanished = 0;
  for (size_t i = 0; i < n; ++i) {
    narrowed[i] = static_cast<float>(src[i]);
    overflowed += __builtin_fabsf(narrowed[i]) > FLT_MAX && __builtin_fabs(src[i]) <= DBL_MAX;
    vanished += narrowed[i] == 0 && src[i] != 0;
  }
  counts->overflowed += overflowed;
  counts->vanished += vanished;
  store_wide<Single>(narrowed, dst, n, counts);
}

// ---- the small formats in f64: through f32, exactly ----

template <void (*kLoad)(const void*, float*, size_t)>
void load_through_f32(const void* src, double* dst, size_t n) {
  float narrow_values[kBlockElements];
  kLoad(src, narrow_values, n);
  for (size_t i = 0; i < n; ++i) dst[i] = narrow_values[i];
}

template <void (*kStore)(const float*, void*, size_t, StoreCounts*)>
void store_through_f32(const double* src, void* dst, size_t n, StoreCounts* counts) {
  float rounded[kBlockElements];
  for (size_t i = 0; i < n; ++i) rounded[i] = round_to_odd(src[i]);
  kStore(rounded, dst, n, counts);
}

#include "kernels/cpu/operations.inl"
#include "kernels/cpu/placed.inl"

// ---- reductions ----

template <typename T>
void dot(const T* x, const T* y, size_t n, size_t first, double* lanes) {
  size_t i = 0;
  for (; i < n && (first + i) % kLanes != 0; ++i) lanes[(first + i) % kLanes] += static_cast<double>(x[i]) * y[i];
  double sums[kLanes];  // a local array stays in registers
  for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] = lanes[lane];
  for (; i + kLanes <= n; i += kLanes)
    for (size_t lane = 0; lane < kLanes; ++lane) sums[lane] += static_cast<double>(x[i + lane]) * y[i + lane];
  for (size_t lane = 0; i + lane < n; ++lane) sums[lane] += static_cast<double>(x[i + lane]) * y[i + lane];
  for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] = sums[lane];
}

#include "kernels/cpu/fused.inl"

// ---- the table ----

struct DtypeRow {
  Dtype dtype;
  void (*load32)(const void*, float*, size_t);
  void (*load64)(const void*, double*, size_t);
  void (*store32)(const float*, void*, size_t, StoreCounts*);
  void (*store64)(const double*, void*, size_t, StoreCounts*);
};

struct FusedRow {
  Dtype dtype;
  FusedLoop mix, move;
};

// A small format's row: its f64 functions follow from its f32 functions.
template <void (*kLoad)(const void*, float*, size_t), void (*kStore)(const float*, void*, size_t, StoreCounts*)>
constexpr DtypeRow small_row(Dtype dtype) {
  return {dtype, kLoad, load_through_f32<kLoad>, kStore, store_through_f32<kStore>};
}

#if defined(CKMERGE_HALF_INL)
#include CKMERGE_HALF_INL
#include "kernels/cpu/fp8_by_half.inl"
constexpr DtypeRow kF16 = small_row<load_halves, store_small<Half, store_ordinary_halves>>(Dtype::F16);
constexpr DtypeRow kE5m2 = small_row<load_fp8<E5m2>, store_small<E5m2, store_ordinary_fp8<E5m2>>>(Dtype::F8_E5M2);
constexpr DtypeRow kE4m3 = small_row<load_fp8<E4m3>, store_small<E4m3, store_ordinary_fp8<E4m3>>>(Dtype::F8_E4M3);
#else
constexpr DtypeRow kF16 = small_row<load_small<Half>, store_small<Half>>(Dtype::F16);
constexpr DtypeRow kE5m2 = small_row<load_small<E5m2>, store_small<E5m2>>(Dtype::F8_E5M2);
constexpr DtypeRow kE4m3 = small_row<load_small<E4m3>, store_small<E4m3>>(Dtype::F8_E4M3);
#endif

constexpr DtypeRow kRows[] = {
    kE5m2,
    kE4m3,
    kF16,
    small_row<load_small<Bfloat>, store_small<Bfloat>>(Dtype::BF16),
    {Dtype::F32, load_wide<float, float>, load_wide<float, double>, store_wide<Single>, store_f64_as_f32},
    {Dtype::F64, load_wide<double, float>, load_wide<double, double>, store_f32_as_f64, store_wide<Double>},
};

// How a fused loop goes over each format of 16 bits.
#if defined(__AVX2__)
#include "kernels/cpu/fused_x86.inl"
template <typename Operation>
constexpr FusedLoop kFusedHalf = fused_sixteens<Half, Operation>;
template <typename Operation>
constexpr FusedLoop kFusedBfloat = fused_sixteens<Bfloat, Operation>;
#elif defined(__aarch64__) && defined(CKMERGE_HALF_INL)
#include "kernels/cpu/fused_neon.inl"
template <typename Operation>
constexpr FusedLoop kFusedHalf = fused_halves<Operation>;
template <typename Operation>
constexpr FusedLoop kFusedBfloat = fused_small<Bfloat, Operation>;
#else
template <typename Operation>
constexpr FusedLoop kFusedHalf = fused_small<Half, Operation>;
template <typename Operation>
constexpr FusedLoop kFusedBfloat = fused_small<Bfloat, Operation>;
#endif

constexpr FusedRow kFusedRows[] = {
    {Dtype::F16, kFusedHalf<MixOrEqual>, kFusedHalf<MoveOrEqual>},
    {Dtype::BF16, kFusedBfloat<MixOrEqual>, kFusedBfloat<MoveOrEqual>},
    {Dtype::F32, fused_single<MixOrEqual>, fused_single<MoveOrEqual>},
};

constexpr BlockKernels make_table() {
  BlockKernels table = {
      .isa = CKMERGE_TEXT(CKMERGE_ISA),
      .load32 = {},
      .load64 = {},
      .store32 = {},
      .store64 = {},
      .op32 = {},
      .op64 = {},
      .uniform32 = uniform<float>,
      .uniform64 = uniform<double>,
      .before32 = before<float>,
      .before64 = before<double>,
      .dot32 = dot<float>,
      .dot64 = dot<double>,
      .fused_mix = {},
      .fused_move = {},
  };
  add_operations(table.op32);
  add_operations(table.op64);
  for (const DtypeRow& row : kRows) {
    const auto k = static_cast<size_t>(row.dtype);
    table.load32[k] = row.load32;
    table.load64[k] = row.load64;
    table.store32[k] = row.store32;
    table.store64[k] = row.store64;
  }
  for (const FusedRow& row : kFusedRows) {
    table.fused_mix[static_cast<size_t>(row.dtype)] = row.mix;
    table.fused_move[static_cast<size_t>(row.dtype)] = row.move;
  }
  return table;
}

}  // namespace

extern const BlockKernels kernels;
constinit const BlockKernels kernels = make_table();

}  // namespace ckmerge::CKMERGE_ISA
