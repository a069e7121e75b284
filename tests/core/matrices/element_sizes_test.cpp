// SPDX-License-Identifier: Apache-2.0
// Whole tensors of tiny and of huge elements.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/algebra/orthonormal.h"
#include "core/engine/run.h"
#include "core/matrices/made_matrices.h"
#include "core/plan/plan.h"
#include "kernels/method.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Values = std::vector<double>;

// What a method makes of F64 tensors of this shape.
Values made_of(const Recipe& recipe, const std::vector<uint64_t>& shape, const std::vector<Values>& tensors) {
  TempFolder folder;
  std::vector<std::string> paths;
  for (const Values& values : tensors) {
    std::vector<uint64_t> words;
    for (const double value : values) words.push_back(std::bit_cast<uint64_t>(value));
    paths.push_back(write_file(folder / std::to_string(paths.size()), {bits("w", Dtype::F64, shape, words)}));
  }
  std::vector<Checkpoint> checkpoints = open_all(paths);
  add_whole_tensors(recipe, checkpoints);
  run(make_plan(recipe, checkpoints), checkpoints, folder / "out", {.sync = false});
  const std::string bytes = tensor_bytes(folder / "out", "w");
  Values made(bytes.size() / sizeof(double));
  std::memcpy(made.data(), bytes.data(), bytes.size());
  return made;
}

Values times(Values values, double factor) {
  for (double& value : values) value *= factor;
  return values;
}

}  // namespace

TEST_CASE("tensors of tiny and of huge elements come to what others do, times the same power of two") {
  std::vector<Values> usual = {Values(30 * 40)};
  for (const uint64_t seed : {1, 2}) usual.push_back(random_rows(30, 40, seed).elements);
  for (const char* const method : {"truncate_rank", "iso_c", "iso_cts", "tsv_m", "knots", "rotate", "crossover"}) {
    const Recipe recipe = plain({.method = method});
    std::vector<Values> inputs = usual;
    if (find_method(method)->spec->max_inputs == 2) inputs.erase(inputs.begin());
    const Values expected = made_of(recipe, {30, 40}, inputs);
    for (const double factor : {0x1p-640, 0x1p-200, 0x1p300, 0x1p990}) {
      if (factor < 1 && std::string(method) == "crossover") continue;  // near ones are mixed there
      std::vector<Values> scaled = inputs;
      for (Values& values : scaled) values = times(values, factor);
      CHECK_MESSAGE(made_of(recipe, {30, 40}, scaled) == times(expected, factor), method, " ", factor);
    }
  }
}

TEST_CASE("crossover of tiny elements is that of near ones") {
  const Values a = {1e-62, 0, 0, 2e-62}, b = {3e-62, 0, 5e-62, 2e-62};
  const Values made = made_of(plain({.method = "crossover"}), {2, 2}, {a, b});
  for (size_t i = 0; i < made.size(); ++i) CHECK(made[i] == doctest::Approx((a[i] + b[i]) / 2).epsilon(1e-12));
}

TEST_CASE("beside NaN and Inf all elements of a whole tensor stay as they are in the plain result") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Values zeros(4);
  for (const Values& b : {Values{1e70, nan, 1e-300, 1e-300}, Values{1e-300, 1e70, inf, -1e-300}}) {
    const Values made = made_of(plain({.method = "truncate_rank", .parameters = {{"rank", {1}}}}), {2, 2}, {zeros, b});
    for (size_t i = 0; i < b.size(); ++i) CHECK((made[i] == b[i] || (std::isnan(made[i]) && std::isnan(b[i]))));
  }
}
