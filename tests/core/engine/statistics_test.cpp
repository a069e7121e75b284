// SPDX-License-Identifier: Apache-2.0
// The statistics pass: its sums, bit for bit, and the merges that hang on them.
#include "core/engine/statistics.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <random>

#include "core/engine/statistics_worker.h"
#include "core/engine/work_queue.h"
#include "core/threads/semaphore.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/core/reference.h"
#include "tests/kernels/naive_cut.h"
#include "tests/kernels/oracle.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe slerp(double t) { return {.method = "slerp", .parameters = {{"t", {t}}}}; }

// Tensors of no, one and several reduction blocks, which end at odd places, and such as need no statistics.
std::vector<FileTensor> tensors(Dtype dtype, uint64_t seed) {
  return {random("a.large", dtype, {5, 70001}, seed),  random("b.block", dtype, {65536}, seed + 1),
          random("c.blocks", dtype, {131072}, seed),   random("d.one", dtype, {1}, seed + 2),
          random("e.scalar", dtype, {}, seed + 3),     random("f.empty", dtype, {0, 4}, seed),
          random("g.odd", Dtype::F32, {65537}, seed),  bits("h.counter", Dtype::I64, {1}, {7}),
          random("i.small", dtype, {3, 17}, seed + 4), random("j.double", Dtype::F64, {66000}, seed)};
}

// Values from 1 to 2, so that every one counts in a sum and the order of additions shows.
FileTensor even(const std::string& name, uint64_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<float> values(count);
  for (float& value : values) value = 1 + static_cast<float>(generator() >> 8) * 0x1p-24f;
  return f32(name, {count}, values);
}

std::vector<double> values(const FileTensor& tensor) {
  std::vector<double> all;
  for (size_t at = 0; at < tensor.bytes.size(); at += element_size(tensor.dtype))
    all.push_back(oracle::read(tensor.dtype, tensor.bytes.data() + at));
  return all;
}

// The coefficients of a step, gathered range by range in the order given.
std::vector<double> gathered(const Plan& plan, std::span<const Checkpoint> checkpoints, uint32_t step,
                             const std::vector<ByteRange>& ranges, uint64_t piece_size, const BlockKernels& kernels) {
  Statistics statistics(plan);
  WindowBatch windows(checkpoints, 8 * piece_size + 64 * 4096);
  Semaphore semaphore(1);
  StatisticsWorker worker(plan, checkpoints, windows, statistics,
                          {.kernels = &kernels, .piece_size = piece_size, .semaphore = &semaphore});
  for (size_t level = 0; level < statistics.levels(); ++level)
    for (const ByteRange range : ranges) worker.compute(range, level);
  return statistics.coefficients(step);
}

std::vector<ByteRange> cut(uint64_t size, uint64_t every) {
  std::vector<ByteRange> ranges;
  for (uint64_t at = 0; at < size; at += every) ranges.push_back({at, std::min(size, at + every)});
  return ranges;
}

}  // namespace

TEST_CASE("a range behind the last block of a tensor does not wait for that tensor when it is done and gone") {
  TempFolder folder;
  const std::vector<FileTensor> both{even("a", 70000, 1), even("b", 70000, 2)};
  const auto checkpoints = open_all({write_file(folder / "A", both), write_file(folder / "B", both, 1)});
  const Plan plan = make_plan(slerp(0.3), checkpoints);
  Statistics statistics(plan);
  const uint64_t end = plan.steps[0].offset + plan.steps[0].size;
  statistics.release_before(end);
  int asked = 0;
  const StopFlag give_up(std::function<bool()>([&] { return ++asked > 4; }));
  const std::function<void(const Progress&)> nobody;
  ThreadPool pool({.on_progress = nobody, .stop = give_up}, Stage::merge, 1);
  CHECK_NOTHROW(pool.run(1, [&] { statistics.wait_for({end - 4, end}, 1, pool); }));
}

