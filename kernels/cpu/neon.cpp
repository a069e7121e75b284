// SPDX-License-Identifier: Apache-2.0
// Every block function for aarch64 with NEON, which every such CPU has.
#include <arm_neon.h>

#define CKMERGE_ISA neon
#define CKMERGE_HALF_INL "kernels/cpu/half_neon.inl"
#include "kernels/cpu/blocks.inl"
