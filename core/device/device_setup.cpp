// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_setup.h"

#include <algorithm>

#include "core/device/device_list.h"
#include "core/read/source_read.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/cuda/tile_job.h"

namespace ckmerge {
namespace {

uint64_t memory_of(const cuda::Runtime& runtime, int device, const DeviceOptions& options) {
  cuda::DeviceInfo info;
  const std::string name = sentence("cuda:", device);
  if (const cuda::Status status = runtime.device_info(device, &info))
    throw Error(
        ErrorCode::resources, name,
        sentence(name, ": asking for its memory failed: ", runtime.message(status), "; --device cpu does without it"));
  if (options.memory > info.free)
    throw Error(ErrorCode::resources, name,
                sentence(name, ": has ", info.free, " bytes free, fewer than the ", options.memory,
                         " of --gpu-memory; give it less"));
  return options.memory ? options.memory : info.free / 2;
}

}  // namespace

std::string needless_reason(const DeviceOptions& options, const Plan& plan, uint64_t available) {
  if (options.choice == DeviceChoice::cpu) return "it was asked for";
  if (options.choice != DeviceChoice::automatic) return "";
  if (plan.accumulates) return "so many checkpoints are read in turn, which the CPU does";
  if (plan.end() < kLeastMeasured) return "the merge is too short to measure devices";
  if (std::ranges::none_of(plan.steps, [&](const Step& step) { return computes(plan, step); }))
    return "nothing has to be computed";
  const auto computed = std::ranges::count_if(plan.steps, [&](const Step& step) { return computes(plan, step); });
  const auto are_of_cpu = [&](const Step& step) {
    return !computes(plan, step) || draws(plan, step) || measures_energy(plan, step);
  };
  if (std::ranges::all_of(plan.steps, are_of_cpu))
    return "stochastic rounding, and what adapters add to fp8, are the CPU's";
  if (steps_beyond_devices(plan) == static_cast<uint64_t>(computed))
    return "the formula needs more registers than a device has";
  if (available < kLeastAvailable) return "a GPU's driver would need too much of the memory that is available";
  std::string reason;
  if (!options.runtime && !cuda::runtime()) count_devices(nullptr, reason);
  return reason;
}

uint64_t steps_beyond_devices(const Plan& plan) {
  std::vector<bool> beyond;
  for (const Program& program : plan.programs) beyond.push_back(program.registers() > cuda::kRegisters);
  return static_cast<uint64_t>(std::ranges::count_if(
      plan.steps, [&](const Step& step) { return computes(plan, step) && beyond[step.program]; }));
}

DeviceSetup set_up_devices(const DeviceOptions& options) {
  DeviceSetup setup{.runtime = options.runtime ? options.runtime : cuda::runtime(),
                    .devices = options.devices,
                    .memory = UINT64_MAX,
                    .required = options.choice == DeviceChoice::cuda};
  std::string reason;
  const int count = count_devices(setup.runtime, reason);
  if (count == 0)
    throw Error(ErrorCode::resources, "--device",
                setup.required ? sentence("--device cuda: ", reason, "; --device cpu does without one") : reason);
  if (setup.devices.empty()) setup.devices = {0};
  for (const int device : setup.devices) {
    if (device < 0 || device >= count)
      throw Error(ErrorCode::resources, sentence("cuda:", device),
                  sentence("cuda:", device, ": there is no such device; this machine has ", count,
                           count == 1 ? " (cuda:0)" : ", numbered from cuda:0"));
    setup.memory = std::min(setup.memory, memory_of(*setup.runtime, device, options));
  }
  return setup;
}

}  // namespace ckmerge
