// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/algebra/full_svd.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

// How many vectors each delta has for itself, and how many are common to all.
struct Shares {
  uint64_t each = 0, common = 0;
};

// As many for each; a half rounded to even, as the paper's program has it, but no more than there are.
Shares shares_of(Shape shape, size_t inputs, double fraction) {
  const uint64_t all = std::min(matrix_rows(shape), matrix_columns(shape));
  const auto common = static_cast<uint64_t>(static_cast<double>(all) * fraction);
  const uint64_t rest = all - std::min(common, all), whole = rest / inputs, twice = 2 * (rest % inputs);
  const bool rounds_up = twice > inputs || (twice == inputs && whole % 2 == 1);
  const uint64_t each = std::min<uint64_t>(whole + (rounds_up ? 1 : 0), all / inputs);
  return {.each = each, .common = all - each * inputs};
}

// `delta` without what it has in the span of the first `count` of orthonormal rows that stand.
Matrix beyond(const Matrix& delta, const Matrix& vectors, uint64_t count, const Hands& hands) {
  Matrix span(count, vectors.columns);
  put_rows(vectors, count, span, 0);
  const Matrix inside = product(transposed(span), product(span, delta, hands), hands);
  Matrix out = delta;
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] -= inside.elements[i];
  return out;
}

Matrix plain_iso_cts(const WholeTensor& tensor) { return scaled(average_of(tensor.inputs), tensor.coefficients[0]); }

Matrix make_iso_cts(const WholeTensor& tensor) {
  if (!is_matrix(tensor.shape)) return plain_iso_cts(tensor);
  const size_t inputs = tensor.inputs.size();
  const auto [each, common] = shares_of(tensor.shape, inputs, tensor.coefficients[1]);
  const Svd of_sum = full_svd(sum_of(tensor.inputs), tensor.hands);
  const uint64_t all = each * inputs + common;
  Matrix left(all, matrix_rows(tensor.shape)), right(all, matrix_columns(tensor.shape));
  double sum = 0;
  const auto take = [&](const Svd& svd, uint64_t count, uint64_t first) {
    put_rows(svd.left, count, left, first);
    put_rows(svd.right, count, right, first);
    sum = std::accumulate(svd.values.begin(), svd.values.begin() + static_cast<ptrdiff_t>(count), sum);
  };
  for (size_t k = 0; k < inputs && each > 0; ++k)
    take(full_svd(beyond(tensor.inputs[k], of_sum.left, common, tensor.hands), tensor.hands), each, k * each);
  take(of_sum, common, each * inputs);
  const Matrix out =
      product(transposed(orthogonal_factor(left, tensor.hands)), orthogonal_factor(right, tensor.hands), tensor.hands);
  return scaled(out, tensor.coefficients[0] * (sum / static_cast<double>(all)));
}

uint64_t memory_of_iso_cts(Shape shape, size_t, std::span<const double>) {
  const uint64_t rows = matrix_rows(shape), columns = matrix_columns(shape), size = rows * columns * sizeof(double);
  if (!is_matrix(shape)) return 2 * size;
  const uint64_t all = std::min(rows, columns), of_vectors = all * (rows + columns) * sizeof(double);
  return 3 * size + 4 * of_vectors + full_svd_memory(rows, columns);
}

}  // namespace

const MatrixMethod kIsoCts{.name = "iso_cts",
                           .of_deltas = true,
                           .multiplies = true,
                           .make = make_iso_cts,
                           .plain = plain_iso_cts,
                           .memory = memory_of_iso_cts};

}  // namespace ckmerge
