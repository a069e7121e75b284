// SPDX-License-Identifier: Apache-2.0
// Every block function for AVX-512 F, BW, VL and DQ: Intel servers since Skylake (2017), AMD since Zen 4 (2022).
#include <immintrin.h>

#define CKMERGE_ISA avx512
#define CKMERGE_HALF_INL "kernels/cpu/half_f16c.inl"
#include "kernels/cpu/blocks.inl"
