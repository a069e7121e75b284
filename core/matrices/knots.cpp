// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/algebra/full_svd.h"
#include "core/matrices/matrix_rows.h"
#include "kernels/sparse_deltas.h"

namespace ckmerge {
namespace {

// Of the largest singular value: what is below is rounding of the others, and would count as elements that stay.
constexpr double kNoValue = 1e-12;
// Sums of weights that divide nothing, as in `ties` without an election.
constexpr double kNoWeight = 1e-8;

// In the order of the method's coefficients.
struct KnotsNumbers {
  double alpha, density;
  bool elects, normalizes;
  std::span<const double> weights;  // of the deltas: that of what they begin from, where there is one, comes before
};

KnotsNumbers knots_numbers(std::span<const double> numbers, size_t deltas) {
  return {.alpha = numbers[0],
          .density = numbers[1],
          .elects = numbers[2] != 0,
          .normalizes = numbers[3] != 0,
          .weights = numbers.last(deltas)};
}

// Orders as magnitudes do, NaN above all.
uint64_t magnitude_key(double element) { return std::bit_cast<uint64_t>(std::fabs(element)); }

void keep_largest(Matrix& matrix, double density) {
  const uint64_t count = matrix.elements.size();
  if (density >= 1 || count == 0) return;
  if (density <= 0) {
    std::ranges::fill(matrix.elements, 0.0);
    return;
  }
  const uint64_t kept = elements_of(density, count);
  std::vector<uint64_t> keys(count);
  std::ranges::transform(matrix.elements, keys.begin(), magnitude_key);
  const auto least = keys.begin() + static_cast<ptrdiff_t>(kept - 1);
  std::nth_element(keys.begin(), least, keys.end(), std::greater<>());
  const auto above =
      static_cast<uint64_t>(std::count_if(keys.begin(), least, [&](uint64_t key) { return key > *least; }));
  uint64_t equal = kept - above;
  for (double& element : matrix.elements) {
    const uint64_t key = magnitude_key(element);
    const bool stays = key > *least || (key == *least && equal > 0);
    if (key == *least && equal > 0) --equal;
    if (!stays) element = 0;
  }
}

// What counts of one element, and the weights of that.
struct Counted {
  double sum = 0, weights = 0;
};

Counted what_counts(const std::vector<Matrix>& parts, std::span<const double> weights, size_t element, bool elects) {
  Counted all;
  for (size_t k = 0; k < parts.size(); ++k) {
    all.sum += weights[k] * parts[k].elements[element];
    all.weights += weights[k];
  }
  if (!elects || std::isnan(all.sum)) return all;
  const bool below = all.sum < 0;
  Counted agreeing;
  for (size_t k = 0; k < parts.size(); ++k) {
    const double weighted = weights[k] * parts[k].elements[element];
    if (below ? weighted >= 0 : weighted <= 0) continue;
    agreeing.sum += weighted;
    agreeing.weights += weights[k];
  }
  return agreeing;
}

Matrix merged_by_ties(std::vector<Matrix> parts, std::span<const double> coefficients) {
  const KnotsNumbers numbers = knots_numbers(coefficients, parts.size());
  for (Matrix& part : parts) keep_largest(part, numbers.density);
  Matrix out(parts[0].rows, parts[0].columns);
  for (size_t i = 0; i < out.elements.size(); ++i) {
    const Counted here = what_counts(parts, numbers.weights, i, numbers.elects);
    const bool divides = numbers.normalizes && std::fabs(here.weights) >= (numbers.elects ? DBL_MIN : kNoWeight);
    out.elements[i] = divides ? here.sum / here.weights : here.sum;
  }
  return scaled(std::move(out), numbers.alpha);
}

Matrix side_by_side(std::span<const Matrix> matrices) {
  const uint64_t rows = matrices[0].rows, columns = matrices[0].columns;
  Matrix out(rows, columns * matrices.size());
  for (size_t k = 0; k < matrices.size(); ++k)
    for (uint64_t i = 0; i < rows; ++i) std::copy_n(matrices[k].row(i), columns, out.row(i) + k * columns);
  return out;
}

Matrix plain_knots(const WholeTensor& tensor) {
  return merged_by_ties({tensor.inputs.begin(), tensor.inputs.end()}, tensor.coefficients);
}

Matrix make_knots(const WholeTensor& tensor) {
  if (tensor.shape.size() < 2) return plain_knots(tensor);
  const uint64_t columns = tensor.inputs[0].columns;
  Svd svd = full_svd(side_by_side(tensor.inputs), tensor.hands);
  uint64_t rank = 0;
  while (rank < svd.values.size() && svd.values[rank] > kNoValue * svd.values[0]) ++rank;
  std::vector<Matrix> parts;
  for (size_t part = 0; part < tensor.inputs.size(); ++part) {
    Matrix& out = parts.emplace_back(rank, columns);
    for (uint64_t k = 0; k < rank; ++k)
      for (uint64_t j = 0; j < columns; ++j) out.row(k)[j] = svd.values[k] * svd.right.row(k)[part * columns + j];
  }
  svd.right = Matrix();
  Matrix vectors(rank, svd.left.columns);
  put_rows(svd.left, rank, vectors, 0);
  return product(transposed(vectors), merged_by_ties(std::move(parts), tensor.coefficients), tensor.hands);
}

uint64_t memory_of_knots(Shape shape, size_t inputs, std::span<const double>) {
  const uint64_t rows = matrix_rows(shape), columns = matrix_columns(shape), size = rows * columns * sizeof(double);
  const uint64_t plain = (inputs + 2) * size;  // parts, the magnitudes of one of them, what they are merged to
  if (shape.size() < 2) return plain;
  const uint64_t vectors = 3 * std::min(rows, columns * inputs) * rows * sizeof(double);
  return plain + vectors + inputs * size + full_svd_memory(rows, columns * inputs);
}

}  // namespace

const MatrixMethod kKnots{.name = "knots",
                          .of_deltas = true,
                          .multiplies = true,
                          .make = make_knots,
                          .plain = plain_knots,
                          .memory = memory_of_knots};

}  // namespace ckmerge
