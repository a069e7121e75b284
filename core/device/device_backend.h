// SPDX-License-Identifier: Apache-2.0
// The devices of one run: whether there are any, their ring, which tiles they get, and what is said about it
// afterwards. Devices that were named are opened before the merge begins. Those that are to be measured are opened
// beside it, on a thread of their own, because a driver takes some tenths of a second; and when the CPU turns out to be
// as fast, they and the pinned memory are given back.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>

#include "core/device/backend_choice.h"
#include "core/device/device_report.h"
#include "core/device/device_ring.h"
#include "core/device/device_setup.h"
#include "core/read/tile_sizing.h"

namespace ckmerge {

class DeviceBackend {
 public:
  /// Sizes the tiles, and opens the devices or begins to. Throws Error(resources) where the budget is too small, or a
  /// device that is required cannot be opened. Everything that it is given outlives it.
  DeviceBackend(const DeviceOptions& options, const Plan& plan, std::span<const Checkpoint> checkpoints,
                const SizingOptions& sizing);

  const TileSizing& sizing() const { return sizing_; }

  /// The ring that computes a tile; null: the CPU does. Who holds it keeps it from being given back.
  std::shared_ptr<DeviceRing> ring_for(ByteRange tile);
  std::shared_ptr<DeviceRing> ring_for_statistics();
  /// Notes that a tile is done, `seconds` after the first began.
  void finish(ByteRange tile, double seconds);
  /// Whether the CPU gets every tile that is left.
  bool is_done() const;

  /// REQUIRES: all tiles are done.
  DeviceReport report() const;

 private:
  void open_named(const Plan& plan, std::span<const Checkpoint> checkpoints);
  void open_ring(const DeviceSetup& setup, const TileSizing& sizing);
  void measure(uint64_t output_end);
  void open_measured(const std::stop_token& stop) noexcept;
  void close();
  std::string reason_of_measurement() const;

  const DeviceOptions& options_;
  SizingOptions sizing_options_;
  TileSizing sizing_;
  std::unique_ptr<BackendChoice> choice_ = std::make_unique<BackendChoice>(Backend::cpu);
  bool measured_ = false;

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<DeviceRing> ring_;
  std::string reason_;   // why there is none
  std::string names_;    // of the devices that were opened
  DeviceReport closed_;  // of a ring that was given back

  std::jthread opener_;  // the last, so that it is joined before the others end
};

}  // namespace ckmerge
