// SPDX-License-Identifier: Apache-2.0
// Formulas, run: byte for byte what the methods give that mean the same, and what their steps give one by one; random
// ones against an evaluator that walks their tree in f64.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Recipe formula(const std::string& text, size_t inputs) {
  Recipe recipe{.method = kFormulaMethod, .formula = Formula{.text = text}};
  for (size_t k = 0; k < inputs; ++k) recipe.formula->names.emplace_back(1, static_cast<char>('A' + k));
  return recipe;
}

Recipe without_metadata(Recipe recipe) {
  recipe.metadata = MetadataPolicy::none;
  return recipe;
}

std::string merged(const Recipe& recipe, const std::vector<std::string>& paths, const TempFolder& folder) {
  merge(without_metadata(recipe), paths, folder / "out", {.replace = true, .sync = false});
  return read_file(folder / "out");
}

std::vector<std::string> mixed_files(const TempFolder& folder, size_t count) {
  std::vector<std::string> paths;
  for (size_t k = 0; k < count; ++k)
    paths.push_back(write_file(folder / std::string(1, static_cast<char>('a' + k)), mixed(k + 1)));
  return paths;
}

// A formula and what it must come to for each of kElements elements.
constexpr size_t kInputs = 4, kElements = 257;
struct Evaluated {
  std::string text;
  std::vector<double> values;
};

std::string exactly(double number) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", number);
  return text;
}

class Generator {
 public:
  Generator(uint64_t seed, const std::vector<std::vector<double>>& inputs) : random_(seed), inputs_(inputs) {}

  Evaluated checkpoint(int depth) {
    const size_t input = pick(kInputs);
    switch (depth <= 0 ? 0 : pick(7)) {
      case 1: return joined(checkpoint(depth - 1), "+", scaled(delta(depth - 1)));
      case 2: return joined(scaled(delta(depth - 1)), "+", checkpoint(depth - 1));
      case 3: return joined(checkpoint(depth - 1), "-", delta(depth - 1));
      case 4: return mix(checkpoint(depth - 1), checkpoint(depth - 1));
      case 5: return weighted_sum(checkpoint(depth - 1), checkpoint(depth - 1));
      case 6: {
        Evaluated sum = joined(checkpoint(depth - 1), " +\n", checkpoint(depth - 1));
        for (double& value : sum.values) value *= 0.5;
        return {sum.text + "/2", sum.values};
      }
      default: return {std::string(1, static_cast<char>('A' + input)), inputs_[input]};
    }
  }

 private:
  Evaluated delta(int depth) {
    switch (pick(5)) {
      case 0: return scaled(joined(checkpoint(depth - 1), " - ", checkpoint(depth - 1)));
      case 1:
        if (depth > 0) return joined(delta(depth - 1), " + ", delta(depth - 1));
        [[fallthrough]];
      case 2:
        if (depth > 0) return weighted_sum(delta(depth - 1), delta(depth - 1));
        [[fallthrough]];
      case 3: {
        Evaluated negated = joined(checkpoint(depth - 1), "-", checkpoint(depth - 1));
        for (double& value : negated.values) value = -value;
        return {"-" + negated.text, negated.values};
      }
      default: return joined(checkpoint(depth - 1), "-", checkpoint(depth - 1));
    }
  }

  Evaluated scaled(Evaluated x) {
    const double k = number();
    const size_t form = pick(3);
    for (double& value : x.values) value = form == 2 ? value / k : k * value;
    return {form == 0 ? exactly(k) + "*" + x.text : x.text + (form == 1 ? "*" : "/") + exactly(k), x.values};
  }

  Evaluated joined(const Evaluated& x, const std::string& sign, const Evaluated& y) {
    Evaluated out{"(" + x.text + sign + y.text + ")", x.values};
    const double factor = sign.find('-') == std::string::npos ? 1 : -1;
    for (size_t i = 0; i < kElements; ++i) out.values[i] += factor * y.values[i];
    return out;
  }

