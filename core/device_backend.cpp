// SPDX-License-Identifier: Apache-2.0
#include "core/device_backend.h"

#include <algorithm>

#include "io/error.h"
#include "io/sentence.h"

namespace ckmerge {
namespace {

// A round of a measurement, in tiles in flight: tiles on the wrong side of its borders are few beside them.
constexpr unsigned kRoundInFlight = 4;

std::string names(std::span<const std::unique_ptr<Device>> devices) {
  std::string text;
  for (const auto& device : devices)
    text += sentence(text.empty() ? "" : ", ", device->name(), " (", device->info().name, ")");
  return text;
}

// 12.34 GB/s
std::string rate(double bytes_per_second) {
  const auto hundredths = static_cast<uint64_t>(bytes_per_second / 1e7 + 0.5);
  return sentence(hundredths / 100, hundredths % 100 < 10 ? ".0" : ".", hundredths % 100, " GB/s");
}

}  // namespace

DeviceBackend::DeviceBackend(const DeviceOptions& options, const Plan& plan)
    : setup_(set_up_devices(options, plan)), choice_(std::make_unique<BackendChoice>(Backend::cpu)) {}

TileSizing DeviceBackend::open(const Plan& plan, std::span<const Checkpoint> checkpoints, SizingOptions options) {
  if (!setup_.devices.empty()) try {
      options.device_memory = setup_.memory;
      const TileSizing sizing = size_tiles(plan, checkpoints, options);
      if (!setup_.measured || choose(plan.file_size, sizing)) {
        const uint64_t slots = setup_.memory / sizing.slot.on_device() * setup_.devices.size();
        ring_ = std::make_unique<DeviceRing>(
            *setup_.runtime, setup_.devices,
            DeviceRing::Options{.sizes = sizing.slot,
                                .slots = static_cast<unsigned>(std::min<uint64_t>(slots, sizing.tiles_in_flight)),
                                .required = setup_.required});
        if (!setup_.measured) choice_ = std::make_unique<BackendChoice>(Backend::device);
        return sizing;
      }
    } catch (const Error& error) {
      if (setup_.required) throw;
      do_without(error.what());
    }
  options.device_memory = 0;
  return size_tiles(plan, checkpoints, options);
}

void DeviceBackend::do_without(std::string reason) {
  setup_.reason = std::move(reason);
  choice_ = std::make_unique<BackendChoice>(Backend::cpu);
}

// False where there are too few tiles for a measurement to pay: it should be a quarter of the merge at most.
bool DeviceBackend::choose(uint64_t file_size, const TileSizing& sizing) {
  const unsigned round = kRoundInFlight * sizing.tiles_in_flight;
  if (file_size / sizing.tile_size < 4 * BackendChoice::kRounds.size() * round) {
    do_without("the merge is too short to measure devices");
    return false;
  }
  choice_ = std::make_unique<BackendChoice>(sizing.tile_size, round);
  return true;
}

DeviceReport DeviceBackend::report() const {
  DeviceReport report{.reason = setup_.reason};
  if (!ring_) return report;
  report.batches = ring_->batches();
  report.slots = static_cast<unsigned>(ring_->slots());
  report.fault = ring_->fault();
  const std::string devices = names(ring_->devices());
  if (!setup_.measured) {
    report.used = devices;
    report.reason = "it was asked for";
  } else if (const auto rates = choice_->measured()) {
    if (choice_->settled() == Backend::device) report.used = devices;
    report.reason = sentence("measured over the first tiles: ", rate(rates->cpu), " on the CPU, ", rate(rates->device),
                             " on ", devices);
  } else {
    report.reason = "no measurement came to its end";
  }
  return report;
}

}  // namespace ckmerge
