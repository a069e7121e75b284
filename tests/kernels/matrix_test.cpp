// SPDX-License-Identifier: Apache-2.0
// Products of narrow matrices: the bits of a plain loop, on every table, for every edge and every cut of the rows.
#include "kernels/matrix.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/block_kernels.h"

namespace ckmerge {
namespace {

std::vector<float> values(unsigned seed, size_t count) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 1);
  std::vector<float> all(count);
  for (float& value : all) value = normal(random);
  return all;
}

struct Extents {
  size_t rows, depth, columns;
};

// Every product and sum through memory, so that nothing can be fused or reordered.
std::vector<float> plain(const Extents& e, const std::vector<float>& left, const std::vector<float>& right,
                         float factor, std::vector<float> out) {
  for (size_t i = 0; i < e.rows; ++i)
    for (size_t j = 0; j < e.columns; ++j) {
      volatile float sum = 0;
      for (size_t k = 0; k < e.depth; ++k) {
        volatile float product = left[i * e.depth + k] * right[k * e.columns + j];
        sum = sum + product;
      }
      volatile float scaled = factor * sum;
      out[i * e.columns + j] += scaled;
    }
  return out;
}

bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("a product is the plain loop's, bit for bit, on every table") {
  for (const Extents& e : {Extents{1, 1, 1}, Extents{7, 4, 31}, Extents{13, 32, 32}, Extents{25, 5, 33},
                           Extents{6, 64, 100}, Extents{40, 0, 20}, Extents{12, 3, 259}, Extents{2, 129, 16}}) {
    const std::vector<float> left = values(1, e.rows * e.depth), right = values(2, e.depth * e.columns);
    const std::vector<float> before = values(3, e.rows * e.columns);
    const std::vector<float> expected = plain(e, left, right, 0.7F, before);
    std::vector<float> panels(panels_size(e.depth, e.columns) + 1);
    float* const unaligned = panels.data() + 1;
    make_panels(right.data(), e.depth, e.columns, unaligned);
    for (const BlockKernels* kernels : available_kernels()) {
      std::vector<float> out = before;
      matrix_kernel(*kernels).add_product(left.data(), e.rows, e.depth, unaligned, e.columns, 0.7F, out.data());
      CHECK_MESSAGE(same(out, expected), kernels->isa << ' ' << e.rows << ' ' << e.depth << ' ' << e.columns);
    }
  }
}

TEST_CASE("rows of a product are the same however they are cut") {
  const Extents e{29, 17, 75};
  const std::vector<float> left = values(4, e.rows * e.depth), right = values(5, e.depth * e.columns);
  std::vector<float> panels(panels_size(e.depth, e.columns)), whole(e.rows * e.columns);
  make_panels(right.data(), e.depth, e.columns, panels.data());
  add_product(left.data(), e.rows, e.depth, panels.data(), e.columns, -3, whole.data());
  for (const size_t step : {1, 2, 5, 11, 28}) {
    std::vector<float> cut(whole.size());
    for (size_t row = 0; row < e.rows; row += step)
      add_product(left.data() + row * e.depth, std::min(step, e.rows - row), e.depth, panels.data(), e.columns, -3,
                  cut.data() + row * e.columns);
    CHECK(same(cut, whole));
  }
}

}  // namespace ckmerge
