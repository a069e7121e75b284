// SPDX-License-Identifier: Apache-2.0
// Every call to the device fails once, alone and for good. Where the device was required, the run ends with exit 5 and
// nothing is there; else the CPU does the rest and the bytes are the same.
#include <doctest/doctest.h>

#include <filesystem>

#include "core/engine/run.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

struct Files {
  TempFolder folder;
  std::string a = write_file(folder / "A", tensors(1));
  std::string b = write_file(folder / "B", tensors(100), 3);
  std::string reference = folder / "reference", out = folder / "out";

  static std::vector<FileTensor> tensors(uint64_t seed) {
    return {random("a", Dtype::BF16, {70001}, seed), random("b", Dtype::F32, {3000}, seed + 1),
            bits("c", Dtype::I64, {3}, {1, 2, 3}), random("d", Dtype::F64, {2000}, seed + 2),
            random("e", Dtype::F16, {5}, seed + 3)};
  }
};

RunReport run_on_ring(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
                      bool required, std::vector<int> devices) {
  RunOptions options{.replace = true, .sync = false, .threads = 2, .tile_size = 64 << 10};
  options.device = {.choice = required ? DeviceChoice::cuda : DeviceChoice::preferred,
                    .devices = std::move(devices),
                    .runtime = &stand_in()};
  return run(plan, checkpoints, target, options);
}

void check_nothing_left() {
  const StandInUse use = stand_in_use();
  CHECK(use.memory == 0);
  CHECK(use.pinned == 0);
  CHECK(use.streams == 0);
  CHECK(use.events == 0);
}

void check_every_call(const Recipe& recipe, const std::vector<int>& devices) {
  const int count = static_cast<int>(devices.size());
  Files files;
  const std::vector<Checkpoint> checkpoints = open_all({files.a, files.b});
  const Plan plan = make_plan(recipe, checkpoints);
  merge(recipe, {files.a, files.b}, files.reference);
  const std::string reference = read_file(files.reference);
  reset_stand_in({.devices = count});
  CHECK(run_on_ring(plan, checkpoints, files.out, false, devices).device.fault.empty());
  CHECK(read_file(files.out) == reference);
  const uint64_t calls = stand_in_use().calls;
  REQUIRE(calls > 50);
  uint64_t faults = 0;
  for (uint64_t call = 1; call <= calls; ++call)
    for (const bool stays_broken : {false, true}) {
      std::filesystem::remove(files.out);
      reset_stand_in({.devices = count, .fail_call = call, .stays_broken = stays_broken});
      const RunReport report = run_on_ring(plan, checkpoints, files.out, false, devices);
      CHECK_MESSAGE(read_file(files.out) == reference, "call ", call, " of ", calls);
      faults += !report.device.fault.empty() || report.device.used == "cpu";
      check_nothing_left();

      std::filesystem::remove(files.out);
      reset_stand_in({.devices = count, .fail_call = call, .stays_broken = stays_broken});
      const Failure fault = failure([&] { run_on_ring(plan, checkpoints, files.out, true, devices); });
      if (fault.text.empty()) {  // a call that takes something back, after all was done
        CHECK(read_file(files.out) == reference);
      } else {
        CHECK(fault.code == ErrorCode::resources);
        CHECK(fault.text.find("injected failure") != std::string::npos);
        CHECK(files.folder.names() == std::vector<std::string>{"A", "B", "reference"});
      }
      check_nothing_left();
    }
  CHECK(faults > calls / 2);
}

}  // namespace

TEST_CASE("any call that fails leaves the rest to the CPU, or ends the run") { check_every_call(weighted(0.3), {0}); }

TEST_CASE("likewise of two devices, whichever fails") { check_every_call(weighted(0.3), {0, 1}); }

TEST_CASE("likewise while statistics are gathered") {
  check_every_call({.method = "slerp", .parameters = {{"t", {0.3}}}}, {0});
}
