// SPDX-License-Identifier: Apache-2.0
// What adds numbers to some elements of the weight.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/adapters/adapter_kind.h"

namespace ckmerge {

struct ChangedElement {
  uint64_t place = 0;  ///< in the weight as the checkpoint has it, its rows one after another
  float value = 0;
};

/// Where an element of the module's own weight, (out, in), lies in the checkpoint's. UINT64_MAX: it has none such.
uint64_t place_of(const ModuleWeight& weight, uint64_t out, uint64_t in);

class SparseChange : public ModuleChange {
 public:
  /// Those of one place are added one after another, in the order that they have. `besides` is applied after that; it
  /// may be null.
  SparseChange(std::vector<ChangedElement> elements, uint64_t columns, double strength,
               std::unique_ptr<ModuleChange> besides = nullptr);
  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override;
  uint64_t memory() const override;

 private:
  std::vector<ChangedElement> elements_;  // by place
  uint64_t columns_;
  float strength_;
  std::unique_ptr<ModuleChange> besides_;
};

}  // namespace ckmerge
