// SPDX-License-Identifier: Apache-2.0
#include "core/algebra/low_rank.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/algebra/orthonormal.h"
#include "core/algebra/symmetric_eigen.h"
#include "kernels/matrix.h"

namespace ckmerge {
namespace {

constexpr uint64_t kRowsAtATime = 64;   // of a matrix that is read: 3 MiB of 12288 columns
constexpr uint64_t kDepth = 512;        // of a product in f32, before it is added to others
constexpr uint64_t kSeed = 0x6c6f7261;  // any number
constexpr int kMostSteps = 12;
constexpr double kLeastGain = 5e-5;

// More than are wanted, so that the last of them are told apart from what follows.
uint64_t subspace_size(uint64_t rows, uint64_t columns, uint64_t rank) {
  return std::min({rank + std::max<uint64_t>(rank / 4, 16), rows, columns});
}

std::vector<float> rounded(const Matrix& matrix) {
  std::vector<float> out(matrix.elements.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(matrix.elements[i]);
  return out;
}

// Rows of a matrix that is read, times vectors of f32, and vectors times rows.
class Pass {
 public:
  Pass(const RowSource& matrix, const Matrix& vectors)
      : matrix_(matrix), count_(vectors.rows), rows_(kRowsAtATime * matrix.columns), part_(kRowsAtATime * kDepth) {
    const std::vector<float> standing = rounded(transposed(vectors));
    for (uint64_t k = 0; k < matrix.columns; k += kDepth) {
      const uint64_t depth = std::min(kDepth, matrix.columns - k);
      panels_.emplace_back(panels_size(depth, count_));
      make_panels(standing.data() + k * count_, depth, count_, panels_.back().data());
    }
  }

  // Calls take(first, count, rows * vectors), of f32, for all rows.
  template <typename Take>
  void run(const Take& take) {
    std::vector<float> products(kRowsAtATime * count_);
    for (uint64_t first = 0; first < matrix_.rows; first += kRowsAtATime) {
      const uint64_t count = std::min(kRowsAtATime, matrix_.rows - first);
      matrix_.read(first, count, rows_.data());
      std::ranges::fill(products, 0.0F);
      for (uint64_t k = 0; k < panels_.size(); ++k) multiply(count, k, products);
      take(first, count, products);
    }
  }

  const std::vector<float>& rows() const { return rows_; }  // those of the call to `take`

 private:
  void multiply(uint64_t count, uint64_t k, std::vector<float>& products) {
    const uint64_t begin = k * kDepth, depth = std::min(kDepth, matrix_.columns - begin);
    for (uint64_t i = 0; i < count; ++i)
      std::copy_n(rows_.data() + i * matrix_.columns + begin, depth, part_.data() + i * depth);
    add_product(part_.data(), count, depth, panels_[k].data(), count_, 1, products.data());
  }

  const RowSource& matrix_;
  const uint64_t count_;
  std::vector<std::vector<float>> panels_;
  std::vector<float> rows_, part_;
};

double sum_of_squares(const std::vector<float>& values, uint64_t count) {
  double sum = 0;
  for (uint64_t i = 0; i < count; ++i) sum += double{values[i]} * double{values[i]};
  return sum;
}

// vectors * transpose * matrix, as rows, and the energy of the matrix.
Matrix squared_product(const RowSource& matrix, const Matrix& vectors, double& energy) {
  const uint64_t count = vectors.rows;
  std::vector<float> sums(count * matrix.columns), standing(count * kRowsAtATime);
  std::vector<float> panels(panels_size(kRowsAtATime, matrix.columns));
  energy = 0;
  Pass pass(matrix, vectors);
  pass.run([&](uint64_t, uint64_t rows, const std::vector<float>& products) {
    energy += sum_of_squares(pass.rows(), rows * matrix.columns);
    for (uint64_t i = 0; i < rows; ++i)
      for (uint64_t j = 0; j < count; ++j) standing[j * rows + i] = products[i * count + j];
    make_panels(pass.rows().data(), rows, matrix.columns, panels.data());
    add_product(standing.data(), count, rows, panels.data(), matrix.columns, 1, sums.data());
  });
  Matrix out(count, matrix.columns);
  std::ranges::copy(sums, out.elements.begin());
  return out;
}

double sum_of_largest(const std::vector<double>& values, uint64_t count) {
  double sum = 0;
  for (uint64_t k = 0; k < std::min<uint64_t>(count, values.size()); ++k) sum += values[k];
  return sum;
}

// The subspace that holds the most, and the energy of all.
Matrix found_subspace(const RowSource& matrix, uint64_t rank, double& energy) {
  Matrix vectors = random_rows(subspace_size(matrix.rows, matrix.columns, rank), matrix.columns, kSeed);
  make_orthonormal(vectors);
  double before = 0;
  for (int step = 0; step < kMostSteps; ++step) {
    Matrix next = squared_product(matrix, vectors, energy);
    Matrix inner = row_products(vectors, next);
    for (uint64_t i = 0; i < inner.rows; ++i)  // rounding made it a little less than symmetric
      for (uint64_t j = 0; j < i; ++j) inner.row(i)[j] = inner.row(j)[i] = (inner.row(i)[j] + inner.row(j)[i]) / 2;
    const double held = sum_of_largest(symmetric_eigen(std::move(inner)).values, rank);
    vectors = std::move(next);
    make_orthonormal(vectors);
    if (held - before <= kLeastGain * held) break;
    before = held;
  }
  return vectors;
}

// Of each pair of vectors the left one's largest element is positive: which of two equals it is nobody's choice.
void choose_signs(Svd& svd) {
  for (uint64_t k = 0; k < svd.values.size(); ++k) {
    double* const left = svd.left.row(k);
    const double* const largest =
        std::max_element(left, left + svd.left.columns, [](double a, double b) { return std::fabs(a) < std::fabs(b); });
    if (*largest >= 0) continue;
    for (uint64_t i = 0; i < svd.left.columns; ++i) left[i] = -left[i];
    for (uint64_t i = 0; i < svd.right.columns; ++i) svd.right.row(k)[i] = -svd.right.row(k)[i];
  }
}

// The SVD of a matrix whose columns are few and stand in the rows of `columns`: left vectors, values, and rows that
// say how they are made of the columns.
Svd svd_of_columns(const Matrix& columns, uint64_t rank) {
  const SymmetricEigen eigen = symmetric_eigen(row_products(columns, columns));
  Svd out;
  rank = std::min(rank, columns.rows);
  out.right = Matrix(rank, columns.rows);
  for (uint64_t k = 0; k < rank; ++k) {
    out.values.push_back(std::sqrt(std::max(eigen.values[k], 0.0)));
    std::copy_n(eigen.vectors.row(k), columns.rows, out.right.row(k));
  }
  out.left = product(out.right, columns);
  for (uint64_t k = 0; k < rank; ++k) {
    const double factor = out.values[k] > 0 ? 1 / out.values[k] : 0;
    for (uint64_t i = 0; i < out.left.columns; ++i) out.left.row(k)[i] *= factor;
  }
  return out;
}

}  // namespace

double Svd::kept(uint64_t rank) const {
  double sum = 0;
  for (uint64_t k = 0; k < std::min<uint64_t>(rank, values.size()); ++k) sum += values[k] * values[k];
  return energy > 0 ? std::min(sum / energy, 1.0) : 1;
}

uint64_t Svd::rank_for(double share) const {
  uint64_t rank = 1;
  double sum = values.empty() ? 0 : values[0] * values[0];
  for (; rank < values.size() && sum < share * energy; ++rank) sum += values[rank] * values[rank];
  return rank;
}

Svd truncated_svd(const RowSource& matrix, uint64_t rank) {
  double energy = 0;
  const Matrix vectors = found_subspace(matrix, rank, energy);
  Matrix images(vectors.rows, matrix.rows);
  Pass pass(matrix, vectors);
  pass.run([&](uint64_t first, uint64_t count, const std::vector<float>& products) {
    for (uint64_t i = 0; i < count; ++i)
      for (uint64_t j = 0; j < vectors.rows; ++j) images.row(j)[first + i] = double{products[i * vectors.rows + j]};
  });
  Svd out = svd_of_columns(images, rank);
  out.right = product(out.right, vectors);
  out.energy = energy;
  choose_signs(out);
  return out;
}

uint64_t truncated_svd_memory(uint64_t rows, uint64_t columns, uint64_t rank) {
  const uint64_t count = subspace_size(rows, columns, rank);
  const uint64_t of_a_pass = (2 * kRowsAtATime * columns + 3 * count * columns) * sizeof(float);
  return of_a_pass + (3 * count * columns + 2 * count * rows) * sizeof(double);
}

Svd product_svd(Matrix left, Matrix right) {
  Matrix of_left = transposed(left), of_right = std::move(right);
  left = Matrix();
  const Matrix up = make_orthonormal(of_left), down = make_orthonormal(of_right);
  // left = of_left^T up^T and right = down of_right: between the bases stands up^T down, whose columns are rows of
  // down^T up.
  const Matrix core = product(transposed(down), up);
  Svd out = svd_of_columns(core, core.rows);
  out.left = product(out.left, of_left);
  out.right = product(out.right, of_right);
  for (const double value : out.values) out.energy += value * value;
  choose_signs(out);
  return out;
}

uint64_t product_svd_memory(uint64_t rows, uint64_t rank, uint64_t columns) {
  constexpr uint64_t kSquares = 10;  // triangles, the core, its squares and vectors
  return sizeof(double) * (2 * rank * (rows + columns) + kSquares * rank * rank);
}

}  // namespace ckmerge