  Evaluated mix(const Evaluated& x, const Evaluated& y) {
    const double k = number();
    Evaluated out{"(" + exactly(1 - k) + "*" + x.text + " + " + exactly(k) + "*" + y.text + ")", x.values};
    for (size_t i = 0; i < kElements; ++i) out.values[i] = (1 - k) * x.values[i] + k * y.values[i];
    return out;
  }

  Evaluated weighted_sum(const Evaluated& x, const Evaluated& y) {
    const double k = number();
    Evaluated out{"weighted_sum(" + x.text + ", " + y.text + ", alpha=" + exactly(k) + ")", x.values};
    for (size_t i = 0; i < kElements; ++i) out.values[i] = (1 - k) * x.values[i] + k * y.values[i];
    return out;
  }

  size_t pick(size_t count) { return random_() % count; }
  double number() { return static_cast<double>(1 + random_() % 1000) / 700; }

  std::mt19937_64 random_;
  const std::vector<std::vector<double>>& inputs_;
};

}  // namespace

TEST_CASE("a formula gives the bytes of the method that means the same") {
  TempFolder folder;
  const auto three = mixed_files(folder, 3);
  const std::vector<std::string> two(three.begin(), three.begin() + 2);
  CHECK(merged(formula("A + 0.7*(B - C)", 3), three, folder) ==
        merged({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, three, folder));
  CHECK(merged(formula("0.7*(B - C) + A", 3), three, folder) ==
        merged({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, three, folder));
  CHECK(merged(formula("0.7*A + 0.3*B", 2), two, folder) == merged(weighted(0.3), two, folder));
  CHECK(merged(formula("(A + B)/2", 2), two, folder) == merged(weighted(0.5), two, folder));
  CHECK(merged(formula("(A + B + C)/3", 3), three, folder) == merged({.method = "linear"}, three, folder));
  CHECK(merged(formula("slerp(A, B, t=0.3)", 2), two, folder) ==
        merged({.method = "slerp", .parameters = {{"t", {0.3}}}}, two, folder));
  CHECK(merged(formula("A", 1), {two[0]}, folder) == merged({.method = "copy"}, {two[0]}, folder));
}

TEST_CASE("a formula is the same file on every ISA, with any threads and tiles") {
  TempFolder folder;
  merge_every_way(formula("A + 0.7*(slerp(B, C, t=0.3) - A) - 0.25*(B - C)", 3), mixed_files(folder, 3), folder);
}

TEST_CASE("in f32 a formula gives the bytes of its steps, merged one by one") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 4; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {3, 10007}, k + 1)}));
  merge({.method = "slerp", .parameters = {{"t", {0.3}}}}, {paths[1], paths[2]}, folder / "arc");
  merge({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, {paths[0], folder / "arc", paths[3]},
        folder / "steps");
  merge(formula("A + 0.7*(slerp(B, C, t=0.3) - D)", 4), paths, folder / "at once");
  CHECK(tensor_bytes(folder / "at once", "w") == tensor_bytes(folder / "steps", "w"));
}

TEST_CASE("elements that are equal in all inputs stay equal through any formula of weights one") {
  TempFolder folder;
  const FileTensor tensor = random("w", Dtype::F32, {10007}, 7);
  std::vector<std::string> paths;
  for (size_t k = 0; k < 3; ++k) paths.push_back(write_file(folder / std::to_string(k), {tensor}, k));
  for (const std::string text : {"0.3*A + 0.7*B + C - C", "0.1*A + 0.2*B + 0.7*C", "A + 0.7*(B - C)",
                                 "0.3*(A + 0.1*(B - C)) + 0.7*B", "slerp(0.3*A + 0.7*B, C, t=0.2)", "(A + B + C)/3"}) {
    CAPTURE(text);
    merge(formula(text, 3), paths, folder / "out", {.replace = true, .sync = false});
    CHECK(tensor_bytes(folder / "out", "w") == tensor.bytes);
  }
  for (const std::string text :
       {"0.3*A + 0.7*A", "slerp(A, A, t=0.3)", "weighted_sum(A, A, alpha=0.3)", "geometric(A, A, alpha=0.3)",
        "nearswap(A, A, t=0.01)", "dropout(A, A, density=0.5)"}) {
    CAPTURE(text);
    merge(formula(text, 1), {paths[0]}, folder / "out", {.replace = true, .sync = false});
    CHECK(tensor_bytes(folder / "out", "w") == tensor.bytes);
  }
}

