// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/acting/taken_parts.h"

#include <algorithm>
#include <cmath>

#include "core/adapters/acting/all_rows.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/turning/householder.h"
#include "core/algebra/matrix.h"
#include "core/algebra/symmetric_eigen.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

FactorMatrix whole_weight(const AdapterModule& module, const ModuleWeight& weight, const ReadRows& base) {
  FactorMatrix whole{weight.rows(), weight.columns(), std::vector<float>(weight.rows() * weight.columns())};
  base(0, whole.rows, whole.elements);
  if (!std::ranges::all_of(whole.elements, [](float value) { return std::isfinite(value); }))
    throw Error(
        ErrorCode::malformed, module.name,
        sentence("the weight of module '", module.name, "' holds NaN or Inf, so that it has no singular values, which ",
                 module.kind->name, " needs: take a model without them"));
  return whole;
}

// W W^T of W's rows, in f64, sums in order.
Matrix products_of_rows(const FactorMatrix& w) {
  Matrix result(w.rows, w.rows);
  std::vector<double> row(w.columns);
  for (uint64_t i = 0; i < w.rows; ++i) {
    std::copy_n(w.row(i), w.columns, row.begin());
    for (uint64_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (uint64_t k = 0; k < w.columns; ++k) sum += row[k] * double{w.row(j)[k]};
      result.row(i)[j] = result.row(j)[i] = sum;
    }
  }
  return result;
}

// vectors (rank rows, each with an element per row of W) times W, in f64 and rounded once.
FactorMatrix times(const Matrix& vectors, const FactorMatrix& w) {
  FactorMatrix result{vectors.rows, w.columns, std::vector<float>(vectors.rows * w.columns)};
  std::vector<double> sums(w.columns);
  for (uint64_t k = 0; k < vectors.rows; ++k) {
    std::ranges::fill(sums, 0);
    for (uint64_t i = 0; i < w.rows; ++i)
      for (uint64_t j = 0; j < w.columns; ++j) sums[j] += vectors.row(k)[i] * double{w.row(i)[j]};
    std::ranges::transform(sums, result.row(k), [](double value) { return static_cast<float>(value); });
  }
  return result;
}

FactorMatrix rounded(const Matrix& matrix) {
  FactorMatrix result{matrix.rows, matrix.columns, std::vector<float>(matrix.elements.size())};
  std::ranges::transform(matrix.elements, result.elements.begin(),
                         [](double value) { return static_cast<float>(value); });
  return result;
}

Matrix some_rows(const Matrix& matrix, uint64_t first, uint64_t count) {
  Matrix result(count, matrix.columns);
  std::copy_n(matrix.row(first), count * matrix.columns, result.elements.begin());
  return result;
}

}  // namespace

std::string singular_fault(const ModuleWeight& weight, std::string_view kind) {
  if (weight.shape.size() != 2 || weight.is_embedding || weight.experts != 1)
    return sentence(kind, " is of matrices alone, and not of embeddings or experts");
  const uint64_t smaller = std::min(weight.rows(), weight.columns());
  if (smaller <= kMostSingular) return {};
  return sentence(kind, " needs the singular values of its base, which are computed for matrices of at most ",
                  kMostSingular, " rows or columns, and this one has ", smaller,
                  "; have PEFT convert it (path_initial_model_for_weight_conversion)");
}

SingularParts::SingularParts(const AdapterModule& module, const ModuleWeight& weight, const ReadRows& base)
    : is_turned_(weight.rows() > weight.columns()), weight_(whole_weight(module, weight, base)) {
  if (is_turned_) weight_ = transposed(weight_);
  vectors_ = symmetric_eigen(products_of_rows(weight_)).vectors;
}

TakenPart SingularParts::sum(uint64_t first, uint64_t count) const {
  const Matrix taken = some_rows(vectors_, first, count);
  FactorMatrix right = times(taken, weight_), left = transposed(rounded(taken));
  if (!is_turned_) return {std::move(left), std::move(right)};
  return {transposed(right), transposed(left)};
}

