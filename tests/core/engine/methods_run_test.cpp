// SPDX-License-Identifier: Apache-2.0
// Every method: the same bytes on every ISA and device, with any threads, tiles and budget, and the same that other
// machines and earlier versions gave.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/orders/made_orders.h"
#include "core/plan/passes.h"
#include "kernels/method.h"
#include "tests/core/merge_runs.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

struct Row {
  std::string method;
  size_t inputs;
  std::map<std::string, std::vector<double>> parameters;
  uint64_t digest;  // of the file
};

std::vector<Row> rows() {
  return {
      {"add_cosine_a", 2, {{"alpha", {0.4}}}, 0x8c85aaf8e739f0a7},
      {"add_cosine_b", 2, {{"alpha", {-0.2}}}, 0x39181200777e8903},
      {"add_difference", 3, {{"alpha", {0.7}}}, 0x9d0fe2af94a83271},
      {"add_opposite", 3, {{"alpha", {0.7}}}, 0x53e51bea362633c4},
      {"add_perpendicular", 3, {{"alpha", {0.7}}}, 0x82a192ff7c7743d9},
      {"add_strict_opposite", 3, {{"alpha", {0.7}}}, 0x8e1d7d0170d65fe2},
      {"arcee_fusion", 2, {}, 0x1ac5a09fbbb2c5cb},
      {"breadcrumbs",
       3,
       {{"weights", {1, 0.5, 0.75}}, {"density", {0.4}}, {"gamma", {0.05}}, {"normalize", {1}}},
       0xa85fd2a4b388ff1b},
      {"breadcrumbs_ties",
       4,
       {{"densities", {1, 0.4, 0.9, 1}}, {"gammas", {0, 0.05, 0.2, 0.3}}, {"rescale", {1}}},
       0x7e0b7184f7b6617a},
      {"breadcrumbs", 3, {{"density", {0.4}}, {"gamma", {0.05}}, {"mergekit_order", {1}}}, 0x2314f133ef1db5df},
      {"clamp", 4, {{"stiffness", {0.3}}}, 0x100191de02b305c7},
      {"consensus", 4, {{"alpha", {0.7}}, {"threshold", {0.5}}}, 0x03519c61eb3da9ff},
      {"copy", 1, {}, 0x99530413f763dd56},
      {"cosine_a", 2, {{"alpha", {0.2}}}, 0x7f9507d3577568f0},
      {"cosine_b", 2, {{"alpha", {0.2}}}, 0x0ee7c6d45e5a4711},
      {"dare_linear", 3, {{"density", {0.4}}, {"weights", {1, 0.6, 0.3}}, {"seed", {7}}}, 0xd476cf0ee1426eaa},
      {"dare_ties",
       4,
       {{"density", {0.6}}, {"densities", {1, 1, 0.5, 1}}, {"normalize", {1}}, {"seed", {8}}},
       0x12331d51029e6ce2},
      {"dare_linear", 3, {{"density", {0.4}}, {"seed", {7}}, {"mergekit_masks", {1}}}, 0x20dc24fb2db6ff10},
      {"della", 4, {{"density", {0.6}}, {"densities", {1, 1, 0.5, 0.3}}, {"seed", {8}}}, 0x52fb7c98b9d6ef52},
      {"della", 3, {{"density", {0.5}}, {"epsilon", {0.3}}, {"mergekit_masks", {1}}}, 0xcab6ab6b88599312},
      {"della_linear", 3, {{"density", {0.4}}, {"weights", {1, 0.6, 0.3}}, {"seed", {7}}}, 0x5d518ed18ff446d8},
      {"dropout", 1, {{"density", {0.3}}, {"seed", {5}}}, 0xe0de6d1bf79b3b32},
      {"crossover", 2, {{"alpha", {0.3}}}, 0xaa1e48e106ecb11d},
      {"crossover", 2, {{"alpha", {0.3}}, {"tilt", {0.4}}}, 0x2204fa16015256c2},
      {"distribution_crossover", 3, {{"alpha", {0.3}}, {"beta", {0.2}}}, 0xf90a89860b80cb1f},
      {"dropout", 3, {{"density", {0.3}}, {"alpha", {0.7}}, {"seed", {6}}}, 0x006e6cfcc7daf7d9},
      {"dropout", 4, {{"density", {0.6}}, {"seed", {7}}, {"overlap_average", {1}}}, 0x90bacc6fbfd8edf7},
      {"ema_series", 4, {{"decay", {0.7}}}, 0x7f5378dc4480cdeb},
      {"euclidean_add_difference", 3, {{"alpha", {0.3}}}, 0x2046658ccbf5550a},
      {"expo", 2, {{"alpha", {0.4}}}, 0x50f1449a6f99f7fe},
      {"extract", 3, {{"alpha", {0.3}}, {"beta", {0.2}}, {"gamma", {0.7}}}, 0xf3cbd1086febaa3d},
      {"extract", 3, {{"alpha", {0.3}}, {"beta", {0.2}}, {"gamma", {0.7}}, {"rows", {0}}}, 0xdd5a0cd55017d0d6},
      {"geometric", 2, {{"alpha", {0.3}}}, 0x0b7979557a4efc1b},
      {"geometric_median", 4, {}, 0x85d11fd3ff3febda},
      {"iso_c", 3, {{"alpha", {0.7}}}, 0x8bbe81f166fce74c},
      {"iso_cts", 3, {{"alpha", {0.7}}, {"common", {0.6}}}, 0xeecaf66294a02e15},
      {"karcher", 4, {}, 0x33d27ad86a37aad7},
      {"knots", 3, {{"alpha", {0.7}}, {"density", {0.4}}, {"weights", {1, 0.5, 0.75}}}, 0x3cf30d53caadbd60},
      {"knots", 4, {{"elect", {0}}, {"normalize", {0}}, {"density", {0.6}}}, 0xa3a05c7fae595813},
      {"linear", 4, {{"weights", {0.4, -0.1, 0.3, 0.2}}}, 0x67797cbf0ae61563},
      {"magmax", 4, {{"alpha", {0.5}}}, 0xc96197ee039f6e7b},
      {"max", 3, {}, 0xece535e49b6cb202},
      {"min", 3, {}, 0xfab08168677c7688},
      {"model_stock", 4, {}, 0x35e74fbb0a4fe0ae},
      {"model_stock", 4, {{"filter_wise", {1}}}, 0x5a304361cb0f9e62},
      {"multiply_difference", 3, {{"alpha", {0.3}}, {"beta", {0.6}}}, 0x94227a7757c48f32},
      {"multislerp", 4, {{"weights", {0.4, 0.1, 0.3, 0.2}}}, 0x8475a633a07f2da1},
      {"multislerp", 4, {{"weights", {1, 0.1, 0.3, 0.2}}, {"base", {1}}}, 0x6e243cda8d54d57a},
      {"n_average", 3, {}, 0x88e1388fb319f6e9},
      {"nearswap", 2, {{"t", {0.001}}}, 0x9a770724e447366a},
      {"nuslerp", 2, {{"weights", {0.4, 0.7}}}, 0x0e230f590f600557},
      {"nuslerp", 3, {{"weights", {1, 0.4, 0.7}}}, 0xc51c421a5ebecb21},
      {"nuslerp", 2, {{"weights", {0.4, 0.7}}, {"flatten", {0}}}, 0x5093c77ef6e426d9},
      {"nuslerp", 3, {{"weights", {1, 0.4, 0.7}}, {"flatten", {0}}, {"row_wise", {1}}}, 0x8fd2f666c1123d16},
      {"perpendicular_component", 2, {}, 0xdeb4efd89702942f},
      {"ram", 4, {{"epsilon", {0.01}}}, 0x1c3e474ccc4fc846},
      {"ramplus_tl", 4, {{"epsilon", {0.5}}, {"r", {0.3}}}, 0x42787e20157cab96},
      {"rebasin", 2, {{"alpha", {0.3}}}, 0xb2eb0395164fff47},
      {"rotate", 2, {{"alpha", {0.3}}}, 0x4e70d3c45d28346e},
      {"rotate", 2, {{"alpha", {0.3}}, {"alignment", {0}}, {"centralization", {0.5}}}, 0x5492fbc215f116e3},
      {"rotate", 2, {{"alpha", {0.3}}, {"alignment", {0.4}}}, 0x3f22e72757a42cc6},
      {"scale", 1, {{"alpha", {0.7}}}, 0x1781386213711590},
      {"sce", 4, {{"select_topk", {0.3}}}, 0x4ebbb063a6b7f3c0},
      {"sce", 3, {}, 0xddde75eda44110b4},
      {"sce", 4, {{"select_topk", {0.3}}, {"mergekit_order", {1}}}, 0x72dab9d69b5b8d2e},
      {"sigmoid", 2, {{"alpha", {0.4}}}, 0x60539383fd7a5b55},
      {"similarity_add_difference", 3, {{"alpha", {0.7}}, {"beta", {0.4}}}, 0x9c2ed1f1874fbd93},
      {"slerp", 2, {{"t", {0.3}}}, 0xb216f76d8e8f8b2e},
      {"smooth_add", 3, {{"alpha", {0.7}}}, 0x7e18f20ceef40df0},
      {"sum_twice", 3, {{"alpha", {0.3}}, {"beta", {0.6}}}, 0x9d8c7abcbeb8dcf9},
      {"task_arithmetic", 3, {{"alpha", {0.9}}, {"weights", {1, 0.3, 0.6}}, {"normalize", {1}}}, 0x95857ffe0f5c9fa4},
      {"tensor_sum", 2, {{"alpha", {0.3}}, {"beta", {0.2}}}, 0x2013754178ffd243},
      {"tensor_sum", 2, {{"alpha", {0.6}}, {"beta", {0.7}}, {"columns", {1}}}, 0x03281566610f6b88},
      {"ties", 4, {{"weights", {1, 0.5, 0.75, 1}}, {"density", {0.3}}}, 0x34cfb9bc1932e6eb},
      {"ties", 3, {{"densities", {1, 0.3, 0.6}}, {"rescale", {1}}, {"normalize", {0}}}, 0xc8edfbceeb25d109},
      {"ties", 3, {{"density", {0.3}}, {"mergekit_order", {1}}}, 0xe5a3edefdef7f1e0},
      {"ties_sum", 4, {{"alpha", {0.7}}, {"k", {0.4}}}, 0xdacd519b8774efed},
      {"ties_sum", 3, {{"vote_sgn", {1}}}, 0xa4aca92de956db97},
      {"ties_sum_extended", 4, {{"apply_stock", {1}}}, 0xce9c27d1ad1fb1d1},
      {"ties_sum_extended", 4, {{"k", {0.5}}, {"vote_sgn", {1}}, {"apply_median", {1}}}, 0x6efcddd88d3531ec},
      {"ties_sum_with_dropout", 3, {{"probability", {0.4}}, {"k", {0.5}}, {"seed", {7}}}, 0x6ae227caf26cede6},
      {"top_k_tensor_sum", 2, {{"width", {0.4}}, {"offset", {0.3}}}, 0xecd631897f8213b2},
      {"train_difference", 3, {{"alpha", {0.7}}}, 0x5a278ece14cb37ef},
      {"triple_sum", 3, {{"alpha", {0.3}}, {"beta", {0.2}}}, 0xc90c0e96cadb8a78},
      {"truncate_rank", 2, {{"rank", {5}}, {"alpha", {0.7}}}, 0x5b572c9de8a75539},
      {"tsv_m", 3, {{"alpha", {0.7}}}, 0x16cb4713d08f2271},
      {"unit_slerp", 2, {{"t", {0.3}}}, 0x9f140ca5b4d529e6},
      {"weighted_subtraction", 2, {{"alpha", {0.3}}, {"beta", {0.6}}}, 0xd08e983ec98e1bfa},
      {"weighted_sum", 2, {{"alpha", {0.3}}}, 0x8b2ee75ce3274104},
  };
}

