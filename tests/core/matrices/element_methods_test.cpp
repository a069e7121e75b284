// SPDX-License-Identifier: Apache-2.0
// Methods of whole tensors that place elements by their order, or change waves and windows: against what sd-mecha 1.1.8
// gave in f64, and against their definitions.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/algebra/orthonormal.h"
#include "core/algebra/window_filters.h"
#include "core/matrices/matrix_methods.h"
#include "kernels/method.h"

using namespace ckmerge;

namespace {

using Dimensions = std::vector<uint64_t>;

Matrix matrix(const Dimensions& shape, std::vector<double> elements) {
  Matrix out;
  out.rows = matrix_rows(shape);
  out.columns = matrix_columns(shape);
  out.elements = std::move(elements);
  REQUIRE(out.elements.size() == out.rows * out.columns);
  return out;
}

std::vector<double> made_of(const char* method, const Dimensions& shape, const std::vector<Matrix>& inputs,
                            const std::vector<double>& coefficients, const Hands& hands = {}) {
  return matrix_method(method)
      ->make({.shape = shape, .inputs = inputs, .coefficients = coefficients, .hands = hands})
      .elements;
}

std::vector<double> plain_of(const char* method, const Dimensions& shape, const std::vector<Matrix>& inputs,
                             const std::vector<double>& coefficients) {
  return matrix_method(method)->plain({.shape = shape, .inputs = inputs, .coefficients = coefficients}).elements;
}

double furthest(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double out = 0;
  for (size_t k = 0; k < a.size(); ++k) out = std::max(out, std::fabs(a[k] - b[k]));
  return out;
}

// What a peer made with two numbers.
struct Recorded {
  double first, second;
  std::vector<double> result;
};

const std::vector<double> kA = {3, -1, 2, -2, 0, 5, -4, 1, 1, -6}, kB = {1, 1, 0, 7, -3, 2, 2, -1, 9, 4};

}  // namespace

TEST_CASE("top_k_tensor_sum is sd-mecha's, to the bit, for regions that wrap, reach back and are empty") {
  const std::vector<Recorded> recorded = {
      {1, 0, {-1, 0, -2, 3, -6, 1, 1, -4, 5, 2}},       {0.5, 0, {-1, 0, -2, -2, 0, 1, 1, 1, 1, 2}},
      {0.5, 0.3, {-1, -1, -2, 3, 0, 1, 1, -4, 1, 2}},   {0.6, 0.7, {3, 0, 2, -2, -6, 5, -4, -4, 5, -6}},
      {-0.3, 0.5, {-1, -1, -2, -2, 0, 1, 1, 1, 1, 2}},  {0, 0, {3, -1, 2, -2, 0, 5, -4, 1, 1, -6}},
      {0, 0.5, {3, -1, -2, -2, 0, 5, -4, 1, 1, 2}},     {0.25, 0, {-1, 0, 2, -2, 0, 1, 1, 1, 1, -6}},
      {0.3, -0.2, {3, -1, 2, -2, -6, 5, -4, 1, 5, -6}}, {1, 0.4, {3, 0, -2, 3, -6, 5, -4, -4, 5, 2}},
      {0.05, 0.1, {-1, 0, 2, -2, 0, 1, 1, 1, 1, -6}}};
  const Dimensions shape{10};
  for (const Recorded& one : recorded)
    CHECK_MESSAGE(made_of("top_k_tensor_sum", shape, {matrix(shape, kA), matrix(shape, kB)}, {one.first, one.second}) ==
                      one.result,
                  one.first, " ", one.second);
}

TEST_CASE("top_k_tensor_sum: of all values the ranks are B's and the values A's; of equal tensors nothing moves") {
  const Matrix a = random_rows(50, 40, 1), b = random_rows(50, 40, 2);
  const Dimensions shape{50, 40};
  const std::vector<double> out = made_of("top_k_tensor_sum", shape, {a, b}, {1, 0}, {.threads = 3});
  std::vector<double> sorted = a.elements, placed = out;
  std::ranges::sort(sorted);
  std::ranges::sort(placed);
  CHECK(sorted == placed);
  for (size_t i = 0; i + 1 < out.size(); ++i) CHECK((out[i] < out[i + 1]) == (b.elements[i] < b.elements[i + 1]));
  CHECK(made_of("top_k_tensor_sum", shape, {a, a}, {0.7, 0.2}) == a.elements);
  CHECK(made_of("top_k_tensor_sum", {}, {matrix({}, {3}), matrix({}, {4})}, {1, 0}) == std::vector<double>{3});
  CHECK(plain_of("top_k_tensor_sum", shape, {a, b}, {1, 0}) == a.elements);
}

