// SPDX-License-Identifier: Apache-2.0
#include "tests/core/merge_runs.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/device/device_list.h"
#include "core/lines/line_memory.h"
#include "core/matrices/made_matrices.h"
#include "core/orders/made_orders.h"
#include "io/checkpoint.h"
#include "tests/cuda/stand_in.h"
#include "tests/sanitized.h"

namespace ckmerge::test {

std::vector<Checkpoint> open_all(const std::vector<std::string>& paths) {
  std::vector<Checkpoint> checkpoints;
  for (const std::string& path : paths) checkpoints.push_back(open_checkpoint(path));
  return checkpoints;
}

RunReport merge(const Recipe& recipe, const std::vector<std::string>& paths, const std::string& target,
                const RunOptions& options) {
  std::vector<Checkpoint> checkpoints = open_all(paths);
  add_whole_tensors(recipe, checkpoints);
  add_orders(recipe, checkpoints);
  return run(make_plan(recipe, checkpoints), checkpoints, target, options);
}

std::vector<FileTensor> mixed(uint64_t seed) {
  return {random("a.f32", Dtype::F32, {317, 129}, seed),
          random("b.f16", Dtype::F16, {100003}, seed + 1),
          random("c.bf16", Dtype::BF16, {3, 5, 7001}, seed),
          random("d.f64", Dtype::F64, {4099}, seed),
          random("e.e4m3", Dtype::F8_E4M3, {70001}, seed),
          random("f.e5m2", Dtype::F8_E5M2, {5003}, seed),
          random("g.scalar", Dtype::F32, {}, seed),
          random("h.empty", Dtype::F16, {0, 4}, seed),
          bits("i.counter", Dtype::I64, {1}, {seed}),
          random("j.bool", Dtype::BOOL, {13}, 1),
          random("k.f16", Dtype::F16, {1}, seed)};
}

Recipe weighted(double alpha) { return {.method = "weighted_sum", .parameters = {{"alpha", {alpha}}}}; }

Recipe plain(Recipe recipe) {
  recipe.metadata = MetadataPolicy::none;
  return recipe;
}

Recipe copied(std::optional<Dtype> dtype) { return plain({.method = "copy", .dtype = dtype}); }

bool same_findings(const RunReport& a, const RunReport& b) {
  const auto same_loss = [](const StoreLoss& x, const StoreLoss& y) {
    return x.step == y.step && x.counts.saturated == y.counts.saturated && x.counts.overflowed == y.counts.overflowed &&
           x.counts.lost_inf == y.counts.lost_inf && x.counts.non_finite == y.counts.non_finite &&
           x.counts.created == y.counts.created;
  };
  return a.differing == b.differing && std::ranges::equal(a.losses, b.losses, same_loss);
}

bool has_cuda_device() {
  std::string reason;
  static const bool has = count_devices(cuda::runtime(), reason) > 0;
  return has;
}

// With one device and with two, with tiles of a page and of more than the file, with a device that is nearly full.
// Sanitizers see in two of these ways what they would see in all, and in one what threads do to each other.
void merge_on_devices(const Recipe& recipe, const std::vector<std::string>& paths, const std::string& target,
                      const std::string& reference, const RunReport& expected) {
  for (const std::vector<int>& devices : {std::vector{0}, std::vector{0, 1}})
    for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}, uint64_t{65536}})
      for (const uint64_t memory : {uint64_t{0}, uint64_t{4} << 20}) {
        if (kSanitized && (devices.size() == 1 || tile == 0 || (tile == 4096) != (memory > 0))) continue;
        if (kThreadSanitized && tile != 65536) continue;
        reset_stand_in({.devices = 2});
        RunOptions options{.replace = true, .sync = false, .threads = 3, .tile_size = tile};
        options.device = {.choice = DeviceChoice::cuda, .devices = devices, .memory = memory, .runtime = &stand_in()};
        const RunReport report = merge(recipe, paths, target, options);
        CHECK_MESSAGE(read_file(target) == reference, devices.size(), " devices ", tile, " ", memory);
        CHECK(same_findings(report, expected));
        if (!has_cuda_device() || devices.size() > 1) continue;
        options.device.runtime = cuda::runtime();
        merge(recipe, paths, target, options);
        CHECK_MESSAGE(read_file(target) == reference, "CUDA ", tile, " ", memory);
      }
}

std::string merge_every_way(const Recipe& recipe, const std::vector<std::string>& paths, const TempFolder& folder) {
  const RunReport expected = merge(recipe, paths, folder / "reference", {.replace = true, .sync = false});
  std::string reference = read_file(folder / "reference");
  CHECK(reference.size() > 8);
  // What threads do to each other is the same whichever kernels run, and one thread does nothing to itself. What
  // kernels do to memory tests of their own see.
  const KernelList all = available_kernels();
  for (const BlockKernels* kernels : std::vector(all.begin(), kSanitized ? all.begin() + 1 : all.end()))
    for (const unsigned threads : {1u, 2u, 7u})
      for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}, uint64_t{65536}}) {
        if (kSanitized && (threads == 2 || (threads == 1) != (tile == 0))) continue;
        if (kThreadSanitized && threads == 1) continue;
        merge(recipe, paths, folder / "out",
              {.replace = true, .sync = false, .threads = threads, .tile_size = tile, .kernels = kernels});
        CHECK_MESSAGE(read_file(folder / "out") == reference, kernels->isa, " ", threads, " ", tile);
      }
  merge_on_devices(recipe, paths, folder / "out", reference, expected);
  // Tables of counts, numbers of lines, or tensors that are made, beside the tiles.
  std::vector<Checkpoint> checkpoints = open_all(paths);
  add_whole_tensors(recipe, checkpoints);
  add_orders(recipe, checkpoints);
  const Plan plan = make_plan(recipe, checkpoints);
  const uint64_t whole = plan.held_whole;
  const uint64_t tables = (plan.cuts() > 0 ? 11 << 20 : 0) + line_memory(plan, checkpoints).per_worker;
  const uint64_t small = (1 << 20) + whole + tables;
  merge(recipe, paths, folder / "out", {.replace = true, .sync = false, .memory_budget = small});
  CHECK(read_file(folder / "out") == reference);
  return reference;
}

}  // namespace ckmerge::test