std::vector<FileTensor> tensors(uint64_t seed) {
  return {random("a.weight", Dtype::F32, {31, 401}, seed),       random("b.conv", Dtype::BF16, {40, 7, 3, 3}, seed + 1),
          random("c.weight", Dtype::F16, {130, 70}, seed + 2),   random("d.bias", Dtype::F64, {1003}, seed + 3),
          random("e.code", Dtype::F8_E4M3, {3, 5003}, seed + 4), random("f.scalar", Dtype::F32, {}, seed),
          random("g.empty", Dtype::BF16, {0, 4}, seed)};
}

uint64_t digest(const std::string& bytes) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3;
  return hash;
}

Recipe recipe_of(const Row& row) {
  Recipe recipe{.method = row.method, .parameters = row.parameters};
  recipe.metadata = MetadataPolicy::none;
  return recipe;
}

}  // namespace

TEST_CASE("every method is the same file on every ISA and device, with any threads, tiles and budget") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 4; ++k) paths.push_back(write_file(folder / std::to_string(k), tensors(10 * k + 1), k));
  for (const Row& row : rows()) {
    const std::string name = row.method + " of " + std::to_string(row.inputs);
    CAPTURE(name);
    const std::vector<std::string> inputs(paths.begin(), paths.begin() + static_cast<ptrdiff_t>(row.inputs));
    CHECK(digest(merge_every_way(recipe_of(row), inputs, folder)) == row.digest);
  }
}

