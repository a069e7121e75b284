// SPDX-License-Identifier: Apache-2.0
// Several plans run together, against the same plans run one by one.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/statistics.h"
#include "core/orders/made_orders.h"
#include "io/checkpoint.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Plans over the same files and where they go to.
class Sweep {
 public:
  Sweep(const std::vector<std::string>& paths, const std::vector<Recipe>& recipes, const TempFolder& folder)
      : checkpoints_(open_all(paths)) {
    for (const Recipe& recipe : recipes) add_orders(recipe, checkpoints_);
    for (const Recipe& recipe : recipes) {
      plans_.push_back(make_plan(recipe, checkpoints_));
      targets_.push_back(folder / ("together" + std::to_string(targets_.size())));
    }
    for (size_t k = 0; k < plans_.size(); ++k) runs_.push_back({.plan = &plans_[k], .targets = {&targets_[k], 1}});
  }

  std::vector<RunReport> run(const RunOptions& options) const { return ckmerge::run(runs_, checkpoints_, options); }
  const std::string& target(size_t k) const { return targets_[k]; }

 private:
  std::vector<Checkpoint> checkpoints_;
  std::vector<Plan> plans_;
  std::vector<std::string> targets_;
  std::vector<PlannedRun> runs_;
};

std::vector<std::string> write_inputs(const TempFolder& folder, size_t count) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k)
    paths.push_back(write_file(folder / std::string(1, static_cast<char>('A' + k)), mixed(k + 1), k));
  return paths;
}

void check_alike(const std::vector<std::string>& paths, const std::vector<Recipe>& recipes, const TempFolder& folder) {
  const Sweep sweep(paths, recipes, folder);
  for (const unsigned threads : {1u, 3u})
    for (const uint64_t tile_size : {uint64_t{4096}, uint64_t{0}})
      for (const bool hash : {false, true}) {
        // One thread does nothing to itself, and hashes are taken of large tiles as of small ones.
        if (kSanitized && (threads == 1 || hash == (tile_size == 0))) continue;
        if (kThreadSanitized && tile_size == 0) continue;
        const RunOptions options{
            .replace = true, .sync = false, .verify = hash, .hash = hash, .threads = threads, .tile_size = tile_size};
        const std::vector<RunReport> reports = sweep.run(options);
        REQUIRE(reports.size() == recipes.size());
        for (size_t k = 0; k < recipes.size(); ++k) {
          const RunReport alone = merge(recipes[k], paths, folder / "alone", options);
          INFO(recipes[k].method << " " << k << " of " << recipes.size());
          CHECK(read_file(sweep.target(k)) == read_file(folder / "alone"));
          CHECK(reports[k].losses.size() == alone.losses.size());
          CHECK(reports[k].differing == alone.differing);
          CHECK(reports[k].verified == hash);
          REQUIRE(reports[k].sums.size() == alone.sums.size());
          if (hash) CHECK(reports[k].sums[0].sha256 == alone.sums[0].sha256);
        }
      }
}

}  // namespace

TEST_CASE("plans that are run together give the bytes that each gives alone") {
  const TempFolder folder;
  const std::vector<std::string> paths = write_inputs(folder, 2);
  check_alike(paths, {weighted(0.25), weighted(0), weighted(1), weighted(0.123456789)}, folder);
  check_alike(paths, {weighted(0.5)}, folder);
}

TEST_CASE("methods with statistics, sums of many files and recorded hashes are run together, too") {
  const TempFolder folder;
  const std::vector<std::string> paths = write_inputs(folder, 3);
  const std::vector<std::string> two(paths.begin(), paths.begin() + 2);
  const auto slerp = [](double t) { return Recipe{.method = "slerp", .parameters = {{"t", {t}}}}; };
  check_alike(two, {slerp(0.2), slerp(0.7), slerp(0)}, folder);
  const auto linear = [](double first) {
    return Recipe{.method = "linear", .parameters = {{"weights", {first, 0.3, 0.7 - first}}}};
  };
  check_alike(paths, {linear(0.1), linear(0.2)}, folder);
  Recipe hashed = weighted(0.3), other = weighted(0.6), first_alone = weighted(0);
  hashed.hash = other.hash = first_alone.hash = true;
  check_alike(two, {hashed, other}, folder);
  check_alike(two, {first_alone, hashed}, folder);
}

