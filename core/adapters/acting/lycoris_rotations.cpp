// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/acting/lycoris_rotations.h"

#include <cmath>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {

LycorisRotations::LycorisRotations(const Adapter& adapter, const AdapterModule& module, uint64_t outputs)
    : size_(factor_tensor(adapter, factor(module, "oft_blocks")).shape.back()),
      values_(read_factor(adapter, factor(module, "oft_blocks"))) {
  const double bound = number_or(module, "constraint", 0) * static_cast<double>(outputs);
  if (!(bound > 0)) return;
  double sum = 0;
  for (uint64_t i = 0; i < count(); ++i) {
    const auto block = std::span(values_).subspan(i * size_ * size_, size_ * size_);
    sum += SquareMatrix::antisymmetric_part(size_, block).sum_of_squares();
  }
  const double length = std::sqrt(sum) + 1e-8;  // LyCORIS's, against a length of zero
  if (length > bound) held_ = bound / length;
}

SquareMatrix LycorisRotations::operator[](uint64_t index) const {
  const auto block = std::span(values_).subspan(index * size_ * size_, size_ * size_);
  SquareMatrix q = SquareMatrix::antisymmetric_part(size_, block);
  q *= -held_;
  return cayley(q);  // of -Q: the inverse way round
}

uint64_t LycorisRotations::memory(const Adapter& adapter, const AdapterModule& module) {
  const Tensor blocks = factor_tensor(adapter, factor(module, "oft_blocks"));
  constexpr uint64_t kMatrices = 6;  // in f64, while a block is made
  return blocks.count * sizeof(float) + kMatrices * blocks.shape.back() * blocks.shape.back() * sizeof(double);
}

std::string LycorisRotations::fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                    size_t dimensions) {
  if (std::string lacking = lacking_factor(module, {"oft_blocks"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "OFT of LyCORIS"); !other.empty()) return other;
  const Shape shape = factor_tensor(adapter, factor(module, "oft_blocks")).shape;
  if (shape.size() != dimensions || shape[0] == 0 || shape.back() == 0 || shape.back() != shape[dimensions - 2])
    return sentence("oft_blocks has the shape ", shape_text(shape), ", which is not that of square blocks");
  const uint64_t blocks = shape[dimensions - 3], size = shape.back();
  if (weight.rows() % size != 0 || weight.rows() / size != blocks)
    return sentence("oft_blocks turns ", blocks, " times ", counted(size, "row"), ", the weight has ", weight.rows());
  if (!find_factor(module, "rescale")) return {};
  const uint64_t rescaled = factor_tensor(adapter, factor(module, "rescale")).count;
  return rescaled == weight.rows() ? "" : misfit("rescale", rescaled, "numbers", "rows of the weight", weight.rows());
}

std::vector<float> read_rescale(const Adapter& adapter, const AdapterModule& module) {
  const Factor* rescale = find_factor(module, "rescale");
  return rescale ? read_factor(adapter, *rescale) : std::vector<float>();
}

void rescale_rows(std::span<const float> rescale, uint64_t first, uint64_t count, std::span<float> weight) {
  if (rescale.empty()) return;
  const uint64_t columns = weight.size() / count;
  for (uint64_t i = 0; i < count; ++i)
    for (float& value : row_of(weight, i, columns)) value *= rescale[first + i];
}

}  // namespace ckmerge
