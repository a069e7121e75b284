// SPDX-License-Identifier: Apache-2.0
// ties, breadcrumbs and breadcrumbs_ties over files: every way to run them gives the bytes of loops over whole tensors
// that sort what they thin out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/plan/passes.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/core/reference.h"
#include "tests/kernels/naive_cut.h"
#include "tests/kernels/oracle.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

struct Case {
  std::string method;
  double alpha;
  std::vector<double> weights, densities;  // A's included
  double gamma;
  bool normalize, rescale;
  bool every_way = false;  ///< merged in all ways, which takes seconds

  bool elects() const { return method != "breadcrumbs"; }
  Recipe recipe() const {
    Recipe recipe{.method = method,
                  .parameters = {{"alpha", {alpha}},
                                 {"weights", weights},
                                 {"densities", densities},
                                 {"normalize", {double(normalize)}},
                                 {"rescale", {double(rescale)}}}};
    if (method != "ties") recipe.parameters["gamma"] = {gamma};
    recipe.metadata = MetadataPolicy::none;
    return recipe;
  }
};

// Of `count` elements in the order of their magnitudes, which positions stay.
std::pair<size_t, size_t> positions(const Case& of, size_t k, size_t count) {
  const size_t wanted = std::max<size_t>(1, static_cast<size_t>(of.densities[k] * double(count)));
  if (of.method == "ties") return {0, wanted};
  const size_t top = std::min(static_cast<size_t>(of.gamma * double(count)), count - wanted);
  return {top, top + wanted};
}

// The values of each input, as the merge is computed in T.
template <typename T>
std::vector<T> merged(const Case& of, const std::vector<std::vector<T>>& x) {
  const size_t count = x[0].size();
  std::vector<std::vector<T>> deltas;
  for (size_t k = 1; k < x.size() && count > 0; ++k) {
    std::vector<T> delta(count);
    for (size_t i = 0; i < count; ++i) delta[i] = x[k][i] - x[0][i];
    if (of.densities[k] < 1) {
      const auto [from, to] = positions(of, k, count);
      const std::vector<bool> stays = among_largest(delta, from, to);
      std::vector<double> all, kept;
      for (size_t i = 0; i < count; ++i) {
        all.push_back(std::fabs(delta[i]));
        if (!stays[i]) delta[i] = 0;
        kept.push_back(std::fabs(delta[i]));
      }
      const std::vector<double> ones(count, 1);
      const double sum = sum_of_products(all, ones), rest = sum_of_products(kept, ones);
      for (T& value : delta)
        if (of.rescale && sum >= 1e-7 && rest >= 1e-7) value *= static_cast<T>(sum / rest);
    }
    for (T& value : delta) value *= static_cast<T>(of.weights[k]);
    deltas.push_back(delta);
  }
  std::vector<T> result(count);
  for (size_t i = 0; i < count; ++i) {
    T sum = 0, weights = 0, total = 0;
    for (const auto& delta : deltas) total += delta[i];
    for (size_t k = 1; k < x.size(); ++k) {
      const T delta = deltas[k - 1][i];
      const bool counts = !of.elects() || (total >= 0 ? delta > 0 : delta < 0);
      sum += counts ? delta : 0;
      weights += counts ? static_cast<T>(of.weights[k]) : 0;
    }
    const bool divides = of.normalize && (of.elects() ? weights != 0 : std::fabs(weights) >= T(1e-8));
    result[i] = x[0][i] + static_cast<T>(of.alpha) * (divides ? sum / weights : sum);
    const auto same = [&](const auto& values) {
      return values[i] == x[0][i] && std::signbit(values[i]) == std::signbit(x[0][i]);
    };
    if (std::ranges::all_of(x, same)) result[i] = x[0][i];
  }
  return result;
}

template <typename T>
std::vector<T> values(const FileTensor& tensor) {
  std::vector<T> all;
  for (size_t at = 0; at < tensor.bytes.size(); at += element_size(tensor.dtype))
    all.push_back(static_cast<T>(oracle::read(tensor.dtype, tensor.bytes.data() + at)));
  return all;
}

template <typename T>
std::string stored(const std::vector<T>& values, Dtype dtype) {
  std::string bytes(values.size() * element_size(dtype), '\0');
  StoreCounts counts;
  for (size_t i = 0; i < values.size(); ++i)
    oracle::write(dtype, static_cast<double>(values[i]), bytes.data() + i * element_size(dtype), counts);
  return bytes;
}

template <typename T>
std::string right_bytes(const Case& of, const std::vector<FileTensor>& tensors) {
  std::vector<std::vector<T>> x;
  for (const FileTensor& tensor : tensors) x.push_back(values<T>(tensor));
  return stored(merged<T>(of, x), tensors[0].dtype);
}

// Near A, as fine-tunes are: with 16 bits most differences are equal to others.
FileTensor tuned(const FileTensor& base, uint64_t seed, double by) {
  const std::vector<double> from = values<double>(base),
                            noise = values<double>(random("", Dtype::F64, base.shape, seed));
  std::vector<double> near(from.size());
  for (size_t i = 0; i < from.size(); ++i) near[i] = i % 9 == seed % 9 ? from[i] : from[i] + by * noise[i];
  return {base.name, base.dtype, base.shape, stored(near, base.dtype)};
}

