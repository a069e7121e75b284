// SPDX-License-Identifier: Apache-2.0
// Diag-OFT of LyCORIS: the outputs of a layer are turned, a block of rows at a time, by R^T (not R), of which strength
// takes I + strength (R - I); `rescale` multiplies rows, always in full.
#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/lycoris_rotations.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/turned_blocks.h"

namespace ckmerge {
namespace {

std::string diag_oft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  return LycorisRotations::fault(adapter, module, weight, 3);
}

uint64_t diag_oft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape shape = factor_tensor(adapter, factor(module, "oft_blocks")).shape;
  return LycorisRotations::memory(adapter, module) + TurnedBlocks::memory(shape[2], shape[0]) +
         65 * shape[2] * sizeof(double) + weight.rows() * sizeof(float) + grouped_rows(shape[2], weight);
}

class TurnedRows : public ModuleChange {
 public:
  TurnedRows(TurnedBlocks blocks, std::vector<float> rescale, uint64_t columns)
      : blocks_(std::move(blocks)), rescale_(std::move(rescale)), columns_(columns) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    blocks_.turn_rows(first / blocks_.size(), columns_, weight);
    rescale_rows(rescale_, first, count, weight);
  }
  uint64_t row_group() const override { return blocks_.size(); }
  uint64_t memory() const override { return sizeof(*this) + blocks_.memory() + rescale_.size() * sizeof(float); }

 private:
  TurnedBlocks blocks_;
  std::vector<float> rescale_;
  uint64_t columns_;
};

std::unique_ptr<ModuleChange> open_diag_oft(const Adapter& adapter, const AdapterModule& module,
                                            const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const LycorisRotations rotations(adapter, module, weight.rows());
  TurnedBlocks blocks(rotations.size(), rotations.count());
  for (uint64_t i = 0; i < rotations.count(); ++i) blocks.set(i, transposed(rotations[i]), strength);
  return std::make_unique<TurnedRows>(std::move(blocks), read_rescale(adapter, module), weight.columns());
}

}  // namespace

const AdapterKind kDiagOftKind = {
    .name = "Diag-OFT", .adds = false, .fault = diag_oft_fault, .memory = diag_oft_memory, .open = open_diag_oft};

}  // namespace ckmerge