TEST_CASE("every method merges as few checkpoints as it takes") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 4; ++k) paths.push_back(write_file(folder / std::to_string(k), tensors(10 * k + 1), k));
  for (const Method& method : methods()) {
    const std::string name = method.spec->name;
    CAPTURE(name);
    Recipe recipe{.method = name};
    recipe.metadata = MetadataPolicy::none;
    const auto known = rows();
    const auto row = std::ranges::find(known, name, &Row::method);
    for (const ParameterSpec& parameter : method.spec->parameter_list())
      if (const auto given = row->parameters.find(parameter.name);
          given != row->parameters.end() && parameter.kind == ParameterKind::number)
        recipe.parameters.insert(*given);
    const std::vector<std::string> least(paths.begin(), paths.begin() + method.spec->min_inputs);
    REQUIRE_NOTHROW(merge(recipe, least, folder / "out", {.replace = true, .sync = false}));
    for (const FileTensor& tensor : tensors(1))
      CHECK(tensor_bytes(folder / "out", tensor.name).size() == tensor.bytes.size());
  }
}

TEST_CASE("every method has its bytes pinned") {
  const auto known = rows();
  for (const Method& method : methods()) {
    const std::string name = method.spec->name;
    CHECK_MESSAGE(std::ranges::count(known, name, &Row::method) > 0, name, ": has no row");
  }
}

