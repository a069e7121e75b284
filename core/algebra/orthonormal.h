// SPDX-License-Identifier: Apache-2.0
// Orthonormal rows with the span of given ones.
#pragma once

#include "core/algebra/matrix.h"

namespace ckmerge {

/// Makes the rows of `vectors` orthonormal, one after another (Gram and Schmidt, modified and done twice), and returns
/// the lower triangle that takes them back: what they were is triangle * vectors. Rows that hang on those before them
/// (by less than 1e-13 of their length) become zeros. Blocks of rows are taken together, so that most of the work is
/// products of matrices; the same bits for any number of hands.
Matrix make_orthonormal(Matrix& vectors, const Hands& hands = {});

/// Rows that make orthonormal ones a basis: made of the first units that do not hang on them or on each other.
Matrix complement(const Matrix& rows, const Hands& hands = {});

/// Independent numbers of mean 0 and variance 1, near to normal: sums of twelve uniform ones of Philox4x32-10, with
/// `seed` as its key. The same on every machine.
Matrix random_rows(uint64_t rows, uint64_t columns, uint64_t seed);

}  // namespace ckmerge
