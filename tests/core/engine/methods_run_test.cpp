// SPDX-License-Identifier: Apache-2.0
// Every method: the same bytes on every ISA and device, with any threads, tiles and budget, and the same that other
// machines and earlier versions gave.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "kernels/method.h"
#include "tests/core/merge_runs.h"

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
      {"add_difference", 3, {{"alpha", {0.7}}}, 0x9d0fe2af94a83271},
      {"add_opposite", 3, {{"alpha", {0.7}}}, 0x53e51bea362633c4},
      {"add_strict_opposite", 3, {{"alpha", {0.7}}}, 0x8e1d7d0170d65fe2},
      {"clamp", 4, {{"stiffness", {0.3}}}, 0x100191de02b305c7},
      {"copy", 1, {}, 0x99530413f763dd56},
      {"dropout", 1, {{"density", {0.3}}, {"seed", {5}}}, 0xe0de6d1bf79b3b32},
      {"dropout", 3, {{"density", {0.3}}, {"alpha", {0.7}}, {"seed", {6}}}, 0x006e6cfcc7daf7d9},
      {"extract", 3, {{"alpha", {0.3}}, {"beta", {0.2}}, {"gamma", {0.7}}}, 0xdd5a0cd55017d0d6},
      {"geometric", 2, {{"alpha", {0.3}}}, 0x0b7979557a4efc1b},
      {"linear", 4, {{"weights", {0.4, -0.1, 0.3, 0.2}}}, 0x67797cbf0ae61563},
      {"magmax", 4, {{"alpha", {0.5}}}, 0xc96197ee039f6e7b},
      {"max", 3, {}, 0xece535e49b6cb202},
      {"min", 3, {}, 0xfab08168677c7688},
      {"multiply_difference", 3, {{"alpha", {0.3}}, {"beta", {0.6}}}, 0x94227a7757c48f32},
      {"n_average", 3, {}, 0x88e1388fb319f6e9},
      {"nearswap", 2, {{"t", {0.001}}}, 0x9a770724e447366a},
      {"scale", 1, {{"alpha", {0.7}}}, 0x1781386213711590},
      {"sigmoid", 2, {{"alpha", {0.4}}}, 0x60539383fd7a5b55},
      {"similarity_add_difference", 3, {{"alpha", {0.7}}, {"beta", {0.4}}}, 0x9c2ed1f1874fbd93},
      {"slerp", 2, {{"t", {0.3}}}, 0xb216f76d8e8f8b2e},
      {"sum_twice", 3, {{"alpha", {0.3}}, {"beta", {0.6}}}, 0x9d8c7abcbeb8dcf9},
      {"task_arithmetic", 3, {{"alpha", {0.9}}, {"weights", {1, 0.3, 0.6}}, {"normalize", {1}}}, 0xece0ceb59a24f131},
      {"tensor_sum", 2, {{"alpha", {0.3}}, {"beta", {0.2}}}, 0x2013754178ffd243},
      {"tensor_sum", 2, {{"alpha", {0.6}}, {"beta", {0.7}}, {"columns", {1}}}, 0x03281566610f6b88},
      {"train_difference", 3, {{"alpha", {0.7}}}, 0x5a278ece14cb37ef},
      {"triple_sum", 3, {{"alpha", {0.3}}, {"beta", {0.2}}}, 0xc90c0e96cadb8a78},
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

TEST_CASE("every method has its bytes pinned") {
  const auto known = rows();
  for (const Method& method : methods()) {
    const std::string name = method.spec->name;
    CHECK_MESSAGE(std::ranges::count(known, name, &Row::method) > 0, name, ": has no row");
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
