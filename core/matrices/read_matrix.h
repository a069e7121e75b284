// SPDX-License-Identifier: Apache-2.0
// Tensors of files as matrices of f64, and back.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/algebra/matrix.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// All elements of a tensor that `checkpoint` has, a number of any dtype each. Throws as InputFile::read_at() does.
Matrix read_matrix(const Checkpoint& checkpoint, std::string_view name);

/// Finite, and of a size of which squares can be added up.
bool is_ordinary(const Matrix& matrix);

void subtract(Matrix& from, const Matrix& matrix);

/// `result` := base + result, where there is something to add: else the base's element to the bit.
void add_to(const Matrix& base, Matrix& result);

/// Whether all elements are finite in `dtype`, which is F32 or F64.
bool fits(const Matrix& matrix, Dtype dtype);
std::vector<std::byte> bytes_of(const Matrix& matrix, Dtype dtype);

}  // namespace ckmerge
