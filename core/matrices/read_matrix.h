// SPDX-License-Identifier: Apache-2.0
// Tensors of files as matrices of f64, and back.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "core/algebra/matrix.h"
#include "core/threads/hands.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// All elements of a tensor that `checkpoint` has, a number of any dtype each. Throws as InputFile::read_at() and
/// Hands::check() do.
Matrix read_matrix(const Checkpoint& checkpoint, std::string_view name, const Hands& hands = {});

bool is_finite(const Matrix& matrix);

/// What matrices of finite elements are to be multiplied by, so that products of four elements neither vanish nor are
/// beyond f64: a power of two, 1 of those of usual sizes.
double factor_to_middle(std::span<const Matrix> matrices);
void scale(Matrix& matrix, double factor);

void subtract(Matrix& from, const Matrix& matrix);

/// `result` := base + result, where there is something to add: else the base's element to the bit.
void add_to(const Matrix& base, Matrix& result);

/// Whether all elements are finite in `dtype`, which is F32 or F64.
bool fits(const Matrix& matrix, Dtype dtype);
std::vector<std::byte> bytes_of(const Matrix& matrix, Dtype dtype);

}  // namespace ckmerge
