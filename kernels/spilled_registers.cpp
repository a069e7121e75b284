// SPDX-License-Identifier: Apache-2.0
#include "kernels/spilled_registers.h"

#include "kernels/program.h"

namespace ckmerge {

SpilledRegisters& SpilledRegisters::of_thread() {
  thread_local SpilledRegisters registers;
  return registers;
}

size_t registers_size(size_t registers) {
  return registers <= kStackRegisters ? 0 : SpilledRegisters::kAtOnce * SpilledRegisters::size(registers);
}

void reserve_registers(size_t registers) {
  if (registers > kStackRegisters) SpilledRegisters::of_thread().reserve(registers);
}

}  // namespace ckmerge
