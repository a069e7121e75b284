// SPDX-License-Identifier: Apache-2.0
// Checkpoints that are accumulated give the bytes, reports and refusals of those that are read together.
#include <doctest/doctest.h>

#include <limits>

#include "core/plan/sum_terms.h"
#include "core/read/tile_sizing.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/cuda/stand_in.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr size_t kMany = 11;

Recipe soup(const std::vector<double>& weights) {
  return {.method = "linear", .parameters = {{"weights", weights}, {"normalize", {0}}}};
}

std::vector<std::string> write_many(const TempFolder& folder, size_t count = kMany) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k) {
    std::vector<FileTensor> tensors = mixed(k);
    if (k % 3 == 1) tensors[1] = random("b.f16", Dtype::BF16, {100003}, k);  // dtypes may differ
    if (k == 4) tensors[9] = bits("j.bool", Dtype::I8, {13}, std::vector<uint64_t>(13, 1));
    paths.push_back(write_file(folder / ("in" + std::to_string(k)), tensors));
  }
  return paths;
}

std::string run_together(Plan plan, std::span<const Checkpoint> checkpoints, const std::string& target) {
  plan.accumulates = false;
  run(plan, checkpoints, target, {.replace = true, .sync = false});
  return read_file(target);
}

const std::vector<double> kWeights{0.5, 1, 0.25, -0.125, 0, 1.5, 1, 0.3, 0.07, -1, 0.01};

}  // namespace

TEST_CASE("many checkpoints are accumulated, few are not") {
  TempFolder folder;
  const auto paths = write_many(folder);
  CHECK(make_plan(soup(kWeights), open_all(paths)).accumulates);
  const std::vector<std::string> few(paths.begin(), paths.begin() + 8);
  CHECK_FALSE(make_plan(soup({1, 2, 3, 4, 5, 6, 7, 8}), open_all(few)).accumulates);
}

TEST_CASE("accumulated or together, the bytes are the same, whatever the weights") {
  TempFolder folder;
  const auto paths = write_many(folder);
  const auto checkpoints = open_all(paths);
  std::vector<double> first_one = kWeights, uniform(kMany, 1.0 / kMany), only_last(kMany, 0);
  std::swap(first_one[0], first_one[1]);
  only_last[kMany - 1] = 0.75;
  only_last[0] = 1;
  for (const auto& weights : {kWeights, first_one, uniform, only_last})
    for (const std::optional<Dtype> dtype :
         {std::optional<Dtype>(), std::optional(Dtype::F8_E4M3), std::optional(Dtype::F64)}) {
      Recipe recipe = soup(weights);
      recipe.dtype = dtype;
      recipe.nan = NanPolicy::warn;
      Plan plan = make_plan(recipe, checkpoints);
      plan.accumulates = true;
      run(plan, checkpoints, folder / "out", {.replace = true, .sync = false});
      CHECK(read_file(folder / "out") == run_together(std::move(plan), checkpoints, folder / "together"));
    }
}

TEST_CASE("what is accumulated does not depend on threads, tiles, ISA or budget") {
  TempFolder folder;
  const auto paths = write_many(folder);
  merge_every_way(soup(kWeights), paths, folder);
}

TEST_CASE("devices read many together, and where memory is too little for that the CPU accumulates and says so") {
  TempFolder folder;
  const auto paths = write_many(folder);
  const RunReport accumulates = merge(soup(kWeights), paths, folder / "reference", {.sync = false});
  for (const uint64_t budget : {uint64_t{128} << 20, uint64_t{400} << 10}) {
    reset_stand_in({});
    RunOptions options{.replace = true, .sync = false, .memory_budget = budget, .threads = 1};
    options.device = {.choice = DeviceChoice::cuda, .runtime = &stand_in()};
    const RunReport report = merge(soup(kWeights), paths, folder / "out", options);
    CHECK(read_file(folder / "out") == read_file(folder / "reference"));
    CHECK(report.differing == accumulates.differing);
    const bool enough = budget > 1 << 20;
    CHECK((report.device.batches > 0) == enough);
    CHECK(report.device.ignored == !enough);
    if (!enough) CHECK(report.device.reason.find("a memory budget of 409600 bytes is too small") == 0);
  }
}

