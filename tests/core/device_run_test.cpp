// SPDX-License-Identifier: Apache-2.0
// What a run does with devices beside the bytes, which merge_every_way() compares: who gets what, and how much of it.
#include <doctest/doctest.h>

#include <numeric>

#include "core/device_setup.h"
#include "core/tile_sizing.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

RunOptions on_devices(std::vector<int> devices = {}, uint64_t memory = 0) {
  RunOptions options{.sync = false, .threads = 2};
  options.device = {
      .choice = DeviceChoice::cuda, .devices = std::move(devices), .memory = memory, .runtime = &stand_in()};
  return options;
}

RunOptions automatic() {
  RunOptions options{.sync = false, .threads = 2};
  options.device = {.runtime = &stand_in()};
  return options;
}

struct Files {
  TempFolder folder;
  std::string a = write_file(folder / "A", {random("w", Dtype::BF16, {1 << 20}, 1)});
  std::string b = write_file(folder / "B", {random("w", Dtype::BF16, {1 << 20}, 2)});
  std::string out = folder / "out";
};

void check_nothing_left() {
  const StandInUse use = stand_in_use();
  CHECK(use.memory == 0);
  CHECK(use.pinned == 0);
  CHECK(use.streams == 0);
  CHECK(use.events == 0);
}

}  // namespace

TEST_CASE("two devices get the tiles in turn, and give everything back") {
  Files files;
  reset_stand_in({.devices = 2});
  RunOptions options = on_devices({0, 1});
  options.tile_size = 64 << 10;
  const RunReport report = merge(weighted(0.5), {files.a, files.b}, files.out, options);
  const StandInUse use = stand_in_use();
  REQUIRE(use.launches.size() == 2);
  CHECK(use.launches[0] + use.launches[1] == 32);  // 2 MiB; what the header pushed behind them is too little to be sent
  CHECK(use.launches[0] >= 8);
  CHECK(use.launches[1] >= 8);
  CHECK(report.device.batches == 32);
  CHECK(report.device.used == "cuda:0 (stand-in), cuda:1 (stand-in)");
  CHECK(report.device.fault.empty());
  check_nothing_left();
}

TEST_CASE("only the devices that are named are used") {
  Files files;
  reset_stand_in({.devices = 3});
  merge(weighted(0.5), {files.a, files.b}, files.out, on_devices({2}));
  const StandInUse use = stand_in_use();
  REQUIRE(use.launches.size() == 3);
  CHECK(use.launches[0] + use.launches[1] == 0);
  CHECK(use.launches[2] > 0);
}

TEST_CASE("the device's memory stays within what was given, and within half of what is free if nothing was") {
  Files files;
  for (const uint64_t memory : {uint64_t{200} << 10, uint64_t{1} << 20, uint64_t{0}}) {
    reset_stand_in({.memory = 4 << 20});
    RunOptions options = on_devices({}, memory);
    options.replace = true;
    merge(weighted(0.5), {files.a, files.b}, files.out, options);
    const StandInUse use = stand_in_use();
    CHECK(use.most_memory <= (memory ? memory : 2 << 20));
    CHECK(use.most_memory > 0);
    check_nothing_left();
  }
}

TEST_CASE("pinned memory counts in the host's budget") {
  Files files;
  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  const Plan plan = make_plan(weighted(0.5), checkpoints);
  for (const uint64_t budget : {uint64_t{2} << 20, uint64_t{16} << 20, uint64_t{128} << 20}) {
    const TileSizing sizing =
        size_tiles(plan, checkpoints, {.budget = budget, .threads = 4, .device_memory = uint64_t{1} << 30});
    CHECK(sizing.memory() <= budget);
    CHECK(sizing.slot.input >= sizing.window_size);
    CHECK(sizing.slot.output == sizing.tile_size);
    CHECK(sizing.memory() >= sizing.tiles_in_flight * (sizing.tile_size + sizing.window_size + sizing.slot.input));
  }
}

TEST_CASE("a device that is required and cannot be had ends the run before anything is written") {
  Files files;
  const auto fault = [&](const RunOptions& options) {
    return failure([&] { merge(weighted(0.5), {files.a, files.b}, files.out, options); });
  };
  reset_stand_in({.devices = 0});
  CHECK(fault(on_devices()).code == ErrorCode::resources);
  reset_stand_in({.devices = 2});
  const Failure absent = fault(on_devices({0, 7}));
  CHECK(absent.code == ErrorCode::resources);
  CHECK(absent.text == "cuda:7: there is no such device; this machine has 2, numbered from cuda:0");
  reset_stand_in({.memory = 100 << 10});
  CHECK(fault(on_devices()).text.find("on the device is too small for this merge") != std::string::npos);
  CHECK(fault(on_devices({}, 1 << 20)).text.find("has 102400 bytes free") != std::string::npos);
  CHECK(files.folder.names() == std::vector<std::string>{"A", "B"});
  if (!cuda::runtime()) {
    RunOptions options = on_devices();
    options.device.runtime = nullptr;
    CHECK(fault(options).text.find("built without CUDA") != std::string::npos);
  }
  check_nothing_left();
}

TEST_CASE("a short merge, and one that only copies, do not even ask for devices") {
  Files files;
  reset_stand_in({});
  const RunReport report = merge(weighted(0.5), {files.a, files.b}, files.out, automatic());
  CHECK(report.device.used == "cpu");
  CHECK(report.device.reason == "the merge is too short to measure devices");
  CHECK(stand_in_use().calls == 0);

  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  Plan copies = make_plan(weighted(0), checkpoints);
  copies.file_size = kLeastMeasured;
  CHECK(set_up_devices({.runtime = &stand_in()}, copies).reason == "nothing has to be computed");
  CHECK(stand_in_use().calls == 0);
}

TEST_CASE("without a device, or with one that cannot be opened, automatic is the CPU and says why") {
  Files files;
  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  Plan plan = make_plan(weighted(0.5), checkpoints);
  plan.file_size = kLeastMeasured;
  reset_stand_in({.devices = 0});
  CHECK(set_up_devices({.runtime = &stand_in()}, plan).reason == "no CUDA device can be used: no device");
  reset_stand_in({.fail_call = 2});
  const DeviceSetup setup = set_up_devices({.runtime = &stand_in()}, plan);
  CHECK(setup.devices.empty());
  CHECK(setup.reason.find("injected failure") != std::string::npos);
}
