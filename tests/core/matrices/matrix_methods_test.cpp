// SPDX-License-Identifier: Apache-2.0
// Methods of whole tensors, against their definitions in plain loops: values and vectors found by the power method, the
// largest first, and orthogonal factors by Newton's iteration, neither of which they use themselves.
#include "core/matrices/matrix_methods.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/algebra/orthonormal.h"
#include "kernels/method.h"

using namespace ckmerge;

namespace {

double largest(const Matrix& matrix) {
  double out = 0;
  for (const double element : matrix.elements) out = std::max(out, std::fabs(element));
  return out;
}

Matrix difference(Matrix a, const Matrix& b) {
  REQUIRE(a.elements.size() == b.elements.size());
  for (size_t i = 0; i < a.elements.size(); ++i) a.elements[i] -= b.elements[i];
  return a;
}

Matrix times(Matrix a, double factor) {
  for (double& element : a.elements) element *= factor;
  return a;
}

// Values 1, 1/2, 1/4, ... to right angles.
Matrix with_values(uint64_t rows, uint64_t columns, const std::vector<double>& values, uint64_t seed) {
  Matrix left = random_rows(values.size(), rows, seed), right = random_rows(values.size(), columns, seed + 100);
  make_orthonormal(left);
  make_orthonormal(right);
  for (uint64_t k = 0; k < values.size(); ++k)
    for (uint64_t i = 0; i < rows; ++i) left.row(k)[i] *= values[k];
  return product(transposed(left), right);
}

std::vector<double> halves(size_t count) {
  std::vector<double> values(count, 1);
  for (size_t k = 1; k < count; ++k) values[k] = values[k - 1] / 2;
  return values;
}

struct Triple {
  double value;
  Matrix left, right;  // a row each
};

// The largest singular values by multiplying a vector again and again, and taking off what was found.
std::vector<Triple> power_method(Matrix matrix, size_t count) {
  std::vector<Triple> out;
  for (size_t k = 0; k < count; ++k) {
    Matrix right = random_rows(1, matrix.columns, k + 7), left;
    double value = 0;
    for (int step = 0; step < 200; ++step) {
      left = row_products(right, matrix);
      right = product(left, matrix);
      const double length = std::sqrt(dot(right.row(0), right.row(0), right.columns));
      if (length == 0) break;
      right = times(right, 1 / length);
    }
    left = row_products(right, matrix);
    value = std::sqrt(dot(left.row(0), left.row(0), left.columns));
    if (value > 0) left = times(left, 1 / value);
    matrix = difference(matrix, times(product(transposed(left), right), value));
    out.push_back({value, left, right});
  }
  return out;
}

// X := X (3 - X^T X) / 2 from a matrix of norm below sqrt(3), whose limit is its orthogonal factor.
Matrix newton_factor(Matrix x) {
  x = times(x, 1 / std::sqrt(dot(x.elements.data(), x.elements.data(), x.elements.size())));
  const bool is_wide = x.rows < x.columns;
  if (is_wide) x = transposed(x);
  for (int step = 0; step < 60; ++step) {
    const Matrix standing = transposed(x);
    x = times(difference(times(x, 3), product(x, row_products(standing, standing))), 0.5);
  }
  return is_wide ? transposed(x) : x;
}

Matrix stacked(const std::vector<Triple>& triples, bool left) {
  const uint64_t columns = left ? triples[0].left.columns : triples[0].right.columns;
  Matrix out(triples.size(), columns);
  for (size_t k = 0; k < triples.size(); ++k)
    std::copy_n((left ? triples[k].left : triples[k].right).row(0), columns, out.row(k));
  return out;
}

Matrix made(const char* method, const std::vector<uint64_t>& shape, const std::vector<Matrix>& inputs,
            const std::vector<double>& coefficients) {
  return matrix_method(method)->make({.shape = shape, .inputs = inputs, .coefficients = coefficients});
}

Matrix unit_matrix(uint64_t rows) {
  Matrix out(rows, rows);
  for (uint64_t i = 0; i < rows; ++i) out.row(i)[i] = 1;
  return out;
}

const std::vector<std::vector<uint64_t>> kShapes = {{9, 9}, {14, 6}, {6, 14}};

}  // namespace

