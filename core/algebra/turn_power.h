// SPDX-License-Identifier: Apache-2.0
// Parts of a turn: powers of orthogonal matrices, in f64 with + - * / and sqrt and kernels/math.h alone, so that the
// bits are the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "core/algebra/matrix.h"

namespace ckmerge {

/// An orthogonal matrix as turns in planes that stand at right angles to each other.
struct PlaneTurns {
  struct Plane {
    uint64_t first, second;  ///< rows of `basis`
    double angle;            ///< from -pi to pi
  };
  Matrix basis;                     ///< orthonormal rows
  std::vector<Plane> planes;        ///< two directions that are both turned round are one, too, with an angle of pi
  std::vector<uint64_t> reflected;  ///< rows of `basis`: the last one that is turned round, if their number is odd
};

/// Reduced to Hessenberg's form and from there by QR with double shifts (Francis, 1961), within blocks alone, since
/// blocks of an orthogonal matrix have nothing beside them: some 15 n^3 operations. Right to some n * 1e-16. REQUIRES:
/// orthogonal to some 1e-12. Throws std::logic_error where the iteration does not end, which such matrices do not do.
/// The same bits for any number of hands, as all that follows.
PlaneTurns plane_turns(Matrix orthogonal, const Hands& hands = {});

/// The matrix to the power of `power`: each plane is turned by so much of its angle. What is reflected has no real
/// power that is no whole number, and becomes the real part of the complex one, cos(pi * power) of itself.
Matrix turned_by(const PlaneTurns& turns, double power, const Hands& hands = {});

/// Its sign, of an orthogonal one the whole. REQUIRES: not singular.
int determinant(Matrix matrix, const Hands& hands = {});

/// Bytes that plane_turns() and turned_by() hold meanwhile, with their results and the matrix.
uint64_t turn_power_memory(uint64_t rows);

}  // namespace ckmerge