TEST_CASE("a walk that cannot begin for lack of room is begun by nobody else either") {
  TempFolder folder;
  const auto checkpoints = open_all({write_file(folder / "A", {random("w", Dtype::F32, {3, 5000}, 1)}),
                                     write_file(folder / "B", {random("w", Dtype::F32, {3, 5000}, 2)}, 1)});
  const Plan plan = make_plan(plain({.method = "add_cosine_a", .parameters = {{"alpha", {0.2}}}}), checkpoints);
  LineStore store(0, folder / "no/folder/out");
  Statistics statistics(plan, checkpoints, &store);
  for (int worker = 0; worker < 3; ++worker) CHECK_THROWS_AS(statistics.walk(0, 0), Error);
}

TEST_CASE("sums are those of 64 Ki blocks in order, however the file is cut and in whatever order ranges come") {
  TempFolder folder;
  const FileTensor a = even("w", 400 * 1009, 1), b = even("w", 400 * 1009, 2);
  const auto checkpoints = open_all({write_file(folder / "A", {a}), write_file(folder / "B", {b}, 1)});
  const Plan plan = make_plan(slerp(0.3), checkpoints);
  const Method& method = *find_method("slerp");
  std::vector<double> sums, expected(2);
  for (const auto& [x, y] : {std::pair(a, a), std::pair(b, b), std::pair(a, b)})
    sums.push_back(sum_of_products(values(x), values(y)));
  method.tensor_coefficients(plan.coefficients, {.numbers = sums}, expected);
  for (const BlockKernels* kernels : available_kernels())
    for (const uint64_t every : {4096u, 65536u, 1u << 20}) {
      if (kSanitized && every != 65536) continue;
      std::vector<ByteRange> ranges = cut(plan.end(), every);
      CHECK(gathered(plan, checkpoints, 0, ranges, every, *kernels) == expected);
      for (unsigned seed = 0; seed < 5; ++seed) {
        std::shuffle(ranges.begin(), ranges.end(), std::mt19937(seed));
        CHECK(gathered(plan, checkpoints, 0, ranges, 65536, *kernels) == expected);
      }
    }
}

namespace {

// Leaves what each round found in slots of its own, and how many elements there were.
void note(std::span<const double>, const TensorStatistics& found, std::span<double> out) {
  std::ranges::copy(found.numbers, out.begin() + (found.round == 0 ? 0 : 9));
  out.back() = static_cast<double>(found.count);
}
const Method kNoting{.spec = find_method("slerp")->spec,
                     .reductions = find_method("slerp")->reductions,
                     .needs_statistics = find_method("slerp")->needs_statistics,
                     .tensor_coefficients = note,
                     .coefficient_count = find_method("slerp")->coefficient_count,
                     .coefficients = find_method("slerp")->coefficients,
                     .made = nullptr,
                     .trace = find_method("slerp")->trace};

uint64_t third(const std::array<double, 2>&, uint64_t count) { return count / 3; }

// All kinds of A, and after that the count of those of B that lie below what stays of A.
StatisticSet all_kinds() {
  const Program a{.code = {{.op = Op::load}}}, b{.code = {{.op = Op::load, .operand = 1}}};
  const Program staying{.code = {{.op = Op::load},
                                 {.op = Op::stays, .slot0 = 3, .slot1 = 4},
                                 {.op = Op::zero, .dst = 1},
                                 {.op = Op::load, .dst = 2, .operand = 1},
                                 {.op = Op::select, .a = 0, .b = 1, .c = 2}}};
  StatisticSet set{.reductions = {}, .coefficients = {}, .slot_count = 11};
  set.reductions = {{.value = a},
                    {.value = a, .how = Reduce::maximum},
                    {.value = a, .how = Reduce::count},
                    {.value = a, .how = Reduce::cut, .cut = {{}, third}},
                    {.value = b, .how = Reduce::cut, .cut = {{}, third, true}},
                    {.value = b, .how = Reduce::cut, .cut = {{}, third, false, true}},
                    {.value = staying, .how = Reduce::count, .level = 4}};
  const std::vector<double> given(11, -1);
  set.coefficients = {
      {.method = &kNoting, .given = given, .round = 0, .first_reduction = 0, .reduction_count = 6, .level = 3},
      {.method = &kNoting, .given = given, .round = 1, .first_reduction = 6, .reduction_count = 1, .level = 4}};
  return set;
}

}  // namespace