TEST_CASE("every method of whole tensors is in the table, and no other") {
  size_t count = 0;
  for (const Method& method : methods()) {
    CHECK(method.spec->of_whole_tensors == (matrix_method(method.spec->name) != nullptr));
    CHECK(method.spec->of_whole_tensors == (method.trace == nullptr));
    count += method.spec->of_whole_tensors;
  }
  CHECK(matrix_methods().size() == count);
}

TEST_CASE("truncate_rank: the largest values with their vectors, and of that rank or a lower one all") {
  for (const std::vector<uint64_t>& shape : kShapes) {
    const Matrix delta = with_values(shape[0], shape[1], halves(6), 3);
    Matrix wanted(shape[0], shape[1]);
    for (const Triple& triple : power_method(delta, 3))
      wanted = difference(wanted, times(product(transposed(triple.left), triple.right), -0.7 * triple.value));
    CHECK(largest(difference(made("truncate_rank", shape, {delta}, {3, 0.7}), wanted)) < 1e-12);
    const Matrix low = with_values(shape[0], shape[1], halves(2), 4);
    CHECK(largest(difference(made("truncate_rank", shape, {low}, {2, 1}), low)) < 1e-14);
    const auto full = static_cast<double>(std::min(shape[0], shape[1]));
    CHECK(made("truncate_rank", shape, {delta}, {full, 1}).elements == delta.elements);
    CHECK(largest(made("truncate_rank", shape, {Matrix(shape[0], shape[1])}, {2, 1})) == 0);
  }
}

TEST_CASE("truncate_rank: a convolution is a matrix of its first dimension, vectors and scalars stay") {
  const Matrix delta = random_rows(5, 18, 1), vector = random_rows(1, 12, 2), scalar = random_rows(1, 1, 3);
  CHECK(made("truncate_rank", {5, 2, 3, 3}, {delta}, {2, 1}).elements ==
        made("truncate_rank", {5, 18}, {delta}, {2, 1}).elements);
  CHECK(made("truncate_rank", {12}, {vector}, {2, 1}).elements == vector.elements);
  CHECK(made("truncate_rank", {}, {scalar}, {2, 1}).elements == scalar.elements);
}

TEST_CASE("iso_c: the orthogonal factor of the sum times the average of its values") {
  for (const std::vector<uint64_t>& shape : kShapes) {
    const Matrix a = with_values(shape[0], shape[1], halves(6), 3), b = random_rows(shape[0], shape[1], 8);
    Matrix sum = difference(a, times(b, -1));
    const uint64_t count = std::min(shape[0], shape[1]);
    double values = 0;
    for (const Triple& triple : power_method(sum, count)) values += triple.value;
    const Matrix wanted = times(newton_factor(sum), 0.5 * values / static_cast<double>(count));
    CHECK(largest(difference(made("iso_c", shape, {a, b}, {0.5}), wanted)) < 1e-7);
  }
  const Matrix one = with_values(6, 5, {2, 2, 2, 2, 2}, 1);
  CHECK(largest(difference(made("iso_c", {6, 5}, {one}, {1}), one)) < 1e-13);
  CHECK(largest(made("iso_c", {3, 4}, {Matrix(3, 4), Matrix(3, 4)}, {1})) == 0);
}

TEST_CASE("tsv_m: the largest vectors of each, made orthogonal together") {
  for (const std::vector<uint64_t>& shape : kShapes) {
    const std::vector<Matrix> deltas{with_values(shape[0], shape[1], halves(5), 1),
                                     with_values(shape[0], shape[1], halves(6), 2)};
    std::vector<Triple> triples;
    const uint64_t each = std::min(shape[0], shape[1]) / 2;
    for (const Matrix& delta : deltas)
      for (Triple& triple : power_method(delta, each)) triples.push_back(std::move(triple));
    const Matrix left = newton_factor(stacked(triples, true)), right = newton_factor(stacked(triples, false));
    Matrix standing = transposed(left);
    for (uint64_t i = 0; i < standing.rows; ++i)
      for (uint64_t k = 0; k < standing.columns; ++k) standing.row(i)[k] *= triples[k].value;
    CHECK(largest(difference(made("tsv_m", shape, deltas, {1}), product(standing, right))) < 1e-9);
  }
  const Matrix only = with_values(7, 4, halves(4), 6);
  CHECK(largest(difference(made("tsv_m", {7, 4}, {only}, {1}), only)) < 1e-13);
  CHECK(largest(made("tsv_m", {2, 2}, std::vector<Matrix>(5, Matrix(2, 2)), {1})) == 0);
}