TEST_CASE("what iterates over whole tensors reads the inputs twice, however many steps it takes") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 4; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::BF16, {40, 2000}, k + 1)}));
  for (const Row& row : rows()) {
    const Method& method = *find_method(row.method);
    if (!method.reductions) continue;
    CAPTURE(row.method);
    std::vector<Checkpoint> checkpoints = open_all({paths.begin(), paths.begin() + static_cast<ptrdiff_t>(row.inputs)});
    add_orders(recipe_of(row), checkpoints);
    if (checkpoints.size() > row.inputs) continue;  // what is made of them is read besides
    const Plan plan = make_plan(recipe_of(row), checkpoints);
    if (plan.cuts() > 0) continue;               // of which each has walks of its own
    if (plan.statistic_levels() == 0) continue;  // of these numbers
    if (row.method == "cosine_a") continue;      // averages what it found of columns
    const std::vector<Pass> passes = passes_of(plan, checkpoints);
    CHECK(passes.size() == 2);
    for (const Pass& pass : passes) CHECK(pass.bytes_to_read == row.inputs * 40 * 2000 * 2);
  }
}

TEST_CASE(
    "what chooses elements by a cut reads the inputs once for each digit, and no more where equal ones all stay") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 3; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::BF16, {40, 2000}, k + 1)}));
  const auto checkpoints = open_all(paths);
  const auto passes = [&](const char* method, std::map<std::string, std::vector<double>> parameters) {
    return passes_of(make_plan({.method = method, .parameters = std::move(parameters)}, checkpoints), checkpoints)
        .size();
  };
  CHECK(passes("ties_sum", {}) == 1);
  CHECK(passes("ties_sum", {{"k", {0.3}}}) == 3);
  CHECK(passes("ties_sum_extended", {{"apply_median", {1}}}) == 4);
  CHECK(passes("sce", {}) == 2);
  CHECK(passes("sce", {{"select_topk", {0.3}}}) == 6);  // with two for equal ones, and one for weights
  CHECK(passes("sce", {{"select_topk", {0}}}) == 1);
}

TEST_CASE("sixty-four checkpoints are as well merged as four") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 64; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {3, 700}, k + 1)}));
  for (const char* const method :
       {"karcher", "multislerp", "geometric_median", "model_stock", "dare_ties", "ramplus_tl", "sce"}) {
    CAPTURE(method);
    Recipe recipe{.method = method};
    if (kThreadSanitized && recipe.method != "sce") continue;  // which needs all kinds of statistics
    recipe.metadata = MetadataPolicy::none;
    if (recipe.method == "dare_ties") recipe.parameters["density"] = {0.5};
    if (recipe.method == "sce") recipe.parameters["select_topk"] = {0.5};
    merge(recipe, paths, folder / "one", {.replace = true, .sync = false, .threads = 1});
    merge(recipe, paths, folder / "other", {.replace = true, .sync = false, .memory_budget = 16 << 20, .threads = 3});
    CHECK(read_file(folder / "one") == read_file(folder / "other"));
  }
}