TEST_CASE("largest, counts and cuts, in rounds, however the file is cut and in whatever order ranges come") {
  constexpr uint64_t kCount = 300 * 1009;
  std::vector<float> of_a(kCount), of_b(kCount);
  std::mt19937 generator(7);
  for (uint64_t i = 0; i < kCount; ++i) {
    of_a[i] = static_cast<float>(generator() % 900) - 450;
    of_b[i] = static_cast<float>(generator() % 3);
  }
  TempFolder folder;
  const auto checkpoints = open_all(
      {write_file(folder / "A", {f32("w", {kCount}, of_a)}), write_file(folder / "B", {f32("w", {kCount}, of_b)}, 1)});
  Plan plan = make_plan(slerp(0.3), checkpoints);
  plan.statistics[0] = all_kinds();
  const auto [least, end] = naive_cut(of_a, kCount / 3);
  const std::vector<bool> stays = among_largest(of_a, 0, kCount / 3);
  const auto not_zero = static_cast<uint64_t>(kCount - static_cast<uint64_t>(std::ranges::count(of_b, 0.0f)));
  const auto [least_b, end_b] = naive_cut(of_b, not_zero / 3);
  double counted = 0, left = 0;
  for (uint64_t i = 0; i < kCount; ++i) counted += of_a[i] != 0, left += !stays[i] && of_b[i] != 0;
  const std::vector<double> a(of_a.begin(), of_a.end()), ones(kCount, 1);
  const std::vector<double> expected = {sum_of_products(a, ones),
                                        std::fabs(of_a[by_magnitude(of_a)[0]]),
                                        counted,
                                        least,
                                        end,
                                        least_b,
                                        end_b,
                                        naive_cut(of_b, kCount / 3).first,
                                        double(kCount),
                                        left,
                                        double(kCount)};
  for (const BlockKernels* kernels : available_kernels())
    for (const uint64_t every : {4096u, 65536u, 1u << 20}) {
      if (kSanitized && every != 65536) continue;
      std::vector<ByteRange> ranges = cut(plan.end(), every);
      CHECK(gathered(plan, checkpoints, 0, ranges, every, *kernels) == expected);
      std::shuffle(ranges.begin(), ranges.end(), std::mt19937(3));
      CHECK(gathered(plan, checkpoints, 0, ranges, 65536, *kernels) == expected);
    }
}

TEST_CASE("slerp gives the same bytes whatever the tiles, and those of a loop over whole tensors") {
  for (const Dtype dtype : {Dtype::BF16, Dtype::F32}) {
    TempFolder folder;
    const auto a = tensors(dtype, 1), b = tensors(dtype, 50);
    const auto pa = write_file(folder / "A", a), pb = write_file(folder / "B", b, 3);
    merge_every_way(slerp(0.3), {pa, pb}, folder);
    check_file(folder / "reference", slerp(0.3), {a, b});
  }
}

TEST_CASE("slerp over heads alone, or over rows whose tails count as zero in B") {
  TempFolder folder;
  const auto layers = [](uint64_t channels, uint64_t seed) {
    return std::vector<FileTensor>{random("a.conv", Dtype::F16, {320, channels, 3, 3}, seed),
                                   random("b.long", Dtype::F16, {3, channels, 30011}, seed + 1),
                                   random("c.flat", Dtype::F16, {20000, channels}, seed + 2)};
  };
  const auto a = layers(9, 1), b = layers(4, 20);
  const auto pa = write_file(folder / "A", a), pb = write_file(folder / "B", b, 1);
  for (const ExpandPolicy policy : {ExpandPolicy::copy, ExpandPolicy::zero}) {
    Recipe recipe = slerp(0.4);
    recipe.expand = policy;
    merge_every_way(recipe, {pa, pb}, folder);
    check_file(folder / "reference", recipe, {a, b});
  }
}