TEST_CASE("iso_cts: without vectors of its own it is iso_c; of one delta too") {
  const std::vector<Matrix> deltas{random_rows(8, 6, 1), random_rows(8, 6, 2)};
  const Matrix wanted = made("iso_c", {8, 6}, deltas, {1});
  CHECK(largest(difference(made("iso_cts", {8, 6}, deltas, {1, 1}), wanted)) < 1e-13);
  const Matrix alone = made("iso_c", {8, 6}, {deltas[0]}, {1});
  CHECK(largest(difference(made("iso_cts", {8, 6}, {deltas[0]}, {1, 0.5}), alone)) < 1e-13);
}

// ties of matrices beside each other: the largest of each, by sorting, and in each element those of the sum's sign.
Matrix sorted_ties(std::vector<Matrix> parts, const std::vector<double>& weights, double density, bool elects) {
  for (Matrix& part : parts) {
    std::vector<size_t> order(part.elements.size());
    std::iota(order.begin(), order.end(), size_t{0});
    const auto size = [&](size_t i) { return std::fabs(part.elements[i]); };
    std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return size(i) > size(j); });
    const auto kept = static_cast<size_t>(density * static_cast<double>(order.size()));
    for (size_t k = std::max<size_t>(kept, 1); k < order.size(); ++k) part.elements[order[k]] = 0;
  }
  Matrix out(parts[0].rows, parts[0].columns);
  for (size_t i = 0; i < out.elements.size(); ++i) {
    double above = 0, below = 0, of_above = 0, of_below = 0, all = 0;
    for (size_t k = 0; k < parts.size(); ++k) {
      const double term = weights[k] * parts[k].elements[i];
      (term > 0 ? above : below) += term;
      if (term > 0) of_above += weights[k];
      if (term < 0) of_below += weights[k];
      all += weights[k];
    }
    const bool is_above = above + below >= 0;
    const double sum = !elects ? above + below : is_above ? above : below;
    const double divisor = !elects ? all : is_above ? of_above : of_below;
    out.elements[i] = divisor == 0 ? sum : sum / divisor;
  }
  return out;
}

TEST_CASE("knots: ties of what each is in the singular vectors that all share") {
  for (const std::vector<uint64_t>& shape : kShapes)
    for (const bool elects : {true, false}) {
      const std::vector<Matrix> deltas{with_values(shape[0], shape[1], halves(3), 1),
                                       with_values(shape[0], shape[1], {0.9, 0.3}, 2)};
      Matrix beside(shape[0], 2 * shape[1]);
      for (uint64_t i = 0; i < shape[0]; ++i)
        for (size_t k = 0; k < 2; ++k) std::copy_n(deltas[k].row(i), shape[1], beside.row(i) + k * shape[1]);
      const std::vector<Triple> triples = power_method(beside, 5);  // as many as the ranks come to
      std::vector<Matrix> parts(2, Matrix(5, shape[1]));
      for (size_t k = 0; k < 2; ++k)
        for (uint64_t j = 0; j < 5; ++j)
          for (uint64_t x = 0; x < shape[1]; ++x)
            parts[k].row(j)[x] = triples[j].value * triples[j].right.row(0)[k * shape[1] + x];
      const Matrix merged = sorted_ties(parts, {0.5, 1.5}, 0.4, elects);
      const Matrix wanted = times(product(transposed(stacked(triples, true)), merged), 0.7);
      const std::vector<double> numbers{0.7, 0.4, elects ? 1.0 : 0.0, 1, 0.5, 1.5};
      CHECK(largest(difference(made("knots", shape, deltas, numbers), wanted)) < 1e-9);
      CHECK(largest(wanted) > 0.01);
    }
}