TEST_CASE("where an element stands is counted in A's tensor, of which others have the first channels") {
  TempFolder folder;
  const FileTensor wide = random("w", Dtype::F32, {50, 9, 3, 3}, 1), other = random("w", Dtype::F32, {50, 9, 3, 3}, 2);
  FileTensor narrow{"w", Dtype::F32, {50, 4, 3, 3}, ""}, padded = wide;
  constexpr size_t kRow = 9 * 9 * sizeof(float), kHead = 4 * 9 * sizeof(float);
  for (size_t row = 0; row < 50; ++row) {
    narrow.bytes += other.bytes.substr(row * kRow, kHead);
    padded.bytes.replace(row * kRow, kHead, other.bytes, row * kRow, kHead);
  }
  const std::string a = write_file(folder / "a", {wide}), b = write_file(folder / "b", {narrow}, 1);
  const std::string whole = write_file(folder / "whole", {padded}, 1);
  for (const Row& row : rows()) {
    if (row.method != "tensor_sum" && row.method != "dropout") continue;
    if (row.inputs == 1) continue;
    const std::string expanded = merge_every_way(recipe_of(row), {a, b}, folder);
    merge(recipe_of(row), {a, whole}, folder / "right", {.replace = true, .sync = false});
    CHECK(tensor_bytes(folder / "reference", "w") == tensor_bytes(folder / "right", "w"));
    CHECK(expanded.size() > wide.bytes.size());
  }
}

TEST_CASE("rows whose tails count as zero in others are chosen from as if the zeros were there") {
  constexpr size_t kRow = 9 * 9 * sizeof(float), kHead = 4 * 9 * sizeof(float), kRows = 300;
  TempFolder folder;
  std::vector<std::string> narrow = {write_file(folder / "A", {random("w", Dtype::F32, {kRows, 9, 3, 3}, 1)})},
                           whole = narrow;
  for (uint64_t k = 2; k < 4; ++k) {
    FileTensor full = random("w", Dtype::F32, {kRows, 9, 3, 3}, k), cut{"w", Dtype::F32, {kRows, 4, 3, 3}, ""};
    for (size_t row = 0; row < kRows; ++row) {
      cut.bytes += full.bytes.substr(row * kRow, kHead);
      full.bytes.replace(row * kRow + kHead, kRow - kHead, kRow - kHead, '\0');
    }
    narrow.push_back(write_file(folder / ("narrow" + std::to_string(k)), {cut}, k));
    whole.push_back(write_file(folder / ("whole" + std::to_string(k)), {full}, k));
  }
  for (const Row& row : rows()) {
    if (row.method != "sce" && row.method.find("ties_sum") == std::string::npos) continue;
    if (row.parameters.contains("mergekit_order")) continue;  // an order is of tensors of one shape
    CAPTURE(row.method);
    Recipe recipe = recipe_of(row);
    recipe.expand = ExpandPolicy::zero;
    merge(recipe, narrow, folder / "narrow", {.replace = true, .sync = false});
    merge(recipe, whole, folder / "whole", {.replace = true, .sync = false});
    CHECK(tensor_bytes(folder / "narrow", "w") == tensor_bytes(folder / "whole", "w"));
  }
}

TEST_CASE("statistics of what is dropped are those of what is merged") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (uint64_t k = 0; k < 2; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {random("w", Dtype::F32, {3, 70001}, k + 1)}));
  merge({.method = "dropout", .parameters = {{"density", {0.4}}, {"seed", {3}}}}, paths, folder / "dropped");
  merge({.method = "slerp", .parameters = {{"t", {0.3}}}}, {paths[0], folder / "dropped"}, folder / "steps");
  Recipe at_once{
      .method = kFormulaMethod,
      .formula = Formula{.text = "slerp(A, dropout(A, B, density=0.4, seed=3), t=0.3)", .names = {"A", "B"}}};
  merge_every_way(at_once, paths, folder);
  CHECK(tensor_bytes(folder / "reference", "w") == tensor_bytes(folder / "steps", "w"));
}
