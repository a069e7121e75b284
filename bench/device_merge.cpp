// SPDX-License-Identifier: Apache-2.0
// usage: ckmerge-bench-device-merge A B OUT
// weighted_sum of two checkpoints in the page cache, to a sink that keeps nothing and to OUT (on a tmpfs), by the CPU
// and by the first device in turn, with the default memory budget and with a large one, against pinned copies in the
// same run. Prints rows of bench/README.md's GPU table.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/device_timing.h"
#include "core/ckmerge.h"

namespace {

using namespace ckmerge;

constexpr unsigned kRounds = 7;
constexpr double kBar = 0.8;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + static_cast<ptrdiff_t>(values.size() / 2));
  return values[values.size() / 2];
}

struct Sink {
  const char* name;
  bool discard;
};

void bench_sink(const Sink& sink, uint64_t budget, const Plan& plan, const std::vector<Checkpoint>& checkpoints,
                const std::string& out, double bus_in) {
  RunOptions options{.replace = true, .sync = false, .discard = sink.discard, .memory_budget = budget};
  std::vector<double> seconds[2];
  for (unsigned round = 0; round < kRounds + 1; ++round)
    for (const DeviceChoice choice : {DeviceChoice::cpu, DeviceChoice::cuda}) {
      options.device.choice = choice;
      const RunReport report = run(plan, checkpoints, out, options);
      if (round > 0) seconds[choice == DeviceChoice::cuda].push_back(report.seconds);
    }
  const double cpu = median(seconds[0]), device = median(seconds[1]);
  const double in = static_cast<double>(plan.bytes_to_read) / device;
  std::printf("| %s | %llu MiB | %.3f | %.3f | %.2f | %s | %.2f | %s |\n", sink.name,
              static_cast<unsigned long long>(budget >> 20), cpu, device, cpu / device, bench::gigabytes(in).c_str(),
              in / bus_in,
              !sink.discard         ? ""
              : in >= kBar * bus_in ? "met"
                                    : "**UNMET**");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: ckmerge-bench-device-merge A B OUT\n");
    return 2;
  }
  const cuda::Runtime* const runtime = bench::runtime_with_device();
  if (!runtime) return 77;
  const double bus_in = bench::TimedDevice(*runtime).bus_rates().in_beside_out;
  std::vector<Checkpoint> checkpoints;
  for (const char* path : {argv[1], argv[2]}) checkpoints.push_back(open_checkpoint(path));
  const Plan plan = make_plan({.method = "weighted_sum", .parameters = {{"alpha", {0.3}}}}, checkpoints);
  std::printf("Pinned copies in, beside as many out: %s GB/s. Medians of %u, CPU and device in turn.\n\n",
              bench::gigabytes(bus_in).c_str(), kRounds);
  std::printf(
      "| weighted_sum, from page cache to | memory | CPU, s | device, s | CPU / device | in over the bus, GB/s | of "
      "the pinned "
      "copy | at least %.2f |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n",
      kBar);
  for (const Sink& sink : {Sink{"nowhere", true}, Sink{"tmpfs", false}})
    for (const uint64_t budget : {RunOptions().memory_budget, uint64_t{1} << 30})
      bench_sink(sink, budget, plan, checkpoints, argv[3], bus_in);
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return static_cast<int>(error.code());
}
