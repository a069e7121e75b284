// SPDX-License-Identifier: Apache-2.0
// Every block function for the least CPU of the architecture: plain x86-64, plain aarch64, anything else.
#define CKMERGE_ISA baseline
#include "kernels/cpu/blocks.inl"
