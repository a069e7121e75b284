// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_batch.h"

namespace ckmerge {

bool DeviceBatch::add(uint32_t step, const cuda::TileProgram& program, std::span<const Operand> operands,
                      uint64_t count, std::byte* out, Dtype dtype, uint64_t place) {
  const auto add = [&] {
    const auto at = static_cast<uint64_t>(out - out_);
    return lease_.slot().job().add_part(step, program, operands, count, at, dtype, place);
  };
  if (add()) return true;
  finish();
  return add();
}

void DeviceBatch::finish() {
  DeviceSlot& slot = lease_.slot();
  if (slot.job().empty()) return;
  {
    const SemaphoreLock::Pause pause(computing_);
    slot.submit(out_);
    slot.wait();
  }
  ring_.count_batch();
  for (const auto& [step, counts] : slot.job().counts()) step_report_.add(step, counts);
  slot.job().clear();
}

}  // namespace ckmerge
