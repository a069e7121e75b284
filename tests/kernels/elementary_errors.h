// SPDX-License-Identifier: Apache-2.0
// How far block operations of one argument are from what the C library says in f64, whose own error is a 2^29th of what
// is measured here. The default test takes some f32 values, the exhaustive one all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "kernels/block_kernels.h"

namespace ckmerge {

/// An operation, its value in f64 and its bound in ulp of f32; 0.5 is the correctly rounded value.
struct Elementary {
  const char* name;
  Op op;
  double (*right)(double);
  double bound;
};
std::span<const Elementary> elementary_functions();

struct ElementaryErrors {
  double worst = 0;        ///< ulp
  uint64_t different = 0;  ///< values for which the tables differ, or of which one is NaN and should not be
};

/// For the f32 values whose bits are `first`, `first + stride` and so on, below `end`, on every table.
ElementaryErrors elementary_errors(const Elementary& function, uint64_t first, uint64_t end, uint64_t stride);

}  // namespace ckmerge
