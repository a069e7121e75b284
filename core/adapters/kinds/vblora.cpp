// SPDX-License-Identifier: Apache-2.0
// VB-LoRA: a LoRA whose factors are made of pieces, each the weighted sum of the k vectors of a bank that have the
// greatest logits, weighted by the softmax of these. Of files that keep those alone the last weight is what the others
// leave of 1.
#include <algorithm>
#include <memory>
#include <numeric>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

constexpr double kDefaultTop = 2;
constexpr std::string_view kBank = "vblora_vector_bank";

std::string logits(char side) { return sentence("vblora_logits_", std::string_view(&side, 1)); }
std::string indices(char side) { return logits(side) + "_topk_indices"; }
std::string weights(char side) { return logits(side) + "_topk_weights"; }

// The first two dimensions of a side: (rank, pieces) of A, (pieces, rank) of B.
Shape shape_of(const Adapter& adapter, const AdapterModule& module, char side) {
  const Factor* const whole = find_factor(module, logits(side));
  return factor_tensor(adapter, whole ? *whole : factor(module, indices(side))).shape;
}

uint64_t top_of(const AdapterModule& module) {
  const auto top = module.numbers.find("topk");
  return static_cast<uint64_t>(std::max(1.0, top == module.numbers.end() ? kDefaultTop : top->second));
}

std::string side_fault(const Adapter& adapter, const AdapterModule& module, char side) {
  const Factor* const whole = find_factor(module, logits(side));
  const uint64_t vectors = rows_of(factor_tensor(adapter, factor(module, kBank)).shape);
  if (!whole) {
    if (std::string lacking = lacking_factor(module, {indices(side), weights(side)}); !lacking.empty()) return lacking;
    const Shape of_indices = factor_tensor(adapter, factor(module, indices(side))).shape;
    const Shape of_weights = factor_tensor(adapter, factor(module, weights(side))).shape;
    const bool fit = of_indices.size() == 3 && of_weights.size() == 3 && of_indices[0] == of_weights[0] &&
                     of_indices[1] == of_weights[1] && of_indices[2] == of_weights[2] + 1;
    return fit ? "" : sentence(indices(side), " and ", weights(side), " do not belong together");
  }
  const Shape shape = factor_tensor(adapter, *whole).shape;
  if (shape.size() != 3 || shape[2] != vectors || top_of(module) > vectors)
    return sentence(logits(side), " are not those of a bank of ", vectors, " vectors");
  return {};
}

std::string vblora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const std::string a = indices('A'), b = indices('B');
  if (std::string unfit = unfit_factor(adapter, module, {a, b}); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "VB-LoRA changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {kBank}); !lacking.empty()) return lacking;
  for (const char side : {'A', 'B'})
    if (std::string wrong = side_fault(adapter, module, side); !wrong.empty()) return wrong;
  const Shape down = shape_of(adapter, module, 'A'), up = shape_of(adapter, module, 'B');
  const uint64_t length = columns_of(factor_tensor(adapter, factor(module, kBank)).shape);
  if (down[0] != up[1]) return misfit(logits('B'), up[1], "columns", sentence(logits('A'), " have rank"), down[0]);
  return misfit(weight, weight.transposed, logits('B'), up[0] * length, logits('A'), down[1] * length);
}

uint64_t vblora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t rank = shape_of(adapter, module, 'A')[0];
  uint64_t read = 2 * sizeof(float) * factor_tensor(adapter, factor(module, kBank)).count;
  for (const char side : {'A', 'B'})
    if (const Factor* const whole = find_factor(module, logits(side)))
      read += 2 * sizeof(float) * factor_tensor(adapter, *whole).count;
  return 3 * FactorProduct::memory(weight.rows(), rank, weight.columns()) + read;
}

// Which vectors the pieces of a side are made of, and by how much: `top` of each.
struct Chosen {
  uint64_t top = 0;
  std::vector<uint64_t> vectors;
  std::vector<double> weights;
};

