// SPDX-License-Identifier: Apache-2.0
// What is merged by ranks of magnitudes, by mergekit's draws and by its order of equal magnitudes, against definitions
// that see whole tensors.
#include "core/orders/made_orders.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/plan/passes.h"
#include "core/plan/plan.h"
#include "core/recipe/method_defaults.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"
#include "tests/kernels/naive_placed.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Shape1 = std::vector<uint64_t>;

struct Case {
  std::string name;
  Shape1 shape;
};

// By name: the order in which mergekit draws.
const std::vector<Case>& shapes() {
  static const std::vector<Case> all = {
      {"a.matrix", {70, 401}}, {"b.conv", {9, 40, 3, 3}}, {"c.vector", {1003}},     {"d.scalar", {}},
      {"e.column", {50, 1}},   {"f.empty", {0, 4}},       {"g.batch", {5, 130, 7}}, {"h.one", {1}},
      {"i.wide", {3, 20'011}}, {"j.large", {300, 1000}}};
  return all;
}

uint64_t count_of(const Shape1& shape) {
  return std::accumulate(shape.begin(), shape.end(), uint64_t{1}, std::multiplies<>());
}

// Of few different values where `levels` is not 0, so that many magnitudes are equal.
std::vector<std::vector<float>> values_of(uint64_t seed, int levels) {
  std::vector<std::vector<float>> all;
  std::mt19937_64 random(seed);
  for (const Case& one : shapes()) {
    std::vector<float>& values = all.emplace_back(count_of(one.shape));
    for (float& value : values) {
      const double unit = static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
      value = static_cast<float>(levels == 0 ? unit : std::floor(unit * levels) / levels);
    }
  }
  return all;
}

struct Inputs {
  TempFolder folder;
  std::vector<std::vector<std::vector<float>>> values;  // by input and tensor
  std::vector<std::string> paths;

  Inputs(size_t count, int levels) {
    for (uint64_t k = 0; k < count; ++k) {
      values.push_back(values_of(k + 1, levels));
      std::vector<FileTensor> tensors;
      for (size_t t = 0; t < shapes().size(); ++t)
        tensors.push_back(f32(shapes()[t].name, shapes()[t].shape, values[k][t]));
      paths.push_back(write_file(folder / std::to_string(k), tensors, k));
    }
  }
  std::vector<float> delta(size_t k, size_t t) const {
    std::vector<float> out = values[k][t];
    for (size_t i = 0; i < out.size(); ++i) out[i] = out[i] - values[0][t][i];
    return out;
  }
};

struct Numbers {
  std::string method = "della_linear";
  std::vector<double> weights, densities;
  double epsilon = 0.15;
  bool normalize = false, rescale = true, masks = false;
  double seed = 3;
};

Recipe recipe_of(const Numbers& of) {
  Recipe recipe = plain({.method = of.method});
  recipe.parameters = {{"weights", of.weights},
                       {"densities", of.densities},
                       {"normalize", {of.normalize ? 1.0 : 0}},
                       {"rescale", {of.rescale ? 1.0 : 0}},
                       {"seed", {of.seed}},
                       {"mergekit_masks", {of.masks ? 1.0 : 0}}};
  if (of.method.starts_with("della")) recipe.parameters["epsilon"] = {of.epsilon};
  return recipe;
}

// Shares of elements, with ranks along the second dimension, or the only one.
std::vector<float> shares_of(const std::vector<float>& delta, const Shape1& shape, double density, double epsilon,
                             bool as_torch) {
  const uint64_t length = shape.empty() ? 1 : shape.size() == 1 ? shape[0] : shape[1];
  uint64_t apart = 1;
  for (size_t i = 2; i < shape.size(); ++i) apart *= shape[i];
  std::vector<float> shares(delta.size(), static_cast<float>(density));
  for (uint64_t first = 0; length > 1 && first < delta.size(); ++first) {
    if (first / apart % length != 0) continue;
    std::vector<std::pair<float, int64_t>> line;
    for (uint64_t i = 0; i < length; ++i) line.emplace_back(std::fabs(delta[first + i * apart]), i);
    const auto less = [](const auto& x, const auto& y) { return x.first < y.first; };
    as_torch ? std::sort(line.begin(), line.end(), less) : std::stable_sort(line.begin(), line.end(), less);
    for (uint64_t rank = 0; rank < length; ++rank) {
      const float norm = static_cast<float>(rank) / static_cast<float>(length - 1);
      const float scaled = norm * 2 * static_cast<float>(epsilon);
      shares[first + static_cast<uint64_t>(line[rank].second) * apart] = scaled + static_cast<float>(density - epsilon);
    }
  }
  return shares;
}

std::vector<double> philox_draws(const std::string& method, const std::string& name, size_t k, double seed,
                                 size_t count) {
  uint32_t hash = 0x811c9dc5;
  for (const char c : method) hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193;
  Program program{
      .code = {{.op = Op::uniform, .operand = static_cast<uint16_t>(k), .k0 = seed, .k1 = static_cast<double>(hash)}}};
  const uint64_t shape[] = {count};
  fill_places(program, {.name = name, .shape = shape});
  std::vector<double> draws(count);
  for (size_t i = 0; i < count; ++i) draws[i] = naive_placed(program.code[0], i);
  return draws;
}

// By tensor and input: which elements are kept.
using Masks = std::vector<std::vector<std::vector<bool>>>;

Masks masks_of(const Inputs& inputs, const Numbers& of) {
  std::mt19937 generator(static_cast<uint32_t>(of.seed));
  const bool ranks = of.method.starts_with("della");
  Masks masks(shapes().size(), std::vector<std::vector<bool>>(inputs.values.size()));
  for (size_t t = 0; t < shapes().size(); ++t)
    for (size_t k = 1; k < inputs.values.size(); ++k) {
      const std::vector<float> delta = inputs.delta(k, t);
      const double density = of.densities[k];
      std::vector<bool>& mask = masks[t][k];
      mask.assign(delta.size(), density >= 1);
      if (density >= 1 || (ranks && density <= 0)) continue;
      std::vector<float> shares(delta.size(), static_cast<float>(density));
      if (ranks) shares = shares_of(delta, shapes()[t].shape, density, of.epsilon, of.masks);
      const std::vector<double> own = philox_draws(of.method, shapes()[t].name, k, of.seed, delta.size());
      for (size_t i = 0; i < delta.size(); ++i)
        mask[i] = (of.masks ? static_cast<double>(generator() & 0xffffff) * 0x1p-24 : own[i]) < shares[i];
    }
  return masks;
}

std::vector<double> right(const Inputs& inputs, const Numbers& of, const Masks& masks, size_t t) {
  const size_t count = inputs.values[0][t].size();
  std::vector<std::vector<double>> terms(inputs.values.size(), std::vector<double>(count));
  double weights = 0;
  for (size_t k = 1; k < inputs.values.size(); ++k) {
    const std::vector<float> delta = inputs.delta(k, t);
    double all = 0, left = 0;
    for (size_t i = 0; i < count; ++i) {
      all += std::fabs(delta[i]);
      if (masks[t][k][i]) left += std::fabs(delta[i]);
    }
    const bool scales = of.rescale && of.densities[k] < 1 && all >= 1e-7 && left >= 1e-7;
    for (size_t i = 0; i < count; ++i)
      if (masks[t][k][i]) terms[k][i] = of.weights[k] * (scales ? all / left : 1) * delta[i];
    weights += of.weights[k];
  }
  std::vector<double> out(count);
  for (size_t i = 0; i < count; ++i) {
    double sum = 0, election = 0, divisor = weights;
    for (size_t k = 1; k < terms.size(); ++k) sum += terms[k][i], election += static_cast<float>(terms[k][i]);
    if (of.method == "della" || of.method == "dare_ties") {
      sum = divisor = 0;
      for (size_t k = 1; k < terms.size(); ++k)
        if (election < 0 ? terms[k][i] < 0 : terms[k][i] > 0) sum += terms[k][i], divisor += of.weights[k];
      if (divisor == 0) divisor = 1;
    }
    out[i] = inputs.values[0][t][i] + (of.normalize ? sum / divisor : sum);
  }
  return out;
}

void check(const Inputs& inputs, const Numbers& of) {
  merge(recipe_of(of), inputs.paths, inputs.folder / "out", {.replace = true, .sync = false});
  const Masks masks = masks_of(inputs, of);
  for (size_t t = 0; t < shapes().size(); ++t) {
    CAPTURE(shapes()[t].name);
    CAPTURE(of.method);
    const std::vector<float> got = f32_values(inputs.folder / "out", shapes()[t].name);
    const std::vector<double> expected = right(inputs, of, masks, t);
    REQUIRE(got.size() == expected.size());
    size_t far = 0;
    for (size_t i = 0; i < got.size(); ++i) far += std::fabs(got[i] - expected[i]) > 2e-6;
    // A sum of terms that cancel may elect either sign.
    CHECK(far <= (of.method == "della" || of.method == "dare_ties" ? got.size() / 1000 : 0));
  }
}

}  // namespace

TEST_CASE("della: what is kept hangs on ranks along the second dimension, with own masks and mergekit's") {
  for (const int levels : {0, 9})
    for (const bool masks : {false, true}) {
      const Inputs inputs(3, levels);
      check(inputs, {.weights = {1, 0.6, 0.3}, .densities = {1, 0.5, 0.3}, .masks = masks});
      check(inputs,
            {.weights = {1, 0.6, 0.3}, .densities = {1, 0.2, 1}, .normalize = true, .rescale = false, .masks = masks});
      check(inputs, {.method = "della",
                     .weights = {1, 0.6, 0.3},
                     .densities = {1, 0.5, 0.4},
                     .epsilon = 0.3,
                     .normalize = true,
                     .masks = masks});
    }
}

TEST_CASE("della: a slab that is large, as stacked experts are, is masked in strips of its lines") {
  for (const Shape1& shape : {Shape1{1, 2100, 2001}, Shape1{1, 1'400'002, 3}}) {  // more than 4 Mi elements
    CAPTURE(shape);
    TempFolder folder;
    std::vector<float> a(count_of(shape)), b(a.size());
    std::mt19937 random(1);
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<float>(random() % 64) / 64;
      b[i] = a[i] + 1 + static_cast<float>(random() % 4096) / 4096;
    }
    const std::vector<std::string> paths = {write_file(folder / "a", {f32("w", shape, a)}),
                                            write_file(folder / "b", {f32("w", shape, b)}, 1)};
    Recipe recipe = plain({.method = "della_linear"});
    recipe.parameters = {{"density", {0.5}}, {"epsilon", {0.4}}, {"rescale", {0}}, {"seed", {3}}};
    merge(recipe, paths, folder / "out", {.replace = true, .sync = false, .memory_budget = 256 << 20});
    const std::vector<float> got = f32_values(folder / "out", "w");
    std::vector<float> delta(a.size());
    for (size_t i = 0; i < a.size(); ++i) delta[i] = b[i] - a[i];
    const std::vector<float> shares = shares_of(delta, shape, 0.5, 0.4, false);
    const std::vector<double> drawn = philox_draws("della_linear", "w", 1, 3, a.size());
    size_t wrong = 0;
    for (size_t i = 0; i < a.size(); ++i) wrong += got[i] != (drawn[i] < shares[i] ? a[i] + delta[i] : a[i]);
    CHECK(wrong == 0);
  }
}

TEST_CASE("ties_sum_with_dropout: with della_eps what is kept hangs on ranks in the whole tensor") {
  for (const double eps : {0.7, -0.3, 3.0}) {
    const Inputs inputs(2, 9);
    Recipe recipe = plain({.method = "ties_sum_with_dropout"});
    recipe.parameters = {{"probability", {0.6}}, {"della_eps", {eps}}, {"k", {1}}, {"seed", {3}}};
    merge_every_way(recipe, inputs.paths, inputs.folder);
    for (size_t t = 0; t < shapes().size(); ++t) {
      CAPTURE(shapes()[t].name);
      const std::vector<float> delta = inputs.delta(1, t),
                               got = f32_values(inputs.folder / "reference", shapes()[t].name);
      std::vector<size_t> order(delta.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::ranges::stable_sort(order, {}, [&](size_t i) { return std::fabs(delta[i]); });
      const std::vector<double> drawn = philox_draws(recipe.method, shapes()[t].name, 1, 3, delta.size());
      const auto n = static_cast<double>(delta.size());
      size_t wrong = 0;
      for (size_t rank = 0; rank < order.size(); ++rank) {
        const size_t i = order[rank];
        const double share = 0.4 + eps * ((static_cast<double>(rank) + 1) / n - (n + 1) / (2 * n));
        const double kept = drawn[i] < static_cast<float>(share) ? delta[i] / 0.4 : 0;
        wrong += std::fabs(got[i] - (inputs.values[0][t][i] + kept)) > 2e-6;
      }
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("dare with mergekit's masks: drawn by name, input and element, nothing for a density of 1") {
  const Inputs inputs(4, 0);
  check(
      inputs,
      {.method = "dare_linear", .weights = {1, 0.6, 0.3, 2}, .densities = {1, 0.5, 1, 0.3}, .masks = true, .seed = 42});
  check(inputs,
        {.method = "dare_linear", .weights = {1, 1, 1, 1}, .densities = {1, 0, 0.9, 0.3}, .masks = true, .seed = 0});
  check(inputs, {.method = "dare_ties",
                 .weights = {1, 0.6, 0.3, 2},
                 .densities = {1, 0.5, 0.7, 0.3},
                 .normalize = true,
                 .masks = true});
}

TEST_CASE("della: the same file on every ISA and device, with any threads, tiles and budget, masks of either kind") {
  const Inputs inputs(3, 9);
  for (const bool masks : {false, true})
    merge_every_way(
        recipe_of({.method = "della", .weights = {1, 0.6, 0.3}, .densities = {1, 0.5, 0.3}, .masks = masks}),
        inputs.paths, inputs.folder);
}

TEST_CASE("ties and breadcrumbs keep mergekit's of equal magnitudes") {
  const Inputs inputs(2, 9);
  for (const auto& [method, gamma] : {std::pair{"ties", 0.0}, std::pair{"breadcrumbs", 0.1}})
    for (const bool rescale : {false, true}) {
      Recipe recipe = plain({.method = method});
      recipe.parameters = {{"density", {0.4}}, {"rescale", {rescale ? 1.0 : 0}}, {"mergekit_order", {1}}};
      if (gamma > 0) recipe.parameters["gamma"] = {gamma};
      merge_every_way(recipe, inputs.paths, inputs.folder);
      for (size_t t = 0; t < shapes().size(); ++t) {
        CAPTURE(shapes()[t].name);
        const std::vector<float> delta = inputs.delta(1, t),
                                 got = f32_values(inputs.folder / "reference", shapes()[t].name);
        std::vector<std::pair<float, int64_t>> order;
        for (size_t i = 0; i < delta.size(); ++i) order.emplace_back(std::fabs(delta[i]), i);
        if (gamma > 0)
          std::sort(order.begin(), order.end(), [](const auto& x, const auto& y) { return x.first < y.first; });
        else
          std::sort(order.begin(), order.end(), [](const auto& x, const auto& y) { return x.first > y.first; });
        const auto n = static_cast<double>(delta.size());
        const auto keep = std::min(delta.size(), std::max<size_t>(1, static_cast<size_t>(0.4 * n)));
        const auto top = std::min(static_cast<size_t>(gamma * n), delta.size() - keep);
        const size_t begin = gamma > 0 ? delta.size() - keep - top : 0;
        std::vector<bool> stays(delta.size());
        double all = 0, left = 0;
        for (size_t i = 0; i < keep; ++i) stays[static_cast<size_t>(order[begin + i].second)] = true;
        for (size_t i = 0; i < delta.size(); ++i)
          all += std::fabs(delta[i]), left += stays[i] ? std::fabs(delta[i]) : 0;
        const double scale = rescale && left >= 1e-7 ? all / left : 1;
        size_t far = 0;
        for (size_t i = 0; i < got.size(); ++i)
          far += std::fabs(got[i] - (inputs.values[0][t][i] + (stays[i] ? scale * delta[i] : 0))) > 2e-6;
        CHECK(far == 0);
      }
    }
}

namespace {

// Population variances over the differences, each sum in f64, as torch has them.
std::vector<float> variances_of(const std::vector<std::vector<float>>& deltas) {
  std::vector<float> all;
  for (size_t i = 0; i < deltas[0].size(); ++i) {
    double mean = 0, sum = 0, models = 0;
    for (const std::vector<float>& delta : deltas) {
      const double before = delta[i] - mean;
      mean += before / ++models;
      sum += before * (delta[i] - mean);
    }
    all.push_back(static_cast<float>(sum / models));
  }
  return all;
}

// Of pairs of a variance and an index, as torch.topk() does.
std::vector<bool> chosen_of(const std::vector<float>& variances, double share) {
  std::vector<std::pair<float, int64_t>> order;
  for (size_t i = 0; i < variances.size(); ++i) order.emplace_back(variances[i], i);
  const auto varied = std::ranges::count_if(variances, [](float one) { return one != 0; });
  const auto kept = static_cast<ptrdiff_t>(static_cast<float>(varied) * static_cast<float>(share));
  const auto larger = [](const auto& x, const auto& y) { return x.first > y.first; };
  std::vector<bool> chosen(variances.size());
  if (kept == 0) return chosen;
  if (kept * 64 <= static_cast<ptrdiff_t>(order.size()))
    std::partial_sort(order.begin(), order.begin() + kept, order.end(), larger);
  else
    std::nth_element(order.begin(), order.begin() + kept - 1, order.end(), larger);
  for (ptrdiff_t i = 0; i < kept; ++i) chosen[static_cast<size_t>(order[static_cast<size_t>(i)].second)] = true;
  return chosen;
}

std::vector<float> sce_of(const std::vector<float>& base, std::vector<std::vector<float>> deltas,
                          const std::vector<bool>& chosen) {
  std::vector<double> weights;
  double all = 0;
  for (std::vector<float>& delta : deltas) {
    double sum = 0;
    for (size_t i = 0; i < delta.size(); ++i) delta[i] = chosen[i] ? delta[i] : 0, sum += double{delta[i]} * delta[i];
    all += weights.emplace_back(sum / static_cast<double>(delta.size()));
  }
  std::vector<float> out = base;
  for (size_t i = 0; i < base.size(); ++i) {
    float total = 0;
    for (const std::vector<float>& delta : deltas) total += delta[i];
    double sum = 0, counted = 0;
    for (size_t k = 0; k < deltas.size(); ++k) {
      if (!(total >= 0 ? deltas[k][i] > 0 : deltas[k][i] < 0)) continue;
      const double weight = all < 1e-6 ? 1 / static_cast<double>(deltas.size()) : weights[k] / all;
      sum += weight * deltas[k][i], counted += weight;
    }
    out[i] += static_cast<float>(sum / std::max(counted, 1e-6));
  }
  return out;
}

}  // namespace

TEST_CASE("sce keeps mergekit's of equal variances") {
  for (const size_t count : {3u, 4u}) {
    const Inputs inputs(count, 9);
    // On both sides of a share of 1 in 64, from where on torch sorts what it chooses.
    for (const double share : {0.4, 0.01}) {
      Recipe recipe = plain({.method = "sce"});
      recipe.parameters = {{"select_topk", {share}}, {"mergekit_order", {1}}};
      merge_every_way(recipe, inputs.paths, inputs.folder);
      for (size_t t = 0; t < shapes().size(); ++t) {
        CAPTURE(shapes()[t].name);
        std::vector<std::vector<float>> deltas;
        for (size_t k = 1; k < count; ++k) deltas.push_back(inputs.delta(k, t));
        const std::vector<float> got = f32_values(inputs.folder / "reference", shapes()[t].name),
                                 expected = sce_of(inputs.values[0][t], deltas, chosen_of(variances_of(deltas), share));
        size_t far = 0;
        for (size_t i = 0; i < got.size(); ++i) far += std::fabs(got[i] - expected[i]) > 2e-6;
        CHECK(far == 0);
      }
    }
  }
}

TEST_CASE("what orders need is told, and refused where the budget is less") {
  const Inputs inputs(2, 0);
  const Inputs many(5, 0);
  const auto held = [&](const Recipe& recipe, const std::vector<std::string>& paths) {
    std::vector<Checkpoint> checkpoints = open_all(paths);
    add_orders(recipe, checkpoints);
    return make_plan(recipe, checkpoints).held_whole;
  };
  Recipe ties = plain({.method = "ties", .parameters = {{"density", {0.4}}, {"mergekit_order", {1}}}});
  CHECK(held(ties, inputs.paths) > 8 * 300'000);
  CHECK(held(ties, inputs.paths) < 9 * 300'000 + (2 << 20));                    // and what is read at a time
  CHECK(held(ties, many.paths) == held(ties, inputs.paths) + 3 * 300'000 / 4);  // one is sorted at a time
  const Failure small = failure([&] {
    merge(ties, inputs.paths, inputs.folder / "out", {.replace = true, .sync = false, .memory_budget = 2 << 20});
  });
  CHECK(small.code == ErrorCode::resources);
  ties.parameters["density"] = {1};
  CHECK(held(ties, inputs.paths) == 0);
  Recipe sce = plain({.method = "sce", .parameters = {{"select_topk", {0.4}}, {"mergekit_order", {1}}}});
  CHECK(held(sce, many.paths) > 8 * 300'000);
  CHECK(held(sce, many.paths) < 9 * 300'000 + (4 << 20));
  CHECK(held(sce, inputs.paths) == 0);  // one beside A has no variance
  sce.parameters["select_topk"] = {1};
  CHECK(held(sce, many.paths) == 0);
  const Recipe della = plain({.method = "della", .parameters = {{"density", {0.4}}}});
  CHECK(held(della, inputs.paths) > 0);
  CHECK(held(della, inputs.paths) < 16 << 20);
}

TEST_CASE("what is read of orders is what they are made of, in every pass, and of draws nothing") {
  const Inputs inputs(3, 0);
  uint64_t input = 0;
  for (const Case& one : shapes()) input += count_of(one.shape) * sizeof(float);
  struct Row {
    const char* method;
    MethodParameters parameters;
    std::vector<uint64_t> read;  // inputs, by pass
  };
  for (const Row& row : {Row{"della_linear", {{"densities", {1, 0.5, 0.5}}, {"rescale", {0}}}, {7}},
                         {"della_linear", {{"densities", {1, 0.5, 0.5}}, {"rescale", {1}}}, {7, 7}},
                         {"dare_linear", {{"densities", {1, 0.5, 0.5}}, {"mergekit_masks", {1}}}, {3, 3}},
                         {"ties", {{"density", {0.4}}, {"mergekit_order", {1}}, {"rescale", {0}}}, {7}}}) {
    const Recipe recipe = plain({.method = row.method, .parameters = row.parameters});
    std::vector<Checkpoint> checkpoints = open_all(inputs.paths);
    add_orders(recipe, checkpoints);
    CHECK(checkpoints.size() > 3);
    const Plan plan = make_plan(recipe, checkpoints);
    std::vector<uint64_t> read;
    for (const Pass& pass : passes_of(plan, checkpoints)) read.push_back(pass.bytes_to_read / input);
    CHECK_MESSAGE(read == row.read, std::string(row.method));
    CHECK(plan.bytes_to_read == row.read.back() * input);
    const Plan* const plans[] = {&plan, &plan};
    CHECK(bytes_to_read_together(plans, checkpoints) == plan.bytes_to_read);
  }
}

TEST_CASE("mergekit's masks of channels that not all have are drawn for those that others have") {
  TempFolder folder;
  constexpr uint64_t kRows = 60, kPlane = 9, kWide = 9 * kPlane, kNarrow = 4 * kPlane;
  std::vector<float> wide(kRows * kWide), head(kRows * kNarrow), other(kRows * kNarrow), rest(700), other_rest(700);
  std::mt19937_64 random(1);
  const auto draw = [&](std::vector<float>& values) {
    for (float& value : values) value = static_cast<float>(static_cast<double>(random() >> 11) * 0x1p-53 - 0.5);
  };
  for (std::vector<float>* values : {&wide, &other, &rest, &other_rest}) draw(*values);
  for (size_t i = 0; i < head.size(); ++i) head[i] = wide[i / kNarrow * kWide + i % kNarrow];
  const std::string a = write_file(folder / "a", {f32("conv", {kRows, 9, 3, 3}, wide), f32("later", {700}, rest)});
  const std::string of_head =
      write_file(folder / "h", {f32("conv", {kRows, 4, 3, 3}, head), f32("later", {700}, rest)});
  const std::string b =
      write_file(folder / "b", {f32("conv", {kRows, 4, 3, 3}, other), f32("later", {700}, other_rest)}, 1);
  Recipe recipe = plain({.method = "dare_linear", .parameters = {{"density", {0.5}}, {"mergekit_masks", {1}}}});
  merge(recipe, {of_head, b}, folder / "narrow", {.sync = false});
  merge_every_way(recipe, {a, b}, folder);
  const std::vector<float> got = f32_values(folder / "reference", "conv"),
                           wanted = f32_values(folder / "narrow", "conv");
  size_t far = 0, changed = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const size_t row = i / kWide, at = i % kWide;
    far += got[i] != (at < kNarrow ? wanted[row * kNarrow + at] : wide[i]);
    changed += got[i] != wide[i];
  }
  CHECK(far == 0);
  CHECK(changed > kRows * kNarrow / 3);
  CHECK(f32_values(folder / "reference", "later") == f32_values(folder / "narrow", "later"));
  recipe.expand = ExpandPolicy::zero;  // there are no numbers for the others
  CHECK(failure([&] { merge(recipe, {a, b}, folder / "out", {.sync = false}); }).code == ErrorCode::mismatch);
  recipe.expand = ExpandPolicy::copy;
  recipe.method = "della_linear";
  recipe.parameters["epsilon"] = {0.1};
  CHECK(failure([&] { merge(recipe, {a, b}, folder / "out", {.sync = false}); }).code == ErrorCode::mismatch);
}

TEST_CASE("a run ends while elements are put in order, when its stop flag is raised") {
  const Inputs inputs(3, 0);
  for (const char* method : {"ties", "della", "sce"}) {
    Recipe recipe = plain({.method = method, .parameters = {{"density", {0.4}}}});
    if (recipe.method == "sce") recipe.parameters = {{"select_topk", {0.4}}};
    if (recipe.method != "della") recipe.parameters["mergekit_order"] = {1};
    std::vector<Checkpoint> checkpoints = open_all(inputs.paths);
    std::atomic<int> asked = 0;
    add_orders(recipe, checkpoints, {.stop = StopFlag([&] { return ++asked > 3; })});
    const Plan plan = make_plan(recipe, checkpoints);
    CHECK(asked == 0);
    const Failure stopped = failure([&] { run(plan, checkpoints, inputs.folder / "out", {.sync = false}); });
    CHECK_MESSAGE(stopped.code == ErrorCode::interrupted, method);
  }
}

TEST_CASE("whether to stop is asked for so many elements, not for each line or row") {
  TempFolder folder;
  for (const Shape1& shape : {Shape1{20'000, 9}, Shape1{1000, 70}, Shape1{1, 1'400'002, 3}})
    for (const bool masks_of_mergekit : {false, true}) {
      if (masks_of_mergekit && shape.size() == 3) continue;  // ranks are of whole slabs
      CAPTURE(shape);
      std::vector<std::string> paths;
      for (uint64_t k = 0; k < 2; ++k)
        paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::BF16, shape, k)}));
      Recipe recipe = plain({.method = "della_linear"});
      recipe.parameters = {{"density", {0.5}}, {"epsilon", {0.4}}};
      if (masks_of_mergekit) recipe.parameters["mergekit_masks"] = {1};
      std::vector<Checkpoint> checkpoints = open_all(paths);
      std::atomic<int> asked = 0;
      const StopFlag stop([&] { return ++asked < 0; });
      add_orders(recipe, checkpoints, {.stop = stop});
      run(make_plan(recipe, checkpoints), checkpoints, folder / "out", {.replace = true, .sync = false});
      CHECK(asked > 0);
      CHECK(asked < 200);
    }
}

TEST_CASE("NaN is the largest magnitude, equal checkpoints stay, and what a mask drops does not count") {
  TempFolder folder;
  std::vector<float> a(1000), b(1000);
  for (size_t i = 0; i < a.size(); ++i)
    a[i] = static_cast<float>(i) / 7, b[i] = a[i] + static_cast<float>(i % 90 + 1) / 64;
  b[500] = NAN;
  const std::vector<std::string> paths = {write_file(folder / "a", {f32("w", {1, 1000}, a)}),
                                          write_file(folder / "b", {f32("w", {1, 1000}, b)}, 1)};
  const Recipe recipe = plain({.method = "della_linear", .parameters = {{"density", {0.5}}, {"epsilon", {0.4999}}}});
  merge(recipe, paths, folder / "out", {.replace = true, .sync = false});
  const std::vector<float> got = f32_values(folder / "out", "w");
  CHECK(std::isnan(got[500]));  // kept with a share of 0.9999
  CHECK(std::ranges::count_if(got, [](float value) { return std::isnan(value); }) == 1);
  b[501] = INFINITY;  // of which a difference is none
  const std::string first = write_file(folder / "c", {f32("w", {1, 1000}, b)});
  merge(recipe, {first, write_file(folder / "d", {f32("w", {1, 1000}, b)}, 2)}, folder / "same",
        {.replace = true, .sync = false});
  CHECK(tensor_bytes(folder / "same", "w") == tensor_bytes(first, "w"));
}

TEST_CASE("what has no order is refused in a sentence") {
  const Inputs inputs(3, 0);
  const auto fails = [&](const Recipe& recipe) {
    return failure([&] {
      std::vector<Checkpoint> checkpoints = open_all(inputs.paths);
      add_orders(recipe, checkpoints);
      make_plan(recipe, checkpoints);
    });
  };
  const auto formula = [](const std::string& text) {
    return plain({.method = kFormulaMethod, .formula = Formula{.text = text, .names = {"A", "B", "C"}}});
  };
  const Failure nested = fails(formula("della(A, slerp(B, C, t=0.5), density=0.4)"));
  CHECK(nested.code == ErrorCode::usage);
  CHECK(nested.text.find("merge what it is to take into a file first") != std::string::npos);
  CHECK(fails(formula("della(A, slerp(B, C, t=0.5))")).text == "");  // of a density of 1 nothing is ranked
  CHECK(fails(formula("0.5*della(A, B, density=0.4) + 0.5*della(A, C, density=0.4)")).text == "");
  const Failure twice =
      fails(formula("0.5*dare_linear(A, B, density=0.4, mergekit_masks=true) + 0.5*dare_linear(A, C, density=0.4, "
                    "mergekit_masks=true)"));
  CHECK(twice.text.find("drawn in one order") != std::string::npos);
  const Failure epsilon = fails(plain({.method = "della", .parameters = {{"density", {0.9}}}}));
  CHECK(epsilon.text.find("density + epsilon below 1") != std::string::npos);
  std::vector<Checkpoint> checkpoints = open_all(inputs.paths);
  const Recipe della = plain({.method = "della", .parameters = {{"density", {0.4}}}});
  CHECK(failure([&] { make_plan(della, checkpoints); }).text.find("add_orders()") != std::string::npos);
}
