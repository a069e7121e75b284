// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/algebra/wave_gains.h"
#include "core/matrices/matrix_rows.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

// Tilts this near to a right angle are one.
constexpr double kNearTilt = 1e-10;

// How much of a wave is B's, by its frequency from 0 to 1.
class CrossoverFilter {
 public:
  CrossoverFilter(double alpha, double tilt)
      : tilt_(tilt), is_inverted_(tilt > 2), alpha_(tilt > 2 ? 1 - alpha : alpha) {
    constexpr double kHalfPi = 0x1.921fb54442d18p+0;
    const double angle = kHalfPi * tilt;
    cotangent_ = math::cos(angle) / math::sin(angle);
  }

  double at(double frequency) const {
    const double share = tilted(frequency);
    return is_inverted_ ? 1 - share : share;
  }

 private:
  // Frequencies at the very edge are compared as f32, as the peer has them.
  bool is_above(double frequency) const { return static_cast<float>(frequency) > static_cast<float>(1 - alpha_); }
  bool is_below(double frequency) const { return static_cast<float>(frequency) < static_cast<float>(1 - alpha_); }

  double tilted(double frequency) const {
    if (tilt_ < kNearTilt || std::fabs(tilt_ - 4) < kNearTilt) return is_above(frequency) ? 1 : 0;
    if (std::fabs(tilt_ - 2) < kNearTilt) return is_below(frequency) ? 1 : 0;
    const bool leans_back = tilt_ <= 1 || (tilt_ > 2 && tilt_ <= 3);
    const double along = leans_back ? frequency + alpha_ - 1 : frequency - alpha_;
    return std::clamp(along * cotangent_ + alpha_, 0.0, 1.0);
  }

  double tilt_;
  bool is_inverted_;
  double alpha_;
  double cotangent_;
};

// As torch.allclose() has it: of tensors that are nearly the same the difference is what rounding left.
bool are_close(const Matrix& a, const Matrix& b) {
  for (size_t i = 0; i < a.elements.size(); ++i)
    if (std::fabs(a.elements[i] - b.elements[i]) > 1e-8 + 1e-5 * std::fabs(b.elements[i])) return false;
  return true;
}

Matrix plain_crossover(const WholeTensor& tensor) {
  return between(tensor.inputs[0], tensor.inputs[1], tensor.coefficients[0]);
}

// The filter takes as much of a wave as of its twin, so that what is real stays so, and the difference alone needs to
// be transformed.
Matrix make_crossover(const WholeTensor& tensor) {
  const Matrix &a = tensor.inputs[0], &b = tensor.inputs[1];
  const double alpha = tensor.coefficients[0], tilt = tensor.coefficients[1];
  if (alpha == 0 || alpha == 1) return alpha == 0 ? a : b;
  if (tilt == 1 || tensor.shape.empty() || are_close(a, b)) return plain_crossover(tensor);
  Matrix out = b;
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] -= a.elements[i];
  const CrossoverFilter filter(alpha, tilt);
  const auto gain = [&](WaveIndex index) {
    double squares = 0;
    for (size_t axis = 0; axis < index.size(); ++axis) {
      const uint64_t fastest = tensor.shape[axis] / 2;
      const double share = fastest == 0 ? 0 : static_cast<double>(index[axis]) / static_cast<double>(fastest);
      squares += share * share;
    }
    return filter.at(std::sqrt(squares / static_cast<double>(index.size())));
  };
  apply_gains(out.elements, tensor.shape, gain, tensor.hands);
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] += a.elements[i];
  return out;
}

uint64_t memory_of_crossover(Shape shape, size_t, std::span<const double>) {
  const uint64_t size = matrix_rows(shape) * matrix_columns(shape) * sizeof(double);
  return size + (shape.empty() || size == 0 ? 0 : gains_memory(shape));
}

uint64_t memory_of_threads_of_crossover(Shape shape, unsigned threads) {
  return shape.empty() || matrix_columns(shape) * matrix_rows(shape) == 0 ? 0 : gains_memory_of_threads(shape, threads);
}

}  // namespace

const MatrixMethod kCrossover{.name = "crossover",
                              .of_deltas = false,
                              .make = make_crossover,
                              .plain = plain_crossover,
                              .memory = memory_of_crossover,
                              .memory_of_threads = memory_of_threads_of_crossover};

}  // namespace ckmerge