TEST_CASE("random formulas come to what an evaluator of their tree says") {
  TempFolder folder;
  std::mt19937_64 random(11);
  std::vector<std::vector<double>> inputs(kInputs);
  std::vector<std::string> paths;
  for (size_t k = 0; k < kInputs; ++k) {
    std::vector<uint64_t> stored;
    for (size_t i = 0; i < kElements; ++i) {
      inputs[k].push_back(static_cast<double>(random() % 20001) / 10000 - 1);
      stored.push_back(std::bit_cast<uint64_t>(inputs[k].back()));
    }
    paths.push_back(write_file(folder / std::to_string(k), {bits("w", Dtype::F64, {kElements}, stored)}));
  }
  const auto checkpoints = open_all(paths);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    Evaluated expected = Generator(seed, inputs).checkpoint(4);
    expected.text += " + 0*(A + B + C + D)";  // every input is spoken of
    CAPTURE(expected.text);
    run(make_plan(without_metadata(formula(expected.text, kInputs)), checkpoints), checkpoints, folder / "out",
        {.replace = true, .sync = false});
    const std::string bytes = tensor_bytes(folder / "out", "w");
    double worst = 0, largest = 1;
    for (size_t i = 0; i < kElements; ++i) {
      double value = 0;
      std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
      worst = std::max(worst, std::fabs(value - expected.values[i]));
      largest = std::max(largest, std::fabs(expected.values[i]));
    }
    CHECK(worst <= 1e-12 * largest * 100);
  }
}

TEST_CASE("sixteen checkpoints in one formula, each used twice") {
  constexpr size_t kMany = 16;
  TempFolder folder;
  std::vector<std::string> paths;
  std::string text = "(A";
  for (size_t k = 0; k < kMany; ++k) {
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {1009}, k + 1)}));
    if (k > 0) text += std::string(" + ") + static_cast<char>('A' + k);
  }
  text += ")/16";
  for (size_t k = 1; k < kMany; ++k)
    text +=
        std::string(" + 0.01*(") + static_cast<char>('A' + k) + " - " + static_cast<char>('A' + (k * 7) % kMany) + ")";
  merge_every_way(formula(text, kMany), paths, folder);
  std::vector<std::vector<float>> x;
  for (const std::string& path : paths) x.push_back(f32_values(path, "w"));
  const std::vector<float> found = f32_values(folder / "reference", "w");
  for (size_t i = 0; i < found.size(); ++i) {
    double expected = 0, magnitude = 0;
    for (size_t k = 0; k < kMany; ++k) {
      expected += x[k][i] / 16.0;
      magnitude += std::fabs(x[k][i]);
    }
    for (size_t k = 1; k < kMany; ++k) expected += 0.01 * (x[k][i] - x[(k * 7) % kMany][i]);
    REQUIRE(std::fabs(found[i] - expected) <= 1e-5 * magnitude);
  }
}

TEST_CASE("numbers beyond the usual are told of") {
  TempFolder folder;
  const auto checkpoints = open_all(mixed_files(folder, 3));
  const auto warned = [&](const std::string& text) {
    const Plan plan = make_plan(without_metadata(formula(text, 3)), checkpoints);
    return std::ranges::count_if(plan.warnings, [](const std::string& warning) {
      return warning.find("70, outside of -1 to 2") != std::string::npos;
    });
  };
  CHECK(warned("A + 0.7*(B - C)") == 0);
  CHECK(warned("A + 70*(B - C)") == 1);
  CHECK(warned("slerp(A, B, t=70) + 0*C") == 1);
}
