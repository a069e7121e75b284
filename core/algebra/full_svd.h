// SPDX-License-Identifier: Apache-2.0
// All singular values of a matrix that is held in memory, the small ones to as many digits as the large ones: in
// + - * / and sqrt in a fixed order, so that the bits are the same on every machine.
#pragma once

#include <cstdint>

#include "core/algebra/low_rank.h"
#include "core/algebra/matrix.h"

namespace ckmerge {

/// As many values as the smaller side has, those below 2^-52 of the largest, times the larger side, with vectors of
/// zeros. Eigenvectors of the products of all rows (or columns), turned pair by pair until all rows stand at right
/// angles (Hestenes, 1958): some 20 n^2 m operations, n the smaller side. REQUIRES: finite elements, of which the
/// squares do not overflow.
Svd full_svd(const Matrix& matrix, const Hands& hands = {});

/// Bytes that it holds meanwhile, the result included and the matrix not.
uint64_t full_svd_memory(uint64_t rows, uint64_t columns);

/// The sum of values[k] * (row k of left, standing) * (row k of right, lying).
Matrix put_together(const Svd& svd, const Hands& hands = {});

/// The nearest matrix all of whose singular values are 1, or 0 where they are: its orthogonal factor.
Matrix orthogonal_factor(const Matrix& matrix, const Hands& hands = {});

}  // namespace ckmerge