TEST_CASE("many small tensors share units of the first pass") {
  TempFolder folder;
  std::vector<FileTensor> a, b;
  for (uint64_t i = 0; i < (kThreadSanitized ? 600 : 3000); ++i) {
    a.push_back(random("t" + std::to_string(10000 + i), Dtype::BF16, {i % 40}, i));
    b.push_back(random("t" + std::to_string(10000 + i), Dtype::BF16, {i % 40}, i + 9999));
  }
  const auto pa = write_file(folder / "A", a), pb = write_file(folder / "B", b);
  merge(slerp(0.3), {pa, pb}, folder / "out", {.sync = false, .threads = 3, .tile_size = 8192});
  check_file(folder / "out", slerp(0.3), {a, b});
}

TEST_CASE("slerp with hashes and verification, all at once, gives the same bytes") {
  TempFolder folder;
  const auto pa = write_file(folder / "A", tensors(Dtype::BF16, 1)),
             pb = write_file(folder / "B", tensors(Dtype::BF16, 50), 3);
  Recipe recipe = slerp(0.3);
  recipe.hash = true;
  const std::string sha256 = merge(recipe, {pa, pb}, folder / "out", {.sync = false, .hash = true}).sums[0].sha256;
  for (const unsigned threads : {1u, 2u, 7u}) {
    const RunReport report =
        merge(recipe, {pa, pb}, folder / "out",
              {.replace = true, .sync = false, .verify = true, .hash = true, .threads = threads, .tile_size = 4096});
    CHECK(report.sums[0].sha256 == sha256);
    CHECK(report.verified);
  }
}

TEST_CASE("an input that is truncated before its statistics are gathered ends the run as truncated") {
  TempFolder folder;
  const auto a = write_file(folder / "A", tensors(Dtype::BF16, 1)),
             b = write_file(folder / "B", tensors(Dtype::BF16, 2));
  const auto checkpoints = open_all({a, b});
  const Plan plan = make_plan(slerp(0.5), checkpoints);
  std::filesystem::resize_file(b, 5000);
  for (const unsigned threads : {1u, 7u}) {
    const Failure fault = failure(
        [&] { run(plan, checkpoints, folder / "out", {.sync = false, .threads = threads, .tile_size = 4096}); });
    CHECK(fault.code == ErrorCode::malformed);
    CHECK(folder.names() == std::vector<std::string>{"A", "B"});
  }
}

TEST_CASE("statistics are handed out before the tiles that wait for them, everything once, and no further ahead") {
  TempFolder folder;
  const auto a = write_file(folder / "A", tensors(Dtype::BF16, 1)),
             b = write_file(folder / "B", tensors(Dtype::BF16, 2));
  const auto checkpoints = open_all({a, b});
  const Plan plan = make_plan(slerp(0.3), checkpoints);
  WorkQueue queue(plan, 4096, 1, 2);
  uint64_t tiles = 0, statistics = 0;
  while (const auto unit = queue.next()) {
    uint64_t& at = unit->statistics ? statistics : tiles;
    CHECK(unit->range.begin == at);
    at = unit->range.end;
    if (unit->statistics) continue;
    const size_t ahead = first_step_after(plan, std::min(plan.end(), unit->range.end + 2 * 4096) - 1);
    const uint64_t needed = plan.steps[ahead].offset + plan.steps[ahead].size;
    CHECK(statistics >= needed);
    CHECK(statistics < needed + 4096);
  }
  CHECK(tiles == plan.end());
  CHECK(statistics == plan.end());
}

TEST_CASE("a plan without statistics has tiles only, and the queue knows what is finished") {
  TempFolder folder;
  const auto a = write_file(folder / "A", tensors(Dtype::BF16, 1)),
             b = write_file(folder / "B", tensors(Dtype::BF16, 2));
  const auto checkpoints = open_all({a, b});
  const Plan plan = make_plan(weighted(0.3), checkpoints);
  WorkQueue queue(plan, 65536, 0, 2);
  const auto first = queue.next(), second = queue.next(), third = queue.next();
  CHECK_FALSE(first->statistics);
  CHECK(queue.finish(second->range) == 0);
  CHECK(queue.finish(first->range) == third->range.begin);
  CHECK(queue.finish(third->range) == third->range.end);
}