void choose(const float* numbers, uint64_t count, uint64_t top, Chosen& chosen) {
  std::vector<uint64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(top), order.end(),
                    [&](uint64_t a, uint64_t b) { return numbers[a] != numbers[b] ? numbers[a] > numbers[b] : a < b; });
  double sum = 0;
  const size_t begin = chosen.weights.size();
  for (uint64_t t = 0; t < top; ++t) {
    chosen.vectors.push_back(order[t]);
    chosen.weights.push_back(math::exp(static_cast<double>(numbers[order[t]]) - numbers[order[0]]));
    sum += chosen.weights.back();
  }
  for (size_t i = begin; i < chosen.weights.size(); ++i) chosen.weights[i] /= sum;
}

Chosen read_chosen(const Adapter& adapter, const AdapterModule& module, char side) {
  if (const Factor* const whole = find_factor(module, logits(side))) {
    const FactorMatrix all = read_matrix(adapter, *whole);
    const uint64_t vectors = factor_tensor(adapter, *whole).shape[2];
    Chosen chosen{top_of(module), {}, {}};
    for (uint64_t at = 0; at < all.elements.size(); at += vectors)
      choose(all.elements.data() + at, vectors, chosen.top, chosen);
    return chosen;
  }
  Chosen chosen{shape_of(adapter, module, side)[2], read_indices(adapter, factor(module, indices(side))), {}};
  const std::vector<float> stored = read_factor(adapter, factor(module, weights(side)));
  for (size_t at = 0; at < stored.size() + 1 && chosen.weights.size() < chosen.vectors.size(); at += chosen.top - 1) {
    double rest = 1;
    for (uint64_t t = 0; t + 1 < chosen.top; ++t) {
      chosen.weights.push_back(stored[at + t]);
      rest -= stored[at + t];
    }
    chosen.weights.push_back(rest);
  }
  return chosen;
}

// Piece after piece.
std::vector<float> read_pieces(const Adapter& adapter, const AdapterModule& module, char side) {
  const FactorMatrix bank = read_matrix(adapter, factor(module, kBank));
  const Chosen chosen = read_chosen(adapter, module, side);
  std::vector<float> pieces(chosen.vectors.size() / chosen.top * bank.columns);
  for (size_t i = 0; i < chosen.vectors.size(); ++i) {
    const uint64_t vector = chosen.vectors[i];
    if (vector >= bank.rows)
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": ", indices(side), " of '", module.name,
                           "' names a vector that the bank does not have"));
    float* const piece = pieces.data() + i / chosen.top * bank.columns;
    const auto weight = static_cast<float>(chosen.weights[i]);
    for (uint64_t j = 0; j < bank.columns; ++j) piece[j] += weight * bank.row(vector)[j];
  }
  return pieces;
}

std::unique_ptr<ModuleChange> open_vblora(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const uint64_t length = columns_of(factor_tensor(adapter, factor(module, kBank)).shape);
  const Shape a = shape_of(adapter, module, 'A'), b = shape_of(adapter, module, 'B');
  FactorMatrix down{a[0], a[1] * length, read_pieces(adapter, module, 'A')};
  const std::vector<float> pieces = read_pieces(adapter, module, 'B');  // (pieces, rank, length)
  FactorMatrix up{b[0] * length, b[1], std::vector<float>(pieces.size())};
  for (uint64_t i = 0; i < up.rows; ++i)
    for (uint64_t k = 0; k < up.columns; ++k)
      up.row(i)[k] = pieces[(i / length * up.columns + k) * length + i % length];
  return added_product(std::move(up), std::move(down), weight.transposed, module.scale * strength);
}

}  // namespace

constexpr AdapterKind kVbloraKind = {
    .name = "VB-LoRA", .fault = vblora_fault, .memory = vblora_memory, .open = open_vblora};

}  // namespace ckmerge
