// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <vector>

#include "core/algebra/element_order.h"
#include "core/algebra/wave_gains.h"
#include "core/matrices/matrix_rows.h"

namespace ckmerge {
namespace {

constexpr double kNoSlope = 1e-10;
// Elements that one of the hands takes at a time, of which each may be far from the one before.
constexpr uint64_t kAtATime = uint64_t{1} << 16;

// The share of B in wave `index` of `count`; at the very edge in f32, as the peer has it.
double share_of_b(uint64_t index, uint64_t count, double alpha, double beta) {
  const double frequency = static_cast<double>(index) / static_cast<double>(count);
  if (beta <= kNoSlope) return static_cast<float>(frequency) >= static_cast<float>(alpha) ? 1 : 0;
  return std::clamp((frequency - alpha) / beta + 0.5, 0.0, 1.0);
}

Matrix plain_distribution_crossover(const WholeTensor& tensor) {
  return between(tensor.inputs[0], tensor.inputs[1], 1 - tensor.coefficients[0]);
}

Matrix make_distribution_crossover(const WholeTensor& tensor) {
  if (tensor.shape.empty()) return plain_distribution_crossover(tensor);
  const Matrix &a = tensor.inputs[0], &b = tensor.inputs[1];
  const std::vector<uint64_t> order = order_of(tensor.inputs[2].elements, tensor.hands);
  std::vector<double> beyond(order.size());
  tensor.hands.share(order.size(), kAtATime, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) beyond[i] = b.elements[order[i]] - a.elements[order[i]];
  });
  const std::array<uint64_t, 1> line{order.size()};
  const uint64_t waves = waves_of(order.size());
  const auto gain = [&](WaveIndex index) {
    return share_of_b(index[0], waves, tensor.coefficients[0], tensor.coefficients[1]);
  };
  apply_gains(beyond, line, gain, tensor.hands);
  Matrix out = a;
  tensor.hands.share(order.size(), kAtATime, [&](uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) out.elements[order[i]] += beyond[i];
  });
  return out;
}

uint64_t memory_of_distribution_crossover(Shape shape, size_t, std::span<const double>) {
  const std::array<uint64_t, 1> line{matrix_rows(shape) * matrix_columns(shape)};
  return 3 * line[0] * sizeof(double) + (line[0] == 0 ? 0 : gains_memory(line));
}

uint64_t memory_of_threads_of_distribution_crossover(Shape shape, unsigned threads) {
  const std::array<uint64_t, 1> line{matrix_rows(shape) * matrix_columns(shape)};
  return line[0] == 0 ? 0 : gains_memory_of_threads(line, threads);
}

}  // namespace

const MatrixMethod kDistributionCrossover{.name = "distribution_crossover",
                                          .of_deltas = false,
                                          .make = make_distribution_crossover,
                                          .plain = plain_distribution_crossover,
                                          .memory = memory_of_distribution_crossover,
                                          .memory_of_threads = memory_of_threads_of_distribution_crossover};

}  // namespace ckmerge
