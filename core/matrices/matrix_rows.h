// SPDX-License-Identifier: Apache-2.0
// What the table of methods is made of: each is a file of its name here.
#pragma once

#include "core/matrices/matrix_methods.h"

namespace ckmerge {

extern const MatrixMethod kCrossover, kDistributionCrossover, kIsoC, kIsoCts, kKnots, kRebasin, kRotate, kSmoothAdd,
    kTopKTensorSum, kTruncateRank, kTsvM;

// What they share.

Matrix scaled(Matrix matrix, double factor);
Matrix sum_of(std::span<const Matrix> matrices);
Matrix average_of(std::span<const Matrix> matrices);

/// (1 - alpha) * a + alpha * b, in which equal elements stay as they are, to the bit.
Matrix between(const Matrix& a, const Matrix& b, double alpha);

/// Whether papers of merging by singular values mean it: they leave all but matrices to the average.
inline bool is_matrix(Shape shape) { return shape.size() == 2; }

/// Copies the first `count` vectors of `from` to the rows of `to` from `first` on.
void put_rows(const Matrix& from, uint64_t count, Matrix& to, uint64_t first);

}  // namespace ckmerge
