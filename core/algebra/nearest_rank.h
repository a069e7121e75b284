// SPDX-License-Identifier: Apache-2.0
// The matrix of a low rank that comes nearest to another, in + - * / and sqrt in a fixed order: the same bits on every
// machine.
#pragma once

#include <cstdint>

#include "core/algebra/matrix.h"

namespace ckmerge {

/// What the `rank` largest singular values make of a matrix. Rows of the smaller side are multiplied by the matrix and
/// its transpose again and again, and all products kept (block Lanczos: Golub and Underwood, 1977), until what is
/// missing of the vectors is 1e-14 of the largest square: some ten times `rank` rows, by how fast the values fall.
/// Where half of the side does not do, full_svd() does. REQUIRES: rank > 0; else as full_svd().
Matrix nearest_of_rank(const Matrix& matrix, uint64_t rank, const Hands& hands = {});

/// Bytes that it holds meanwhile, the result included and the matrix not.
uint64_t nearest_of_rank_memory(uint64_t rows, uint64_t columns);

}  // namespace ckmerge
