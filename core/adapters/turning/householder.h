// SPDX-License-Identifier: Apache-2.0
// The orthogonal factor of a tall matrix, with the signs that LAPACK gives it.
#pragma once

#include "core/adapters/factors.h"

namespace ckmerge {

/// Q of p = Q R, of as many rows and columns as p. In f64, rounded once. REQUIRES: p has no more columns than rows.
FactorMatrix orthogonal_factor(const FactorMatrix& p);

}  // namespace ckmerge