TEST_CASE("crossover is sd-mecha's, for cuts and for tilts all around") {
  const Dimensions shape{3, 4};
  const std::vector<double> a = {3, -1, 2, -2, 0, 5, -4, 1, 1, -6, 2, 2}, b = {1, 1, 0, 7, -3, 2, 2, -1, 9, 4, 0, -5};
  const std::vector<Recorded> recorded = {
      {0.5,
       0,
       {-0.3333333333333334, -1.666666666666667, -1, 7.333333333333333, -4.333333333333332, -0.6666666666666665,
        0.9999999999999996, -0.6666666666666665, 7.666666666666665, 1.333333333333333, -0.9999999999999991,
        -4.666666666666667}},
      {0.3,
       0,
       {-0.3333333333333334, -1.666666666666667, -1, 7.333333333333333, -4.333333333333332, -0.6666666666666665,
        0.9999999999999996, -0.6666666666666665, 7.666666666666665, 1.333333333333333, -0.9999999999999991,
        -4.666666666666667}},
      {0.3,
       0.4,
       {0.5708779493967693, -0.403532783190409, -0.2875693639119466, 2.8430478175481158, -0.9378336270650226,
        2.0741747220357256, -0.9743583997090658, -0.22719303766886378, 4.057174126307169, -3.3608603874842324,
        0.9521462122599282, -1.306073228518168}},
      {0.4,
       1.3,
       {3.4802978883186975, -0.11966361602147407, 2.4060743202765784, -0.3807113965352376, -0.4299651434024174,
        5.393261189262072, -2.695234174529711, 0.9262438664833699, 3.031314457456271, -3.0102447917064032,
        1.9471414436896641, 0.9048286328713102}},
      {0.3,
       2,
       {4.333333333333333, 1.6666666666666665, 3, -2.3333333333333335, 1.3333333333333335, 7.666666666666666,
        -2.9999999999999996, 0.6666666666666661, 2.333333333333333, -3.333333333333333, 2.999999999999999,
        1.666666666666667}},
      {0.3,
       2.4,
       {3.8694485425949092, 0.17116852601369215, 2.794018546740214, -1.5077014366785686, 0.8694485425949099,
        6.171168526013692, -3.2059814532597857, 1.4922985633214312, 1.8694485425949097, -4.828831473986307,
        2.7940185467402134, 2.492298563321432}},
      {0.2,
       3.5,
       {1.6283485343058903, -0.487999235590299, 0.691871667901675, 0.41769477228323615, -0.17020408312479685,
        3.5427189270655317, -2.3915563424428306, 0.30499653021494555, 2.4347488035758342, -4.9476129462321605,
        1.5925779292980835, 0.3844154427448907}}};
  for (const Recorded& one : recorded) {
    const double bound = one.second == 0 || one.second == 2 ? 1e-14 : 1e-6;  // slopes are of f32 there
    CHECK_MESSAGE(furthest(made_of("crossover", shape, {matrix(shape, a), matrix(shape, b)}, {one.first, one.second}),
                           one.result) < bound,
                  one.first, " ", one.second);
  }
}

TEST_CASE("crossover: ends, scalars, a tilt of 1 and tensors that are nearly equal") {
  const Matrix a = random_rows(6, 5, 1), b = random_rows(6, 5, 2);
  const Dimensions shape{6, 5};
  CHECK(made_of("crossover", shape, {a, b}, {0, 0.3}) == a.elements);
  CHECK(made_of("crossover", shape, {a, b}, {1, 0.3}) == b.elements);
  CHECK(made_of("crossover", shape, {a, a}, {0.4, 0}) == a.elements);
  std::vector<double> mixed;
  for (size_t k = 0; k < a.elements.size(); ++k) mixed.push_back(0.7 * a.elements[k] + 0.3 * b.elements[k]);
  CHECK(furthest(made_of("crossover", shape, {a, b}, {0.3, 1}), mixed) < 1e-15);
  CHECK(furthest(plain_of("crossover", shape, {a, b}, {0.3, 0}), mixed) < 1e-15);
  CHECK(furthest(made_of("crossover", {}, {matrix({}, {2}), matrix({}, {4})}, {0.25, 0}), {2.5}) < 1e-15);
  Matrix near = a;
  for (double& element : near.elements) element *= 1.000001;
  CHECK(furthest(made_of("crossover", shape, {a, near}, {0.5, 0}), a.elements) < 3e-6);
  CHECK(made_of("crossover", {1}, {matrix({1}, {2}), matrix({1}, {4})}, {0.5, 0}) == std::vector<double>{2});
}

