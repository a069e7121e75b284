// SPDX-License-Identifier: Apache-2.0
// Eigenvalues and eigenvectors of symmetric matrices of some hundred rows, in f64 with + - * / and sqrt alone: the same
// bits on every machine, which no build of LAPACK gives (ARCHITECTURE.md, "Our own although there are libraries").
#pragma once

#include <vector>

#include "core/algebra/matrix.h"

namespace ckmerge {

struct SymmetricEigen {
  std::vector<double> values;  ///< descending
  Matrix vectors;              ///< row k belongs to values[k]; rows are orthonormal
};

/// Householder's reduction to three diagonals and QL with implicit shifts (Wilkinson and Reinsch, Linear Algebra, 1971,
/// II/2 and II/4): some 10 n^3 operations. Values are right to some 1e-15 of the largest. REQUIRES: `matrix` is
/// symmetric and finite. Throws std::logic_error where the iteration does not end, which finite matrices do not do.
/// Looks at the stop flag of `hands` with every row.
SymmetricEigen symmetric_eigen(Matrix matrix, const Hands& hands = {});

}  // namespace ckmerge
