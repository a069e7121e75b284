// SPDX-License-Identifier: Apache-2.0
// What a run does with devices beside the bytes, which merge_every_way() compares: who gets what, and how much of it.
#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <thread>

#include "core/device/device_backend.h"
#include "core/read/tile_sizing.h"
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
    const TileSizing sizing = size_tiles(
        plan, checkpoints, {.budget = budget, .threads = 4, .devices = 1, .device_memory = uint64_t{1} << 30});
    CHECK(sizing.memory() <= budget);
    CHECK(sizing.slot.input >= sizing.window_size);
    CHECK(sizing.slot.output == sizing.tile_size);
    CHECK(sizing.slots >= 1);
    CHECK(sizing.memory() >=
          sizing.tiles_in_flight * (sizing.tile_size + sizing.window_size) + sizing.slots * sizing.slot.input);
  }
}

TEST_CASE("devices get large tiles and slots for every leg of the way, and what is given is enough for them") {
  Files files;
  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  Plan plan = make_plan(weighted(0.5), checkpoints);
  plan.files[0].place.end = 8ull << 30;
  const auto sized = [&](unsigned threads, unsigned devices, uint64_t memory) {
    return size_tiles(plan, checkpoints,
                      {.budget = 128ull << 20, .threads = threads, .devices = devices, .device_memory = memory});
  };
  for (const unsigned threads : {1u, 2u, 8u, 16u, 64u})
    for (const unsigned devices : {1u, 2u}) {
      const TileSizing sizing = sized(threads, devices, 1ull << 30);
      CHECK(sizing.tile_size >= 1 << 20);
      CHECK(sizing.slots >= 4 * devices);
      CHECK(sizing.tiles_in_flight >= 8);
      CHECK(sizing.memory() <= 128ull << 20);
    }
  // A driver hands out 2 MiB at a time, and no more than was given.
  const TileSizing little = sized(2, 1, 15ull << 20);
  CHECK(little.slots >= 4);
  CHECK(little.slots * little.slot.on_device() <= 14ull << 20);
  // Tiles that were sized without a device keep their size.
  const SizingOptions alone{.budget = 128ull << 20, .threads = 16};
  TileSizing sizing = size_tiles(plan, checkpoints, alone);
  const uint64_t tile = sizing.tile_size;
  SizingOptions beside = alone;
  beside.devices = 1;
  REQUIRE(add_slots(sizing, beside));
  CHECK(sizing.tile_size == tile);
  CHECK(sizing.slots >= 4);
  CHECK(sizing.memory() <= 128ull << 20);
  beside.budget = sizing.memory() - sizing.slots * sizing.slot.input + 3 * sizing.slot.input;
  sizing.slots = 0;
  CHECK_FALSE(add_slots(sizing, beside));
  CHECK(sizing.slots == 0);
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

TEST_CASE("a short merge, one that only copies, and a machine with little memory do not even ask for devices") {
  Files files;
  reset_stand_in({});
  const RunReport report = merge(weighted(0.5), {files.a, files.b}, files.out, automatic());
  CHECK(report.device.used == "cpu");
  CHECK(report.device.reason == "the merge is too short to measure devices");

  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  Plan copies = make_plan(weighted(0), checkpoints), plan = make_plan(weighted(0.5), checkpoints);
  copies.files[0].place.end = plan.files[0].place.end = kLeastMeasured;
  const DeviceOptions options{.runtime = &stand_in()};
  CHECK(needless_reason(options, copies, UINT64_MAX) == "nothing has to be computed");
  CHECK(needless_reason(options, plan, UINT64_MAX) == "");
  CHECK(needless_reason(options, plan, kLeastAvailable) == "");
  CHECK(needless_reason(options, plan, kLeastAvailable - 1) ==
        "a GPU's driver would need too much of the memory that is available");
  CHECK(stand_in_use().calls == 0);
}

namespace {

// The tiles of a merge of 4 GiB that take so long on each backend.
struct Played {
  uint64_t on_device = 0;
  DeviceReport report;
};
Played play(const DeviceOptions& options, double cpu_seconds, double device_seconds) {
  Files files;
  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  Plan plan = make_plan(weighted(0.5), checkpoints);
  plan.files[0].place.end = 4ull << 30;
  DeviceBackend backend(options, plan, checkpoints, {.budget = 128ull << 20, .threads = 2});
  const uint64_t tile_size = backend.sizing().tile_size;
  // The first tile waits for the device, which is opened beside it.
  while (backend.report().reason == "the merge was over before a device was open")
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  double now = 0;
  Played played;
  for (uint64_t at = 0; at < plan.end(); at += tile_size) {
    const std::shared_ptr<DeviceRing> ring = backend.ring_for({at, at + tile_size});
    played.on_device += ring != nullptr;
    backend.finish({at, at + tile_size}, now += ring ? device_seconds : cpu_seconds);
  }
  CHECK((stand_in_use().pinned > 0) == (backend.report().used != "cpu"));
  played.report = backend.report();
  return played;
}

}  // namespace

TEST_CASE("automatic opens a device beside the first tiles, measures it and keeps it or gives it back") {
  reset_stand_in({});
  const Played faster = play({.runtime = &stand_in()}, 2, 1);
  CHECK(faster.report.used == "cuda:0 (stand-in)");
  CHECK(faster.report.reason.find("measured over the first tiles: 0.00 GB/s on the CPU") == 0);
  CHECK(faster.on_device > 1000);
  check_nothing_left();
  reset_stand_in({});
  const Played slower = play({.runtime = &stand_in()}, 1, 1);
  CHECK(slower.report.used == "cpu");
  CHECK(slower.report.reason.find("measured over the first tiles") == 0);
  CHECK(slower.report.slots >= 4);
  CHECK(slower.on_device == 3 * 32);  // rounds of 64 MiB
  check_nothing_left();
}

TEST_CASE("without a device, or with one that cannot be opened, automatic is the CPU and says why") {
  reset_stand_in({.devices = 0});
  CHECK(play({.runtime = &stand_in()}, 1, 1).report.reason == "no CUDA device can be used: no device");
  for (const uint64_t call : {2, 3, 4, 8, 12}) {
    reset_stand_in({.fail_call = call});
    const Played played = play({.runtime = &stand_in()}, 1, 0.1);
    CHECK(played.on_device == 0);
    CHECK(played.report.used == "cpu");
    CHECK(played.report.reason.find("injected failure") != std::string::npos);
    check_nothing_left();
  }
  reset_stand_in({.memory = 1 << 20});
  CHECK(play({.runtime = &stand_in()}, 1, 1).report.reason == "the device has too little free");
  if (!cuda::runtime()) CHECK(play({}, 1, 1).report.reason == "this ckmerge was built without CUDA");
}
