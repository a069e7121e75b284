// SPDX-License-Identifier: Apache-2.0
#include "core/device/device_backend.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/threads/machine.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// A round of a measurement: tiles that were begun on the wrong side of its borders are few beside it, and it takes some
// hundredths of a second at least.
constexpr uint64_t kLeastRound = 64ull << 20;
constexpr unsigned kRoundInFlight = 2;

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

// What a ring says of itself.
DeviceReport report_of(const DeviceRing& ring) {
  return {.fault = ring.fault(), .batches = ring.batches(), .slots = static_cast<unsigned>(ring.slots())};
}

}  // namespace

DeviceBackend::DeviceBackend(const DeviceOptions& options, const Plan& plan, std::span<const Checkpoint> checkpoints,
                             const SizingOptions& sizing)
    : options_(options), sizing_options_(sizing), reason_(needless_reason(options, plan, available_memory())) {
  const bool automatic = options.choice == DeviceChoice::automatic;
  if (reason_.empty() && !automatic) try {
      open_named(plan, checkpoints);
      return;
    } catch (const Error& error) {
      // What the CPU would accumulate, devices read together, which may take more memory than there is.
      const bool too_many = plan.accumulates && error.where() == "memory";
      if (options.choice == DeviceChoice::cuda && !too_many) throw;
      reason_ = error.what();
    }
  sizing_ = size_tiles(plan, checkpoints, sizing);
  if (reason_.empty()) measure(plan.end());
}

void DeviceBackend::open_named(const Plan& plan, std::span<const Checkpoint> checkpoints) {
  const DeviceSetup setup = set_up_devices(options_);
  SizingOptions options = sizing_options_;
  options.devices = static_cast<unsigned>(setup.devices.size());
  options.device_memory = setup.memory;
  sizing_ = size_tiles(plan, checkpoints, options);
  open_ring(setup, sizing_);
  choice_ = std::make_unique<BackendChoice>(Backend::device);
}

void DeviceBackend::open_ring(const DeviceSetup& setup, const TileSizing& sizing) {
  auto ring = std::make_shared<DeviceRing>(
      *setup.runtime, setup.devices,
      DeviceRing::Options{.sizes = sizing.slot, .slots = sizing.slots, .required = setup.required});
  std::lock_guard lock(mutex_);
  names_ = names(ring->devices());
  ring_ = std::move(ring);
  choice_->open();
}

// Tiles stay as they would be without a device, which gets what they leave of the budget.
void DeviceBackend::measure(uint64_t output_end) {
  sizing_options_.devices = 1;
  const uint64_t tile = sizing_.tile_size;
  const auto round = static_cast<unsigned>(
      std::max<uint64_t>((kLeastRound + tile - 1) / tile, uint64_t{kRoundInFlight} * sizing_.tiles_in_flight));
  if (output_end < BackendChoice::least(tile, round))
    reason_ = "the merge is too short to measure devices";
  else if (!add_slots(sizing_, sizing_options_))
    reason_ = "the memory budget leaves too little for a device's buffers";
  else
    try {
      choice_ = std::make_unique<BackendChoice>(tile, round, output_end);
      measured_ = true;
      opener_ = std::jthread([this](const std::stop_token& stop) { open_measured(stop); });
    } catch (const std::system_error& error) {
      choice_->give_up();
      reason_ = sentence("no thread could be started to open a device: ", error.what());
    }
}

void DeviceBackend::open_measured(const std::stop_token& stop) noexcept try {
  const DeviceSetup setup = set_up_devices(options_);
  SizingOptions options = sizing_options_;
  options.device_memory = setup.memory;
  TileSizing sizing = sizing_;
  sizing.slots = 0;
  if (!add_slots(sizing, options)) throw Error(ErrorCode::resources, "--gpu-memory", "the device has too little free");
  if (stop.stop_requested()) return;
  open_ring(setup, sizing);
} catch (const std::exception& error) {
  std::lock_guard lock(mutex_);
  reason_ = error.what();
  choice_->give_up();
}

std::shared_ptr<DeviceRing> DeviceBackend::ring_for(ByteRange tile) {
  if (choice_->next(tile) == Backend::cpu) return nullptr;
  std::lock_guard lock(mutex_);
  if (ring_ && ring_->working()) return ring_;
  if (measured_) choice_->give_up();
  return nullptr;
}

std::shared_ptr<DeviceRing> DeviceBackend::ring_for_statistics() {
  if (choice_->for_statistics() == Backend::cpu) return nullptr;
  std::lock_guard lock(mutex_);
  return ring_;
}

void DeviceBackend::finish(ByteRange tile, double seconds) {
  choice_->finish(tile, seconds);
  if (measured_ && is_done()) close();
}

bool DeviceBackend::is_done() const { return choice_->settled() == Backend::cpu; }

// Whoever computes with the ring just now gives it back when done.
void DeviceBackend::close() {
  std::shared_ptr<DeviceRing> ring;
  std::lock_guard lock(mutex_);
  if (ring_) closed_ = report_of(*ring_);
  ring = std::move(ring_);
}

DeviceReport DeviceBackend::report() const {
  std::lock_guard lock(mutex_);
  DeviceReport report = ring_ ? report_of(*ring_) : closed_;
  if (choice_->settled() == Backend::device) report.used = names_;
  report.ignored = options_.choice == DeviceChoice::cuda && !reason_.empty();
  report.reason = !reason_.empty() ? reason_ : measured_ ? reason_of_measurement() : "it was asked for";
  return report;
}

std::string DeviceBackend::reason_of_measurement() const {
  if (const auto rates = choice_->measured())
    return sentence("measured over the first tiles: ", rate(rates->cpu), " on the CPU, ", rate(rates->device), " on ",
                    names_);
  if (names_.empty()) return "the merge was over before a device was open";
  return "no measurement came to its end";
}

}  // namespace ckmerge
