// SPDX-License-Identifier: Apache-2.0
// BOFT of LyCORIS: outputs are turned in stages, the stage i by blocks R (not R^T) of rows that lie 2^i half blocks
// apart; strength takes I + strength (R - I) of each stage; `rescale` multiplies rows, always in full. Rows that hang
// on each other are 2^(stages - 1) blocks: with LyCORIS's own number of stages all of them. They are turned some
// columns at a time.
#include <algorithm>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/lycoris_rotations.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/turned_blocks.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kSlab = 16;  // columns that are turned together

std::string lycoris_boft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string found = LycorisRotations::fault(adapter, module, weight, 4); !found.empty()) return found;
  const Shape shape = factor_tensor(adapter, factor(module, "oft_blocks")).shape;
  if (shape[3] % 2 != 0 || shape[0] > 32 || shape[1] % (uint64_t{1} << (shape[0] - 1)) != 0)
    return sentence("oft_blocks has the shape ", shape_text(shape), ", of whose blocks so many stages cannot be made");
  return {};
}

uint64_t lycoris_boft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape shape = factor_tensor(adapter, factor(module, "oft_blocks")).shape;
  const uint64_t group = shape[3] << (shape[0] - 1);
  return LycorisRotations::memory(adapter, module) + TurnedBlocks::memory(shape[3], shape[0] * shape[1]) +
         weight.rows() * sizeof(float) + ((kSlab + 1) * group + shape[3]) * sizeof(double) +
         grouped_rows(group, weight);
}

class ButterflyRows : public ModuleChange {
 public:
  ButterflyRows(std::vector<TurnedBlocks> stages, std::vector<float> rescale, uint64_t columns)
      : stages_(std::move(stages)), rescale_(std::move(rescale)), columns_(columns) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    const uint64_t group = row_group();
    std::vector<double> made(kSlab * group), turned(group);
    for (uint64_t begin = 0; begin < count; begin += group)
      for (uint64_t k = 0; k < columns_; k += kSlab) {
        const uint64_t width = std::min(kSlab, columns_ - k);
        float* const corner = &weight[begin * columns_ + k];
        for (uint64_t i = 0; i < group; ++i)
          for (uint64_t j = 0; j < width; ++j) made[j * group + i] = double{corner[i * columns_ + j]};
        for (uint64_t j = 0; j < width; ++j) turn(first + begin, std::span(made).subspan(j * group, group), turned);
        for (uint64_t i = 0; i < group; ++i)
          for (uint64_t j = 0; j < width; ++j) corner[i * columns_ + j] = static_cast<float>(made[j * group + i]);
      }
    rescale_rows(rescale_, first, count, weight);
  }

  uint64_t row_group() const override { return stages_.front().size() << (stages_.size() - 1); }
  uint64_t memory() const override {
    uint64_t sum = sizeof(*this) + rescale_.size() * sizeof(float);
    for (const TurnedBlocks& stage : stages_) sum += stage.memory();
    return sum;
  }

 private:
  // One column of a group that begins with row `first`.
  void turn(uint64_t first, std::span<double> column, std::span<double> turned) const {
    const uint64_t size = stages_.front().size();
    for (size_t stage = 0; stage < stages_.size(); ++stage) {
      const uint64_t apart = (size / 2) << stage;  // rows (c, g, k) come to (c, k, g); g is one of two
      const auto place = [&](uint64_t i) { return i / (2 * apart) * (2 * apart) + i % apart * 2 + i / apart % 2; };
      for (uint64_t i = 0; i < column.size(); ++i) turned[place(i)] = column[i];
      stages_[stage].turn_blocks(first / size, turned);
      for (uint64_t i = 0; i < column.size(); ++i) column[i] = turned[place(i)];
    }
  }

  std::vector<TurnedBlocks> stages_;
  std::vector<float> rescale_;
  uint64_t columns_;
};

std::unique_ptr<ModuleChange> open_lycoris_boft(const Adapter& adapter, const AdapterModule& module,
                                                const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const Shape shape = factor_tensor(adapter, factor(module, "oft_blocks")).shape;
  const LycorisRotations rotations(adapter, module, weight.rows());
  std::vector<TurnedBlocks> stages;
  for (uint64_t stage = 0; stage < shape[0]; ++stage) {
    stages.emplace_back(shape[3], shape[1]);
    for (uint64_t i = 0; i < shape[1]; ++i) stages.back().set(i, rotations[stage * shape[1] + i], strength);
  }
  return std::make_unique<ButterflyRows>(std::move(stages), read_rescale(adapter, module), weight.columns());
}

}  // namespace

const AdapterKind kLycorisBoftKind = {.name = "BOFT of LyCORIS",
                                      .adds = false,
                                      .fault = lycoris_boft_fault,
                                      .memory = lycoris_boft_memory,
                                      .open = open_lycoris_boft};

}  // namespace ckmerge