TEST_CASE("knots: without an election it is the sum, of one the delta, of zeros zeros") {
  const std::vector<Matrix> deltas{random_rows(5, 18, 1), random_rows(5, 18, 2), random_rows(5, 18, 3)};
  Matrix sum = times(deltas[0], 0.5);
  sum = difference(sum, times(deltas[1], 0.25));
  sum = difference(sum, times(deltas[2], -2));
  const std::vector<double> numbers{1, 1, 0, 0, 7, 0.5, -0.25, 2};  // the first weight is the base's
  CHECK(largest(difference(made("knots", {5, 2, 3, 3}, deltas, numbers), sum)) < 1e-12);
  CHECK(largest(difference(made("knots", {5, 18}, {deltas[0]}, {1, 1, 1, 1, 1}), deltas[0])) < 1e-13);
  CHECK(largest(made("knots", {3, 4}, {Matrix(3, 4), Matrix(3, 4)}, {1, 0.5, 1, 1, 1, 1})) == 0);
  CHECK(largest(made("knots", {5, 18}, deltas, {1, 0, 1, 1, 1, 1, 1})) == 0);
}

TEST_CASE("knots: vectors, and what cannot be decomposed, are merged by ties as they are") {
  const std::vector<Matrix> deltas{random_rows(1, 60, 1), random_rows(1, 60, 2), random_rows(1, 60, 3)};
  const std::vector<double> numbers{1, 0.3, 1, 1, 1, 1, 1};
  const Matrix wanted = sorted_ties(deltas, {1, 1, 1}, 0.3, true);
  CHECK(largest(difference(made("knots", {60}, deltas, numbers), wanted)) < 1e-15);
  std::vector<Matrix> matrices = deltas;
  for (Matrix& matrix : matrices) {
    matrix.rows = 6;
    matrix.columns = 10;
  }
  matrices[1].elements[7] = std::numeric_limits<double>::quiet_NaN();
  const std::vector<uint64_t> shape{6, 10};
  const Matrix plain = matrix_method("knots")->plain({.shape = shape, .inputs = matrices, .coefficients = numbers});
  CHECK(std::isnan(plain.elements[7]));
  CHECK(std::ranges::count_if(plain.elements, [](double element) { return std::isnan(element); }) == 1);
  Matrix equal(1, 10);  // of magnitudes that are the same, the first stay
  std::ranges::fill(equal.elements, -2.0);
  const Matrix first = made("knots", {10}, {equal}, {1, 0.3, 1, 1, 1});
  CHECK(first.elements == std::vector<double>{-2, -2, -2, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("what makes singular values equal leaves tensors of other dimensions to the average") {
  const std::vector<Matrix> deltas{random_rows(4, 6, 1), random_rows(4, 6, 2)};
  Matrix average = times(difference(deltas[0], times(deltas[1], -1)), 0.5);
  for (const char* const method : {"iso_c", "tsv_m"})
    CHECK(largest(difference(made(method, {4, 2, 3}, deltas, {1}), average)) < 1e-15);
  CHECK(largest(difference(made("iso_cts", {4, 2, 3}, deltas, {1, 0.8}), average)) < 1e-15);
}

TEST_CASE("rotate: a matrix that was turned is turned back, with its mean row") {
  const Matrix b = random_rows(20, 6, 1);
  Matrix turn = random_rows(6, 6, 2);
  make_orthonormal(turn);
  Matrix a = product(b, turn);
  CHECK(largest(difference(made("rotate", {20, 6}, {a, b}, {1, 0, 0}), b)) < 1e-13);
  for (uint64_t i = 0; i < a.rows; ++i)
    for (uint64_t j = 0; j < a.columns; ++j) a.row(i)[j] += static_cast<double>(j);
  CHECK(largest(difference(made("rotate", {20, 6}, {a, b}, {1, 0, 1}), b)) < 1e-13);
}

TEST_CASE("rotate: Q is the orthogonal factor of the transpose of A, times B") {
  const Matrix a = random_rows(20, 6, 1), b = random_rows(20, 6, 2);
  const Matrix factor = newton_factor(product(transposed(a), b));
  CHECK(largest(difference(made("rotate", {20, 6}, {a, b}, {1, 0, 0}), product(a, factor))) < 1e-9);
  const Matrix towards = difference(times(a, 0.7), times(product(b, transposed(factor)), -0.3));
  CHECK(largest(difference(made("rotate", {20, 6}, {a, b}, {1, 0.3, 0}), product(towards, factor))) < 1e-9);
  CHECK(largest(difference(made("rotate", {20, 6}, {a, b}, {0, 0.3, 0}), towards)) < 1e-9);
}

TEST_CASE(
    "rotate: what of wide matrices B says something of keeps its lengths, equal ones and vectors are mixed, ends are "
    "the inputs") {
  const Matrix a = random_rows(5, 30, 1), b = random_rows(5, 30, 2);
  Matrix rows = b;
  make_orthonormal(rows);
  const Matrix beside = difference(a, product(row_products(a, rows), rows));
  const Matrix turned = difference(made("rotate", {5, 30}, {a, b}, {1, 0, 0}), beside);
  CHECK(largest(difference(row_products(turned, turned), row_products(a, a))) < 1e-11);
  CHECK(made("rotate", {5, 30}, {a, a}, {1, 0, 1}).elements == a.elements);
  CHECK(made("rotate", {5, 30}, {a, b}, {1, 1, 1}).elements == b.elements);
  CHECK(made("rotate", {5, 30}, {a, b}, {0, 0, 1}).elements == a.elements);
  CHECK(made("rotate", {150}, {a, b}, {1, 0, 1}).elements == a.elements);
}

TEST_CASE("rotate: half of a turn twice is all of it, and goes half of the way of the means") {
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{20, 6}, {7, 7}, {40, 2, 3, 3}}) {
    const uint64_t columns = shape.size() == 4 ? 9 : shape[1], rows = shape.size() == 4 ? 80 : shape[0];
    const Matrix b = random_rows(rows, columns, 3);
    Matrix turn = unit_matrix(columns);
    for (uint64_t k = 0; k + 1 < columns; ++k) {  // by angles that are not half a turn together
      Matrix plane = unit_matrix(columns);
      plane.row(k)[k] = plane.row(k + 1)[k + 1] = 0.96;
      plane.row(k)[k + 1] = -0.28;
      plane.row(k + 1)[k] = 0.28;
      turn = product(turn, plane);
    }
    const auto shaped = [&](Matrix matrix) {
      if (shape.size() == 4) matrix.rows = 40, matrix.columns = 18;
      return matrix;
    };
    const auto flat = [&](Matrix matrix) {
      matrix.rows = rows;
      matrix.columns = columns;
      return matrix;
    };
    const Matrix a = product(b, transposed(turn));
    const Matrix half = flat(made("rotate", shape, {shaped(a), shaped(b)}, {0.5, 0, 0}));
    CHECK(largest(difference(row_products(half, half), row_products(a, a))) < 1e-11);
    const Matrix all = flat(made("rotate", shape, {shaped(half), shaped(b)}, {1, 0, 0}));
    CHECK(largest(difference(all, b)) < 1e-11);
    const Matrix third = made("rotate", shape, {shaped(a), shaped(b)}, {1 / 3.0, 0, 0});
    const Matrix rest = flat(made("rotate", shape, {third, shaped(b)}, {0.5, 0, 0}));
    CHECK(largest(difference(rest, flat(made("rotate", shape, {shaped(a), shaped(b)}, {2 / 3.0, 0, 0})))) < 1e-11);
    Matrix moved = b;
    for (uint64_t i = 0; i < rows; ++i)
      for (uint64_t j = 0; j < columns; ++j) moved.row(i)[j] += static_cast<double>(j);
    const Matrix same = flat(made("rotate", shape, {shaped(b), shaped(moved)}, {0.25, 0, 1}));
    CHECK(largest(difference(same, difference(times(b, 0.75), times(moved, -0.25)))) < 1e-11);
  }
}

TEST_CASE("rotate: parts of the turn of wide matrices lead from A to all of it without a step") {
  const Matrix a = random_rows(4, 30, 1), b = random_rows(4, 30, 2);
  const auto part = [&](double alignment) { return made("rotate", {4, 30}, {a, b}, {alignment, 0, 0}); };
  CHECK(largest(difference(part(1e-9), a)) < 1e-7);
  CHECK(largest(difference(part(1 - 1e-9), part(1))) < 1e-7);
  CHECK(largest(difference(part(0.5), part(0.5 + 1e-9))) < 1e-7);
  CHECK(largest(difference(part(0.5), a)) > 0.1);
}