std::vector<std::vector<FileTensor>> files(size_t count) {
  std::vector<FileTensor> base = {
      random("a.large", Dtype::BF16, {3, 70001}, 1), random("b.wide", Dtype::F32, {2, 50021}, 2),
      random("c.block", Dtype::BF16, {65536}, 3),    random("d.double", Dtype::F64, {70003}, 4),
      random("e.small", Dtype::F16, {7, 31}, 5),     random("f.one", Dtype::F32, {1}, 6),
      random("g.scalar", Dtype::BF16, {}, 7),        random("h.empty", Dtype::F32, {0, 4}, 8)};
  std::vector<std::vector<FileTensor>> all = {base};
  for (size_t k = 1; k < count; ++k) {
    all.emplace_back();
    for (const FileTensor& tensor : base) all.back().push_back(tuned(tensor, 10 * k, 0.02));
  }
  return all;
}

std::vector<Case> cases() {
  return {{"ties", 0.9, {1, 1, 0.5, 0.25}, {1, 0.2, 0.5, 1}, 0, true, false},
          {"ties", 1, {1, 1, -0.5, 1}, {1, 0.001, 0.5, 0.7}, 0, true, true},
          {"ties", 0.5, {1, 1, 1, 1}, {1, 0.3, 0.3, 0.3}, 0, false, false, true},
          {"breadcrumbs", 1, {1, 0.5, 0.25, 1}, {1, 0.2, 0.9, 0.999}, 0.01, false, false},
          {"breadcrumbs", 0.7, {1, 0.5, 0.25, 1}, {1, 0.2, 0.3, 1}, 0.1, true, true, true},
          {"breadcrumbs_ties", 0.8, {1, 1, 1, 0.5}, {1, 0.1, 0.95, 0.5}, 0.1, true, false, true}};
}

void merge_in_ways(const Case& of, const Recipe& recipe, const std::vector<std::string>& paths,
                   const TempFolder& folder) {
  if (of.every_way)
    merge_every_way(recipe, paths, folder);
  else
    merge(recipe, paths, folder / "reference", {.replace = true, .sync = false});
}

}  // namespace

TEST_CASE("sparse deltas: any ISA, threads, tiles and budget give what sorting whole tensors gives") {
  TempFolder folder;
  const auto all = files(4);
  std::vector<std::string> paths;
  for (size_t k = 0; k < all.size(); ++k) paths.push_back(write_file(folder / std::to_string(k), all[k], k));
  for (const Case& one : cases()) {
    if (kThreadSanitized && !one.every_way) continue;
    merge_in_ways(one, one.recipe(), paths, folder);
    if (kThreadSanitized) continue;  // sorting takes longer there than all these merges
    for (size_t t = 0; t < all[0].size(); ++t) {
      std::vector<FileTensor> tensors;
      for (const auto& file : all) tensors.push_back(file[t]);
      const std::string right =
          tensors[0].dtype == Dtype::F64 ? right_bytes<double>(one, tensors) : right_bytes<float>(one, tensors);
      CHECK_MESSAGE(tensor_bytes(folder / "reference", tensors[0].name) == right, one.method, " ", tensors[0].name);
    }
  }
}

TEST_CASE("sparse deltas: over heads alone, or over rows whose tails count as zero in others") {
  constexpr uint64_t kRows = 300, kHead = 4 * 9, kRow = 9 * 9;
  TempFolder folder;
  const FileTensor a = random("w", Dtype::BF16, {kRows, 9, 3, 3}, 1), full = tuned(a, 5, 0.02);
  const auto cut = [&](const FileTensor& from, bool zeros) {
    FileTensor to = from;
    for (uint64_t row = 0; row < kRows && zeros; ++row)
      to.bytes.replace((row * kRow + kHead) * 2, (kRow - kHead) * 2, (kRow - kHead) * 2, '\0');
    if (zeros) return to;
    to.shape[1] = 4, to.bytes.clear();
    for (uint64_t row = 0; row < kRows; ++row) to.bytes += from.bytes.substr(row * kRow * 2, kHead * 2);
    return to;
  };
  const std::vector<std::string> paths = {write_file(folder / "A", {a}),
                                          write_file(folder / "B", {cut(full, false)}, 1)};
  for (Case one : cases()) {
    one.weights.resize(2), one.densities = {1, 0.3};
    Recipe recipe = one.recipe();
    recipe.expand = ExpandPolicy::zero;
    merge_in_ways(one, recipe, paths, folder);
    CHECK(tensor_bytes(folder / "reference", "w") == right_bytes<float>(one, {a, cut(full, true)}));
    recipe.expand = ExpandPolicy::copy;
    merge_in_ways(one, recipe, paths, folder);
    const std::string heads = right_bytes<float>(one, {cut(a, false), cut(full, false)});
    std::string right = a.bytes;
    for (uint64_t row = 0; row < kRows; ++row)
      right.replace(row * kRow * 2, kHead * 2, heads, row * kHead * 2, kHead * 2);
    CHECK_MESSAGE(tensor_bytes(folder / "reference", "w") == right, one.method);
  }
}

TEST_CASE("sparse deltas: walks over the inputs, as the plan tells them") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 4; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::BF16, {300000}, k + 1)}));
  const auto checkpoints = open_all(paths);
  const auto passes = [&](const Case& one) { return passes_of(make_plan(one.recipe(), checkpoints), checkpoints); };
  const std::vector<Pass> ties = passes(cases()[0]);
  REQUIRE(ties.size() == 5);
  constexpr uint64_t kAll = 4 * 300000 * 2;
  for (const size_t k : {0u, 1u, 2u, 4u}) CHECK(ties[k].bytes_to_read == kAll);
  CHECK(ties[3].bytes_to_read == kAll / 5 * 2);  // a block for each of two
  CHECK_FALSE(ties[1].at_most);
  CHECK(ties[2].at_most);
  CHECK(passes(cases()[1]).size() == 6);  // and one for what stays
  Case whole = cases()[0];
  whole.densities = {1, 1, 0, 1};
  CHECK(passes(whole).size() == 1);
}
