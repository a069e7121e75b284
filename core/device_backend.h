// SPDX-License-Identifier: Apache-2.0
// The devices of one run: whether there are any, their ring, which tiles they get, and what is said about it
// afterwards.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "core/backend_choice.h"
#include "core/device_report.h"
#include "core/device_ring.h"
#include "core/device_setup.h"
#include "core/tile_sizing.h"

namespace ckmerge {

class DeviceBackend {
 public:
  /// Finds out which devices to use. Throws Error(resources), as set_up_devices() does.
  DeviceBackend(const DeviceOptions& options, const Plan& plan);

  /// Sizes the tiles, for devices too if there are any, and opens those. Throws Error(resources) where the budget is
  /// too small, or a device that is required cannot be opened.
  TileSizing open(const Plan& plan, std::span<const Checkpoint> checkpoints, SizingOptions options);

  DeviceRing* ring() const { return ring_.get(); }
  BackendChoice& choice() { return *choice_; }
  DeviceReport report() const;

 private:
  void do_without(std::string reason);
  bool choose(uint64_t file_size, const TileSizing& sizing);

  DeviceSetup setup_;
  std::unique_ptr<DeviceRing> ring_;
  std::unique_ptr<BackendChoice> choice_;
};

}  // namespace ckmerge
