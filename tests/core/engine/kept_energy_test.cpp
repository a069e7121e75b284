// SPDX-License-Identifier: Apache-2.0
// The share of what adapters add that rounding keeps: sums whose bits no cut changes, cases that can be told by hand,
// and which steps are measured.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/engine/kept_energy.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr uint64_t kCount = 4099;

double number(uint64_t i) { return static_cast<double>((i * 2654435761U) % 1000003) / 977.0; }

PairedSums sums_of(uint64_t first, uint64_t count) {
  std::vector<double> kept, added;
  for (uint64_t i = first; i < first + count; ++i) {
    kept.push_back(number(i));
    added.push_back(number(i) * number(i));
  }
  PairedSums sums;
  sums.add(first, kept, added);
  return sums;
}

Recipe bake(Dtype dtype, RoundingPolicy rounding = RoundingPolicy::nearest, size_t adapters = 1) {
  Recipe recipe = copied(dtype);
  recipe.adapters.resize(adapters);
  recipe.rounding = rounding;
  return recipe;
}

// What is kept of the adapter `change`, each of whose elements is the same, of a weight of ones.
struct Baked {
  explicit Baked(float change, float weight = 1) {
    paths = {write_file(folder / "a.safetensors", {f32("w", {64, 64}, std::vector<float>(4096, weight))}),
             write_file(folder / "l.safetensors", {f32("w", {64, 64}, std::vector<float>(4096, change))})};
  }
  std::vector<StepEnergy> energies(const Recipe& recipe, const RunOptions& options = {.sync = false}) {
    return merge(recipe, paths, folder / "out.safetensors", {.replace = true, .sync = options.sync}).energies;
  }
  double share(const Recipe& recipe) {
    const std::vector<StepEnergy> all = energies(recipe);
    REQUIRE(all.size() == 1);
    return all[0].sums.kept / all[0].sums.added;
  }

  TempFolder folder;
  std::vector<std::string> paths;
};

}  // namespace

TEST_CASE("sums are the same bits however their elements are cut and in whatever order they come") {
  const EnergySums whole = sums_of(0, kCount).total();
  for (const uint64_t step : {1, 7, 64, 512, 1000, 4098}) {
    std::vector<PairedSums> parts;
    for (uint64_t first = 0; first < kCount; first += step)
      parts.push_back(sums_of(first, std::min(step, kCount - first)));
    PairedSums forward, backward;
    for (size_t k = 0; k < parts.size(); ++k) {
      forward.add(parts[k]);
      backward.add(parts[parts.size() - 1 - k]);
    }
    CHECK(forward.total() == whole);
    CHECK(backward.total() == whole);
  }
  double plain = 0;
  for (uint64_t i = 0; i < kCount; ++i) plain += number(i);
  CHECK(whole.kept == doctest::Approx(plain).epsilon(1e-12));
}

TEST_CASE("nothing is kept of a change that fp8 rounds away, all of one that it holds, and half of one between") {
  // Around 1 values of F8_E4M3 are 1/8 apart.
  CHECK(Baked(0.01F).share(bake(Dtype::F8_E4M3)) == 0);
  CHECK(Baked(0.125F).share(bake(Dtype::F8_E4M3)) == 1);
  CHECK(Baked(0.25F).share(bake(Dtype::F8_E4M3)) == 1);
  CHECK(Baked(0.09375F).share(bake(Dtype::F8_E4M3)) == doctest::Approx(4.0 / 3));
  CHECK(Baked(0.1875F).share(bake(Dtype::F8_E4M3)) == doctest::Approx(4.0 / 3));  // a tie, to the even 1.25
  CHECK(Baked(0.0625F).share(bake(Dtype::F8_E4M3)) == 0);                         // a tie, to the even 1
}

TEST_CASE("stochastic rounding keeps the energy that nearest loses, on the average") {
  const Recipe recipe = bake(Dtype::F8_E4M3, RoundingPolicy::stochastic);
  // 4096 draws of which 8 in a hundred go up by 1/8: a standard deviation of 5.3 %.
  CHECK(Baked(0.01F).share(recipe) == doctest::Approx(1).epsilon(0.2));
  CHECK(Baked(0.06F).share(recipe) == doctest::Approx(1).epsilon(0.08));
  CHECK(Baked(0.125F).share(recipe) == 1);
  CHECK(Baked(0.001F).share(bake(Dtype::BF16, RoundingPolicy::stochastic)) == doctest::Approx(1).epsilon(0.2));
}

