// SPDX-License-Identifier: Apache-2.0
// BOFT as PEFT has it: inputs are turned in stages, each a permutation, blocks along the diagonal, and the permutation
// back; W' = s * W (B_m .. B_1)^T, s (`boft_s`) one number per output, the bias as it was. A block of `boft_R` (stages,
// blocks, b, b) makes K = (R - R^T) / 2 and Q = (I - K) (I + K)^-1. Stages are as many as the shape says: PEFT makes
// one where it finds no CUDA compiler, whatever its config has. PEFT has no strengths for it; here they go from W to
// W'.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/turned_blocks.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

std::string boft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"boft_R", "boft_s"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (std::string other = no_matrix(weight, "BOFT"); !other.empty()) return other;
  const Shape shape = factor_tensor(adapter, factor(module, "boft_R")).shape;
  if (shape.size() != 4 || shape[0] == 0 || shape[2] == 0 || shape[2] != shape[3])
    return sentence("boft_R has the shape ", shape_text(shape), ", which is not that of stages of square blocks");
  if (weight.columns() % shape[2] != 0 || weight.columns() / shape[2] != shape[1])
    return sentence("boft_R turns ", shape[1], " times ", counted(shape[2], "input"), ", the weight has ",
                    weight.columns());
  // the last stage brings together halves of blocks that lie this far apart
  if (shape[0] > 1 && (shape[2] % 2 != 0 || shape[0] > 32 || shape[1] % (uint64_t{1} << (shape[0] - 1)) != 0))
    return sentence("boft_R has ", shape[0], " stages, which ", counted(shape[1], "block"), " of ", shape[2],
                    " cannot have");
  if (const uint64_t outputs = factor_tensor(adapter, factor(module, "boft_s")).count; outputs != weight.rows())
    return misfit("boft_s", outputs, "numbers", "rows of the weight", weight.rows());
  return {};
}

uint64_t boft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape shape = factor_tensor(adapter, factor(module, "boft_R")).shape;
  constexpr uint64_t kMatrices = 6;  // in f64, while a block is made
  return 2 * shape[0] * TurnedBlocks::memory(shape[2], shape[1]) + shape[0] * weight.columns() * sizeof(uint32_t) +
         weight.rows() * sizeof(float) + (3 * weight.columns() + kMatrices * shape[2] * shape[2]) * sizeof(double);
}

// Where in a row the elements lie that stage `stage` turns: of 2^(stage + 1) halves of neighbouring blocks the even
// ones come first, then the odd ones.
std::vector<uint32_t> places_of(uint64_t columns, uint64_t block, uint64_t stage) {
  std::vector<uint32_t> places(columns);
  const uint64_t half = block / 2, halves = uint64_t{2} << stage, width = half * halves;
  for (uint64_t i = 0; i < columns; ++i) {
    if (stage == 0) {  // a block of an odd size has no halves
      places[i] = static_cast<uint32_t>(i);
      continue;
    }
    const uint64_t within = i % width, at = within / half;
    const uint64_t from = at < halves / 2 ? 2 * at : 2 * (at - halves / 2) + 1;
    places[i] = static_cast<uint32_t>(i - within + from * half + within % half);
  }
  return places;
}

class Butterfly : public ModuleChange {
 public:
  Butterfly(std::vector<float> scales, uint64_t columns, double strength)
      : scales_(std::move(scales)), columns_(columns), strength_(strength) {}

  void add(TurnedBlocks blocks, uint64_t stage) {
    places_.push_back(places_of(columns_, blocks.size(), stage));
    stages_.push_back(std::move(blocks));
  }

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<double> made(columns_), turned(columns_);
    for (uint64_t i = 0; i < count; ++i) {
      const std::span<float> row = row_of(weight, i, columns_);
      std::copy(row.begin(), row.end(), made.begin());
      for (size_t stage = 0; stage < stages_.size(); ++stage) {
        // P D P^T of a column x, where (P x)[k] = x[places[k]]
        const std::vector<uint32_t>& places = places_[stage];
        for (uint64_t k = 0; k < columns_; ++k) turned[places[k]] = made[k];
        stages_[stage].turn_row(std::span(turned));
        for (uint64_t k = 0; k < columns_; ++k) made[k] = turned[places[k]];
      }
      for (uint64_t k = 0; k < columns_; ++k) row[k] = blended(row[k], double{scales_[first + i]} * made[k], strength_);
    }
  }

  uint64_t memory() const override {
    uint64_t sum = sizeof(*this) + scales_.size() * sizeof(float);
    for (const TurnedBlocks& stage : stages_) sum += stage.memory() + columns_ * sizeof(uint32_t);
    return sum;
  }

 private:
  std::vector<TurnedBlocks> stages_;
  std::vector<std::vector<uint32_t>> places_;
  std::vector<float> scales_;
  uint64_t columns_;
  double strength_;
};

std::unique_ptr<ModuleChange> open_boft(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const Shape shape = factor_tensor(adapter, factor(module, "boft_R")).shape;
  const std::vector<float> values = read_factor(adapter, factor(module, "boft_R"));
  auto result = std::make_unique<Butterfly>(read_factor(adapter, factor(module, "boft_s")), weight.columns(), strength);
  const uint64_t size = shape[2], elements = size * size;
  for (uint64_t stage = 0; stage < shape[0]; ++stage) {
    TurnedBlocks blocks(size, shape[1]);
    for (uint64_t i = 0; i < shape[1]; ++i) {
      const auto block = std::span(values).subspan((stage * shape[1] + i) * elements, elements);
      SquareMatrix k = SquareMatrix::antisymmetric_part(size, block);
      k *= 0.5;
      blocks.set(i, cayley(k), 1);
    }
    result->add(std::move(blocks), stage);
  }
  return result;
}

}  // namespace

const AdapterKind kBoftKind = {
    .name = "BOFT", .adds = false, .fault = boft_fault, .memory = boft_memory, .open = open_boft};

}  // namespace ckmerge
