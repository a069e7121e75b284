// SPDX-License-Identifier: Apache-2.0
// Every block function for AVX2 with F16C: Intel since Haswell (2013), AMD since Excavator (2015).
#include <immintrin.h>

#define CKMERGE_ISA avx2
#define CKMERGE_HALF_INL "kernels/cpu/half_f16c.inl"
#include "kernels/cpu/blocks.inl"