TEST_CASE("distribution_crossover: of C in order it is a crossover of one dimension, and places do not count") {
  const Matrix a = random_rows(1, 60, 1), b = random_rows(1, 60, 2);
  std::vector<double> rising(60), falling(60);
  for (size_t k = 0; k < 60; ++k) falling[59 - k] = rising[k] = static_cast<double>(k);
  const Dimensions shape{60};
  // Of 31 waves those from 0.4 * 31 on are B's: those above 12 of 30.
  const std::vector<double> wanted = made_of("crossover", shape, {a, b}, {1 - 12.5 / 30, 0});
  const std::vector<double> straight =
      made_of("distribution_crossover", shape, {a, b, matrix(shape, rising)}, {0.4, 0});
  CHECK(furthest(straight, wanted) < 1e-14);
  const auto turned = [](std::vector<double> x) {
    std::ranges::reverse(x);
    return x;
  };
  const std::vector<double> back =
      made_of("distribution_crossover", shape,
              {matrix(shape, turned(a.elements)), matrix(shape, turned(b.elements)), matrix(shape, falling)}, {0.4, 0});
  CHECK(turned(back) == straight);
  CHECK(made_of("distribution_crossover", shape, {a, a, b}, {0.4, 0.3}) == a.elements);
  CHECK(furthest(made_of("distribution_crossover", shape, {a, b, b}, {0, 0}), b.elements) < 1e-14);
  CHECK(furthest(made_of("distribution_crossover", {}, {matrix({}, {2}), matrix({}, {4}), matrix({}, {0})}, {0.25, 0}),
                 {3.5}) < 1e-15);
}

TEST_CASE("distribution_crossover: with a slope waves are shared, the lowest the least") {
  const Dimensions shape{4};
  // Waves 0, 1 and 2 of three: f is 0, 1/3 and 2/3, of which B has 1/6, 1/2 and 5/6. Each wave of b is 1.
  const std::vector<double> a = {0, 0, 0, 0}, b = {4, 0, 0, 0}, c = {1, 2, 3, 4};
  const std::vector<double> out =
      made_of("distribution_crossover", shape, {matrix(shape, a), matrix(shape, b), matrix(shape, c)}, {1.0 / 3, 1});
  const double low = 1.0 / 6, middle = 0.5, high = 5.0 / 6;
  CHECK(furthest(out, {low + 2 * middle + high, low - high, low - 2 * middle + high, low - high}) < 1e-15);
}

TEST_CASE("smooth_add: A and the blurred medians of B - C, by any number of hands") {
  const Dimensions shape{7, 5, 3, 3};
  const Matrix a = random_rows(7, 45, 1), b = random_rows(7, 45, 2), c = random_rows(7, 45, 3);
  std::vector<double> change(a.elements.size()), wanted;
  for (size_t k = 0; k < change.size(); ++k) change[k] = b.elements[k] - c.elements[k];
  change = medians_of_three(change, shape, {});
  blur(change, shape, {});
  for (size_t k = 0; k < change.size(); ++k) wanted.push_back(a.elements[k] + 0.7 * change[k]);
  CHECK(made_of("smooth_add", shape, {a, b, c}, {0.7}) == wanted);
  CHECK(made_of("smooth_add", shape, {a, b, c}, {0.7}, {.threads = 3}) == wanted);
  CHECK(made_of("smooth_add", shape, {a, b, b}, {0.7}) == a.elements);
  CHECK(made_of("smooth_add", {}, {matrix({}, {1}), matrix({}, {5}), matrix({}, {2})}, {2}) == std::vector<double>{7});
  CHECK(plain_of("smooth_add", {1}, {matrix({1}, {1}), matrix({1}, {5}), matrix({1}, {2})}, {2}) ==
        std::vector<double>{7});
}
