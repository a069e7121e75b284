// SPDX-License-Identifier: Apache-2.0
// Every block function for AVX-512 F, BW, VL and DQ: Intel servers since Skylake (2017), AMD since Zen 4 (2022).
#include <immintrin.h>

#define CKMERGE_ISA avx512
#if !defined(__clang__)
#define CKMERGE_WIDE __attribute__((target("prefer-vector-width=512")))
#endif
#define CKMERGE_HALF_INL "kernels/cpu/half_f16c.inl"
#include "kernels/cpu/blocks.inl"