TEST_CASE("statistics of other operands are another output's") {
  const TempFolder folder;
  const std::vector<std::string> paths = write_inputs(folder, 3);
  const auto method = [](const char* name, std::map<std::string, std::vector<double>> parameters) {
    return Recipe{.method = name, .parameters = std::move(parameters)};
  };
  check_alike(paths,
              {method("della", {{"density", {0.3}}}), method("della", {{"density", {0.5}}}),
               method("della", {{"density", {0.5}}, {"seed", {1}}})},
              folder);
  check_alike(paths,
              {method("ties_sum_with_dropout", {{"probability", {0.3}}, {"della_eps", {0.2}}}),
               method("ties_sum_with_dropout", {{"probability", {0.6}}, {"della_eps", {0.2}}})},
              folder);
  check_alike(paths,
              {method("sce", {{"select_topk", {0.3}}, {"mergekit_order", {1}}}),
               method("sce", {{"select_topk", {0.7}}, {"mergekit_order", {1}}})},
              folder);
  const auto formula = [](const char* text) {
    return Recipe{.method = kFormulaMethod, .formula = Formula{.text = text, .names = {"A", "B", "C"}}};
  };
  check_alike(paths,
              {formula("0*slerp(A,B,alpha=0.3)+1*slerp(A,C,alpha=0.3)"),
               formula("1*slerp(A,B,alpha=0.3)+0*slerp(A,C,alpha=0.3)")},
              folder);
}

TEST_CASE("sums of many checkpoints are added up in the memory of one output") {
  const TempFolder folder;
  const std::vector<std::string> paths = write_inputs(folder, 12);
  const auto linear = [](double first) {
    std::vector<double> weights(12, 1.0);
    weights[0] = first;
    return Recipe{.method = "linear", .parameters = {{"weights", weights}}};
  };
  check_alike(paths, {linear(0), linear(1), linear(2.5)}, folder);
}

TEST_CASE("outputs whose statistics are the same have them gathered once") {
  const TempFolder folder;
  const std::vector<Checkpoint> checkpoints = open_all(write_inputs(folder, 2));
  const auto slerp = [&](double t, NanPolicy nan = NanPolicy::error) {
    return make_plan({.method = "slerp", .parameters = {{"t", {t}}}, .nan = nan}, checkpoints);
  };
  const Plan plan = slerp(0.2);
  CHECK(share_statistics(plan, slerp(0.7), 4096));
  CHECK(share_statistics(plan, slerp(0.123456789), 4096));
  CHECK(!share_statistics(plan, slerp(0), 4096));
  CHECK(!share_statistics(make_plan(weighted(0.2), checkpoints), make_plan(weighted(0.3), checkpoints), 4096));
}

TEST_CASE("what is wrong with one output leaves all targets as they were") {
  const TempFolder folder;
  const auto a = write_file(folder / "A", {f32("x", {2}, {3e38F, 1}), f32("y", {1}, {1})});
  const auto b = write_file(folder / "B", {f32("x", {2}, {-3e38F, 2}), f32("y", {1}, {2})});
  const Sweep sweep({a, b}, {weighted(0.5), weighted(-1)}, folder);
  const Failure told = failure([&] { sweep.run({.sync = false}); });
  CHECK(told.code == ErrorCode::mismatch);
  CHECK(told.text.starts_with(sweep.target(1) + ": "));
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
}

TEST_CASE("devices make one output") {
  const TempFolder folder;
  const Sweep sweep(write_inputs(folder, 2), {weighted(0.5), weighted(0.7)}, folder);
  CHECK(failure([&] { sweep.run({.device = {.choice = DeviceChoice::cuda}}); }).code == ErrorCode::usage);
}