double SingularParts::share_of(const TakenPart& part, uint64_t first, uint64_t count) const {
  const FactorMatrix rows = is_turned_ ? part.right : transposed(part.left);
  double sum = 0;
  uint64_t counted = 0;
  for (uint64_t i = 0; i < rows.rows; ++i) {
    double squares = 0, along = 0;
    for (uint64_t j = 0; j < rows.columns; ++j) squares += double{rows.row(i)[j]} * double{rows.row(i)[j]};
    for (uint64_t k = first; k < first + count; ++k) {
      double length = 0;
      for (uint64_t j = 0; j < rows.columns; ++j) length += vectors_.row(k)[j] * double{rows.row(i)[j]};
      along += length * length;
    }
    if (squares == 0) continue;  // a rank that the weight does not have
    sum += along / squares;
    ++counted;
  }
  return counted == 0 ? 0 : sum / static_cast<double>(counted);
}

TakenPart singular_parts(const AdapterModule& module, const ModuleWeight& weight, const ReadRows& base, uint64_t rank,
                         bool largest) {
  const SingularParts parts(module, weight, base);
  const uint64_t count = std::min(rank, parts.count());
  return parts.sum(largest ? 0 : parts.count() - count, count);
}

TakenPart spanned_part(const ModuleWeight& weight, const ReadRows& base, uint64_t rank) {
  FactorMatrix first{weight.rows(), rank, std::vector<float>(weight.rows() * rank)};
  AllRows(weight, base).visit([&](uint64_t row, std::span<const float> values) {
    std::copy_n(values.begin(), rank, first.row(row));
  });
  FactorMatrix q = orthogonal_factor(first);
  std::vector<double> sums(rank * weight.columns());
  AllRows(weight, base).visit([&](uint64_t row, std::span<const float> values) {
    for (uint64_t k = 0; k < rank; ++k) {
      const double factor{q.row(row)[k]};
      for (size_t j = 0; j < values.size(); ++j) sums[k * values.size() + j] += factor * double{values[j]};
    }
  });
  FactorMatrix right{rank, weight.columns(), std::vector<float>(sums.size())};
  std::ranges::transform(sums, right.elements.begin(), [](double value) { return static_cast<float>(value); });
  return {std::move(q), std::move(right)};
}

std::unique_ptr<ModuleChange> exchanged(const TakenPart& own, const TakenPart& taken, double strength) {
  FactorMatrix left{own.left.rows, own.left.columns + taken.left.columns, {}}, right = own.right;
  left.elements.reserve(left.rows * left.columns);
  for (uint64_t i = 0; i < left.rows; ++i) {
    left.elements.insert(left.elements.end(), own.left.row(i), own.left.row(i) + own.left.columns);
    for (uint64_t k = 0; k < taken.left.columns; ++k) left.elements.push_back(-taken.left.row(i)[k]);
  }
  right.rows += taken.right.rows;
  right.elements.insert(right.elements.end(), taken.right.elements.begin(), taken.right.elements.end());
  return std::make_unique<AddedProduct>(std::move(left), right, strength);
}

uint64_t singular_memory(const ModuleWeight& weight, uint64_t rank) {
  const uint64_t smaller = std::min(weight.rows(), weight.columns());
  constexpr uint64_t kSquares = 4;  // in f64: products of rows, vectors, and what the iteration has of them
  return 2 * weight.rows() * weight.columns() * sizeof(float) + kSquares * smaller * smaller * sizeof(double) +
         rank * (weight.rows() + weight.columns()) * (sizeof(double) + 2 * sizeof(float));
}

uint64_t spanned_memory(const ModuleWeight& weight, uint64_t rank) {
  return AllRows::memory(weight) + 3 * rank * (weight.rows() + weight.columns()) * sizeof(double);
}

uint64_t exchanged_memory(const ModuleWeight& weight, uint64_t rank) {
  return 2 * FactorProduct::memory(weight.rows(), rank, weight.columns());
}

}  // namespace ckmerge
