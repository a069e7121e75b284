// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/read_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/matrices/matrix_methods.h"
#include "core/threads/stop_pace.h"
#include "io/table/tensor_reader.h"
#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

// Elements that are read at a time.
constexpr uint64_t kAtATime = 128 * kBlockElements;
// Squares of larger elements, times each other, might not be finite; and go into no normal f64 where they are smaller
// by a few digits. All of f64 is brought between them by five steps at most, whose product is a normal f64, too.
constexpr double kLargest = 1e70, kTiny = 0x1p-200, kStep = 0x1p200;

}  // namespace

Matrix read_matrix(const Checkpoint& checkpoint, std::string_view name, const Hands& hands) {
  const size_t row = checkpoint.tensors.find(name);
  const Tensor tensor = checkpoint.tensors[row];
  Matrix matrix;
  matrix.rows = matrix_rows(tensor.shape);
  matrix.columns = matrix_columns(tensor.shape);
  matrix.elements.reserve(tensor.count);
  const auto load = (*available_kernels().begin())->load64[static_cast<size_t>(tensor.dtype)];
  const uint64_t size = element_size(tensor.dtype);
  std::vector<std::byte> bytes(std::min(kAtATime, tensor.count) * size);
  TensorReader reader;
  StopPace pace(hands, true);
  for (uint64_t at = 0; at < tensor.count; at += kAtATime) {
    const uint64_t count = std::min(kAtATime, tensor.count - at);
    pace.begin(count);
    matrix.elements.resize(at + count);  // not before: pages of some GiB take a second
    reader.read(checkpoint, row, at * size, (at + count) * size, bytes.data());
    for (uint64_t block = 0; block < count; block += kBlockElements)
      load(bytes.data() + block * size, matrix.elements.data() + at + block,
           std::min<uint64_t>(kBlockElements, count - block));
  }
  return matrix;
}

bool is_finite(const Matrix& matrix) {
  return std::ranges::all_of(matrix.elements, [](double element) { return std::isfinite(element); });
}

double factor_to_middle(std::span<const Matrix> matrices) {
  double largest = 0, factor = 1;
  for (const Matrix& matrix : matrices)
    for (const double element : matrix.elements) largest = std::max(largest, std::fabs(element));
  for (; largest > 0 && largest * factor < kTiny;) factor *= kStep;
  for (; largest * factor > kLargest;) factor /= kStep;
  return factor;
}

void scale(Matrix& matrix, double factor) {
  if (factor == 1) return;
  for (double& element : matrix.elements) element *= factor;
}

void subtract(Matrix& from, const Matrix& matrix) {
  for (size_t i = 0; i < from.elements.size(); ++i) from.elements[i] -= matrix.elements[i];
}

void add_to(const Matrix& base, Matrix& result) {
  for (size_t i = 0; i < result.elements.size(); ++i)
    result.elements[i] = result.elements[i] == 0 ? base.elements[i] : base.elements[i] + result.elements[i];
}

bool fits(const Matrix& matrix, Dtype dtype) {
  return std::ranges::all_of(matrix.elements, [&](double element) {
    return std::isfinite(dtype == Dtype::F64 ? element : double{static_cast<float>(element)});
  });
}

std::vector<std::byte> bytes_of(const Matrix& matrix, Dtype dtype) {
  std::vector<std::byte> bytes(matrix.elements.size() * element_size(dtype));
  if (dtype == Dtype::F64) {
    std::memcpy(bytes.data(), matrix.elements.data(), bytes.size());
    return bytes;
  }
  for (size_t i = 0; i < matrix.elements.size(); ++i) {
    const auto element = static_cast<float>(matrix.elements[i]);
    std::memcpy(bytes.data() + i * sizeof element, &element, sizeof element);
  }
  return bytes;
}

}  // namespace ckmerge
