// SPDX-License-Identifier: Apache-2.0
// Filters against windows that are picked out element by element, and against what scipy 1.17.1 gave.
#include "core/algebra/window_filters.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/algebra/element_order.h"
#include "core/algebra/orthonormal.h"

using namespace ckmerge;

namespace {

using Dimensions = std::vector<uint64_t>;

// Beyond the ends c b a | a b c | c b a, as often as it takes.
uint64_t mirrored_step_by_step(int64_t at, int64_t length) {
  while (at < 0 || at >= length) at = at < 0 ? -1 - at : 2 * length - 1 - at;
  return static_cast<uint64_t>(at);
}

double element(const std::vector<double>& elements, const Dimensions& shape, const std::vector<int64_t>& index) {
  uint64_t at = 0;
  for (size_t axis = 0; axis < shape.size(); ++axis)
    at = at * shape[axis] + mirrored_step_by_step(index[axis], static_cast<int64_t>(shape[axis]));
  return elements[at];
}

std::vector<int64_t> index_of(uint64_t at, const Dimensions& shape) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; at /= shape[axis]) index[axis] = static_cast<int64_t>(at % shape[axis]);
  return index;
}

std::vector<double> plain_medians(const std::vector<double>& elements, const Dimensions& shape) {
  std::vector<double> out;
  uint64_t size = 1;
  for (size_t k = 0; k < shape.size(); ++k) size *= 3;
  for (uint64_t at = 0; at < elements.size(); ++at) {
    std::vector<double> window;
    for (uint64_t k = 0; k < size; ++k) {
      std::vector<int64_t> index = index_of(at, shape);
      for (uint64_t rest = k, axis = 0; axis < shape.size(); ++axis, rest /= 3)
        index[axis] += static_cast<int64_t>(rest % 3) - 1;
      window.push_back(element(elements, shape, index));
    }
    std::ranges::sort(window);
    out.push_back(window[size / 2]);
  }
  return out;
}

std::vector<double> plain_blur(std::vector<double> elements, const Dimensions& shape) {
  double sum = 0;
  for (int k = -4; k <= 4; ++k) sum += std::exp(-0.5 * k * k);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    std::vector<double> out(elements.size());
    for (uint64_t at = 0; at < elements.size(); ++at)
      for (int k = -4; k <= 4; ++k) {
        std::vector<int64_t> index = index_of(at, shape);
        index[axis] += k;
        out[at] += std::exp(-0.5 * k * k) / sum * element(elements, shape, index);
      }
    elements = out;
  }
  return elements;
}

const std::vector<Dimensions> kShapes = {{1},     {2},        {7},          {5, 6},          {1, 9},      {4, 3, 1},
                                         {40, 3}, {23, 1, 1}, {6, 5, 3, 3}, {3, 2, 2, 5, 3}, {1, 1, 1, 1}};

std::vector<double> some_elements(const Dimensions& shape, bool repeats) {
  uint64_t count = 1;
  for (const uint64_t dimension : shape) count *= dimension;
  std::vector<double> out = random_rows(1, count, count).elements;
  if (repeats)
    for (double& x : out) x = static_cast<double>(static_cast<int>(3 * x));
  return out;
}

}  // namespace

TEST_CASE("medians of windows are those of the windows picked out, to the bit and for any number of hands") {
  for (const Dimensions& shape : kShapes)
    for (const bool repeats : {false, true}) {
      const std::vector<double> elements = some_elements(shape, repeats);
      const std::vector<double> wanted = plain_medians(elements, shape);
      CHECK(medians_of_three(elements, shape, {}) == wanted);
      CHECK(medians_of_three(elements, shape, {.threads = 3}) == wanted);
    }
}

TEST_CASE("a blur is that of the windows picked out, for any number of hands") {
  for (const Dimensions& shape : kShapes) {
    const std::vector<double> elements = some_elements(shape, false), wanted = plain_blur(elements, shape);
    std::vector<double> one = elements, three = elements;
    blur(one, shape, {});
    blur(three, shape, {.threads = 3});
    CHECK(one == three);
    for (size_t k = 0; k < one.size(); ++k) CHECK(std::fabs(one[k] - wanted[k]) < 5e-15);
  }
}

TEST_CASE("the filters are scipy's") {
  // x = numpy.arange(24) * 7 % 11 - 5 of shape (2, 3, 2, 2), and what median_filter(x, size=3) and gaussian_filter(x,
  // sigma=1) of scipy.ndimage make of it.
  std::vector<double> x;
  for (int k = 0; k < 24; ++k) x.push_back(k * 7 % 11 - 5);
  const Dimensions shape{2, 3, 2, 2};
  const std::vector<double> medians{0, 1, 1, 1, -1, 0, 0, 0, -1, -1, -1, -1, 1, 1, 1, 1, 0, 0, 0, 0, -1, -1, -1, -1};
  const std::vector<double> blurred{
      -0.26508794755102066, 0.22203532526130373,  0.39713556915844694,  0.769247269108295,    -0.3945244328216698,
      -0.13363834395540414, -0.11895938329570671, -0.07335570096376773, -0.7180707916152356,  -0.4220252084442393,
      -0.9030332887649983,  -0.87902413128972,    0.222035325261304,    0.2724462369162113,   0.7692472691082954,
      0.6584245888283821,   -0.13363834395540397, 0.01618668285051852,  -0.07335570096376756, -0.0887147768947989,
      -0.422025208444239,   -0.1805366071480036,  -0.8790241312897198,  -0.6417442690950632};
  CHECK(medians_of_three(x, shape, {}) == medians);
  blur(x, shape, {});
  for (size_t k = 0; k < x.size(); ++k) CHECK(std::fabs(x[k] - blurred[k]) < 1e-15);
}

TEST_CASE("elements are put in order, equal ones by their places, for any number of hands") {
  std::vector<double> elements = random_rows(1, 300000, 5).elements;
  for (double& x : elements) x = static_cast<double>(static_cast<int>(100 * x));
  std::vector<uint64_t> wanted(elements.size());
  for (size_t k = 0; k < wanted.size(); ++k) wanted[k] = k;
  std::ranges::stable_sort(wanted, {}, [&](uint64_t k) { return elements[k]; });
  CHECK(order_of(elements, {}) == wanted);
  CHECK(order_of(elements, {.threads = 3}) == wanted);
  CHECK(order_of(std::vector<double>{}, {}).empty());
}
