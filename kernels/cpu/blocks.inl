// SPDX-License-Identifier: Apache-2.0
// Every block function, written once as plain loops and compiled once per ISA. An ISA file defines CKMERGE_ISA and,
// where the CPU converts f16 itself, CKMERGE_HALF_INL with load_f16 and store_f16; then it includes this file.
//
// No inline function with external linkage may be used here: the linker keeps one copy of such a function for the whole
// program, and it could keep the one built for AVX-512 (tests/tree/isa_symbols.py checks).
#include <float.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/algebra.h"
#include "kernels/block_kernels.h"
#include "kernels/matrix.h"

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
// Those below are made of it.
#include "kernels/cpu/conversions.inl"
#include "kernels/cpu/operations.inl"
#include "kernels/cpu/placed.inl"
// It counts keys of placed.inl.
#include "kernels/cpu/magnitudes.inl"
#include "kernels/cpu/stochastic.inl"

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

#include "kernels/cpu/algebra.inl"
#include "kernels/cpu/fused.inl"
#include "kernels/cpu/matrix.inl"

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

struct DrawnRow {
  Dtype dtype;
  void (*store32)(const float*, const uint32_t*, void*, size_t, StoreCounts*);
  void (*store64)(const double*, const uint32_t*, void*, size_t, StoreCounts*);
};
template <typename F>
constexpr DrawnRow drawn_row(Dtype dtype) {
  return {dtype, store_drawn<F, float>, store_drawn<F, double>};
}

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

constexpr DrawnRow kDrawnRows[] = {drawn_row<E5m2>(Dtype::F8_E5M2), drawn_row<E4m3>(Dtype::F8_E4M3),
                                   drawn_row<Half>(Dtype::F16), drawn_row<Bfloat>(Dtype::BF16)};

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
      .draw32 = {},
      .draw64 = {},
      .op32 = {},
      .op64 = {},
      .uniform32 = uniform<float>,
      .uniform64 = uniform<double>,
      .before32 = before<float>,
      .before64 = before<double>,
      .stays32 = stays<float>,
      .stays64 = stays<double>,
      .within32 = within<float>,
      .within64 = within<double>,
      .largest32 = largest<float>,
      .largest64 = largest<double>,
      .digits32 = digits<float>,
      .digits64 = digits<double>,
      .words = uniform<uint32_t>,
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
  for (const DrawnRow& row : kDrawnRows) {
    table.draw32[static_cast<size_t>(row.dtype)] = row.store32;
    table.draw64[static_cast<size_t>(row.dtype)] = row.store64;
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
extern const MatrixKernel matrix_kernel;
constinit const MatrixKernel matrix_kernel = {CKMERGE_TEXT(CKMERGE_ISA), add_product};
extern const AlgebraKernel algebra_kernel;
constinit const AlgebraKernel algebra_kernel = {
    .isa = CKMERGE_TEXT(CKMERGE_ISA),
    .add_product = add_wide_product,
    .row_products = row_products,
    .dot = wide_dot,
    .subtract_row = subtract_row,
    .turn_rows = turn_rows,
    .reflect_row = reflect_row,
    .turn_strip = turn_strip,
};

}  // namespace ckmerge::CKMERGE_ISA
