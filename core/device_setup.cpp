// SPDX-License-Identifier: Apache-2.0
#include "core/device_setup.h"

#include <algorithm>

#include "core/device_facts.h"
#include "core/source_read.h"
#include "io/error.h"
#include "io/sentence.h"

namespace ckmerge {
namespace {

DeviceSetup on_cpu(std::string reason) { return {.reason = std::move(reason)}; }

// Why the CPU does it all without a look at devices; empty where they have to be looked at.
std::string needless(const DeviceOptions& options, const Plan& plan) {
  if (plan.in_turn) return "so many checkpoints are read in turn, which the CPU does";
  if (options.choice == DeviceChoice::cpu) return "it was asked for";
  if (options.choice != DeviceChoice::automatic) return "";
  if (plan.file_size < kLeastMeasured) return "the merge is too short to measure devices";
  if (std::ranges::none_of(plan.steps, [&](const Step& step) { return computes(plan, step); }))
    return "nothing has to be computed";
  return "";
}

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

DeviceSetup take_devices(const DeviceOptions& options, const cuda::Runtime& runtime, int count) {
  DeviceSetup setup{.runtime = &runtime,
                    .devices = options.devices,
                    .memory = UINT64_MAX,
                    .required = options.choice == DeviceChoice::cuda,
                    .measured = options.choice == DeviceChoice::automatic};
  if (setup.devices.empty()) setup.devices = {0};
  for (const int device : setup.devices) {
    if (device < 0 || device >= count)
      throw Error(ErrorCode::resources, sentence("cuda:", device),
                  sentence("cuda:", device, ": there is no such device; this machine has ", count,
                           count == 1 ? " (cuda:0)" : ", numbered from cuda:0"));
    setup.memory = std::min(setup.memory, memory_of(runtime, device, options));
  }
  return setup;
}

}  // namespace

DeviceSetup set_up_devices(const DeviceOptions& options, const Plan& plan) {
  if (std::string reason = needless(options, plan); !reason.empty()) return on_cpu(std::move(reason));
  const cuda::Runtime* const runtime = options.runtime ? options.runtime : cuda::runtime();
  std::string reason;
  const int count = count_devices(runtime, reason);
  const bool required = options.choice == DeviceChoice::cuda;
  if (count == 0 && required)
    throw Error(ErrorCode::resources, "--device",
                sentence("--device cuda: ", reason, "; --device cpu does without one"));
  if (count == 0) return on_cpu(std::move(reason));
  try {
    return take_devices(options, *runtime, count);
  } catch (const Error& error) {
    if (required) throw;
    return on_cpu(error.what());
  }
}

}  // namespace ckmerge