TEST_CASE("integers that differ in one of many checkpoints are found, those of another dtype too") {
  TempFolder folder;
  const auto paths = write_many(folder);
  const auto checkpoints = open_all(paths);
  Plan plan = make_plan(soup(kWeights), checkpoints);
  const RunReport accumulates = run(plan, checkpoints, folder / "out", {.sync = false});
  plan.accumulates = false;
  const RunReport together = run(plan, checkpoints, folder / "together", {.sync = false});
  CHECK(accumulates.differing.size() == 2);
  CHECK(accumulates.differing == together.differing);
}

TEST_CASE("NaN that the sum made and NaN that an input had are told apart") {
  TempFolder folder;
  const float inf = std::numeric_limits<float>::infinity(), large = 3e38f;
  std::vector<std::string> paths;
  for (size_t k = 0; k < kMany; ++k)
    paths.push_back(
        write_file(folder / ("in" + std::to_string(k)),
                   {f32("w", {4}, {large, k == 7 ? inf : 1, k == 3 ? -inf : 2, float(k)}), f32("x", {1}, {2})}));
  const Recipe sum = soup(std::vector<double>(kMany, 1));
  const Failure fault = failure([&] { merge(sum, paths, folder / "out"); });
  CHECK(fault.code == ErrorCode::mismatch);
  CHECK(fault.details == std::vector<std::string>{"w: 1 value"});
  Recipe taken = sum;
  taken.nan = NanPolicy::warn;
  const RunReport report = merge(taken, paths, folder / "out");
  REQUIRE(report.losses.size() == 1);
  CHECK(report.losses[0].counts.created == 1);
  CHECK(report.losses[0].counts.non_finite == 3);
}

TEST_CASE("the memory of an accumulating merge does not grow with the checkpoints") {
  TempFolder folder;
  const auto paths = write_many(folder, 60);
  const auto checkpoints = open_all(paths);
  const auto memory = [&](size_t count) {
    const auto some = std::span(checkpoints).first(count);
    const Plan plan = make_plan(soup(std::vector<double>(count, 1.0 / count)), some);
    return size_tiles(plan, some, {.budget = uint64_t{128} << 20, .threads = 2, .tile_size = 65536}).memory();
  };
  CHECK(memory(60) == memory(9));
}

TEST_CASE("hashes are recorded of inputs that are accumulated") {
  TempFolder folder;
  const auto paths = write_many(folder);
  Recipe recipe = soup(kWeights);
  recipe.hash = true;
  const RunReport report = merge(recipe, paths, folder / "out", {.sync = false, .verify = true, .hash = true});
  CHECK(report.input_hashes.size() == kMany);
  CHECK(report.verified);
}

TEST_CASE("a program is a sum when it adds products from the left, and only then") {
  const Instruction x0{.op = Op::load}, x1{.op = Op::load, .dst = 1, .operand = 1};
  CHECK(sum_terms({.code = {x0}}) == std::vector<SumTerm>{{0, 1}});
  CHECK(sum_terms({.code = {x0, x1, {.op = Op::mix, .b = 1, .k0 = 2, .k1 = 3}}}) ==
        std::vector<SumTerm>{{0, 2}, {1, 3}});
  CHECK_FALSE(sum_terms({.code = {x0, x1, {.op = Op::subtract, .b = 1}}}));
  const Instruction scale{.op = Op::scale, .k0 = 2};
  CHECK_FALSE(sum_terms({.code = {x0, scale, scale}}));  // two roundings
  CHECK_FALSE(sum_terms({.code = {x0, x1, {.op = Op::add, .b = 1}, scale}}));
  CHECK_FALSE(sum_terms({.code = {x0, x1, {.op = Op::mix, .b = 1, .k0 = 2, .k1 = 3, .slot0 = 0}}}));
}