TEST_CASE("what is measured: 8 bits, and what is rounded by chance, where an adapter adds something") {
  Baked files(0.01F);
  CHECK(files.energies(bake(Dtype::F8_E5M2)).size() == 1);
  CHECK(files.energies(bake(Dtype::BF16)).empty());
  CHECK(files.energies(bake(Dtype::F32, RoundingPolicy::stochastic)).empty());
  CHECK(files.energies(bake(Dtype::F16, RoundingPolicy::stochastic)).size() == 1);
  Recipe without = weighted(0.5);
  without.dtype = Dtype::F8_E4M3;
  CHECK(files.energies(without).empty());
}

TEST_CASE("of a merge with adapters the merge is what they are added to, and values that are not finite do not count") {
  TempFolder folder;
  const std::vector<std::string> paths{write_file(folder / "a.safetensors", {f32("w", {4}, {1, 2, 4, INFINITY})}),
                                       write_file(folder / "b.safetensors", {f32("w", {4}, {3, 2, 8, 1})}),
                                       write_file(folder / "l.safetensors", {f32("w", {4}, {0.25, 0.01F, 1, 1})})};
  Recipe recipe = weighted(0.5);
  recipe.dtype = Dtype::F8_E4M3;
  recipe.adapters.resize(1);
  recipe.nan = NanPolicy::warn;
  const RunReport report = merge(recipe, paths, folder / "out.safetensors");
  REQUIRE(report.energies.size() == 1);
  // 2.25 and 7 are values of the dtype, 2.01 becomes 2.
  const double added = 0.25 * 0.25 + static_cast<double>(0.01F) * static_cast<double>(0.01F) + 1;
  CHECK(report.energies[0].sums.kept == doctest::Approx(0.25 * 0.25 + 1).epsilon(1e-12));
  CHECK(report.energies[0].sums.added == doctest::Approx(added).epsilon(1e-12));
}

TEST_CASE("a formula that adds an adapter is measured with its factor") {
  Baked files(0.25F);
  Recipe recipe = bake(Dtype::F8_E4M3);
  recipe.method = kFormulaMethod;
  recipe.formula = Formula{.text = "A + 0.5*lora(L)", .names = {"A", "L"}};
  const std::vector<StepEnergy> energies = files.energies(recipe);
  REQUIRE(energies.size() == 1);
  CHECK(energies[0].sums.kept == 4096 * 0.125 * 0.125);
  CHECK(energies[0].sums.added == 4096 * 0.125 * 0.125);
}

TEST_CASE(
    "energies are the same bits on every ISA, with any threads, tiles and budget, and as many adapters as one likes") {
  TempFolder folder;
  std::vector<std::string> paths{write_file(
      folder / "a.safetensors", {random("x", Dtype::F16, {71, 401}, 1), random("y", Dtype::BF16, {40, 33}, 2)})};
  for (uint64_t k = 0; k < 12; ++k)
    paths.push_back(
        write_file(folder / ("l" + std::to_string(k) + ".safetensors"),
                   {random("x", Dtype::F32, {71, 401}, 10 + k), random("y", Dtype::F32, {40, 33}, 40 + k)}));
  const Recipe recipe = bake(Dtype::F8_E4M3, RoundingPolicy::stochastic, 12);
  const auto sums = [&](RunOptions options) {
    options.replace = true;
    options.sync = false;
    std::vector<std::pair<double, double>> all;
    for (const StepEnergy& energy : merge(recipe, paths, folder / "out.safetensors", options).energies)
      all.emplace_back(energy.sums.kept, energy.sums.added);
    return all;
  };
  const auto expected = sums({});
  CHECK(expected.size() == 2);
  for (const BlockKernels* kernels : available_kernels())
    for (const unsigned threads : {1U, 2U, 7U})
      for (const uint64_t tile_size : {4096, 8192, 65536})
        CHECK(sums({.threads = threads, .tile_size = tile_size, .kernels = kernels}) == expected);
  CHECK(sums({.memory_budget = 1 << 20}) == expected);
}
