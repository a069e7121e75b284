// SPDX-License-Identifier: Apache-2.0
// Rows that are cut in head and tail, against loops over whole tensors. Tiles of 4096 bytes end anywhere in a row.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/method.h"
#include "tests/core/merge_runs.h"
#include "tests/core/reference.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// A checkpoint with `channels` channels: rows of many sizes, smaller and larger than a tile, and a plain tensor.
std::vector<FileTensor> layers(uint64_t channels, Dtype dtype, uint64_t seed) {
  return {random("a.conv", dtype, {320, channels, 3, 3}, seed), random("b.plain", dtype, {1001}, seed + 1),
          random("c.flat", dtype, {5000, channels}, seed + 2), random("d.long", dtype, {2, channels, 7013}, seed + 3),
          random("e.one", dtype, {1, channels, 1, 1}, seed + 4)};
}

struct Files {
  std::vector<std::vector<FileTensor>> tensors;
  std::vector<std::string> paths;
};

Files write(const TempFolder& folder, const std::vector<Dtype>& dtypes, uint64_t channels) {
  Files files;
  for (size_t k = 0; k < dtypes.size(); ++k) {
    files.tensors.push_back(layers(k == 0 ? channels : 4, dtypes[k], 10 * k + 1));
    files.paths.push_back(write_file(folder / std::string(1, static_cast<char>('A' + k)), files.tensors[k], k));
  }
  return files;
}

void check(const Recipe& recipe, const std::vector<Dtype>& dtypes, uint64_t channels) {
  TempFolder folder;
  const Files files = write(folder, dtypes, channels);
  for (const ExpandPolicy policy : {ExpandPolicy::copy, ExpandPolicy::zero}) {
    Recipe expanding = recipe;
    expanding.expand = policy;
    merge_every_way(expanding, files.paths, folder);
    check_file(folder / "reference", expanding, files.tensors);
  }
}

}  // namespace

TEST_CASE("channels that only A has stay A's or are computed from A alone, whatever the tiles") {
  check(weighted(0.3), {Dtype::F32, Dtype::F32}, 9);
  check(weighted(0.3), {Dtype::F16, Dtype::BF16}, 8);
  check({.method = "linear", .parameters = {{"weights", {0.2, 0.5, -0.3}}, {"normalize", {0}}}},
        {Dtype::BF16, Dtype::BF16, Dtype::F32}, 9);
  check({.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, {Dtype::F16, Dtype::F16, Dtype::F16}, 9);
}

TEST_CASE("tails are converted with their heads") {
  Recipe recipe = weighted(0.3);
  recipe.dtype = Dtype::BF16;
  check(recipe, {Dtype::F32, Dtype::F16}, 9);
  recipe.dtype = Dtype::F64;
  check(recipe, {Dtype::BF16, Dtype::F64}, 8);
  recipe.dtype = Dtype::F8_E4M3;
  check(recipe, {Dtype::F16, Dtype::F16}, 9);
}

TEST_CASE("heads that are one checkpoint's are copied or converted") {
  check(weighted(1), {Dtype::F16, Dtype::F16}, 9);   // B's heads as they are
  check(weighted(1), {Dtype::F16, Dtype::BF16}, 9);  // B's heads in A's dtype
  check(weighted(0), {Dtype::F16, Dtype::F16}, 9);   // A
  check({.method = "linear", .parameters = {{"weights", {0, 0}}, {"normalize", {0}}}}, {Dtype::F32, Dtype::F32}, 9);
}

TEST_CASE("a copied head keeps its bits, and so does a copied tail") {
  TempFolder folder;
  const FileTensor wide = bits("w", Dtype::F16, {1, 9}, {0x7e01, 2, 3, 4, 0xfe05, 6, 7, 8, 0x7c09});
  const FileTensor narrow = bits("w", Dtype::F16, {1, 4}, {0x7e0a, 0xb, 0xc, 0xfd0d});
  const auto a = write_file(folder / "A", {wide}), b = write_file(folder / "B", {narrow});
  merge(weighted(1), {a, b}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "w") == narrow.bytes + wide.bytes.substr(8));
}

TEST_CASE("names that another checkpoint lacks are stored as zeros where the recipe says so") {
  TempFolder folder;
  const std::vector<FileTensor> first = {random("a", Dtype::F32, {5000}, 1), random("b", Dtype::BF16, {70001}, 2),
                                         bits("c", Dtype::I64, {3}, {1, 2, 3}), random("d", Dtype::F16, {1}, 3)};
  const auto a = write_file(folder / "A", first), b = write_file(folder / "B", {first[0]});
  Recipe recipe = weighted(0.5);
  recipe.missing = MissingPolicy::zero;
  merge_every_way(recipe, {a, b}, folder);
  CHECK(tensor_bytes(folder / "out", "b") == std::string(140002, '\0'));
  CHECK(tensor_bytes(folder / "out", "c") == std::string(24, '\0'));
  CHECK(tensor_bytes(folder / "out", "d") == std::string(2, '\0'));
  CHECK(tensor_bytes(folder / "out", "a") == merged_bytes(recipe, {first[0], first[0]}));
}

TEST_CASE("of a tensor of which another has no channels at all nothing is reduced, and it stays as it is") {
  TempFolder folder;
  const FileTensor wide = random("w", Dtype::F32, {32, 9, 3, 3}, 1),
                   plain_tensor = random("x", Dtype::F32, {64, 64}, 2);
  std::vector<std::string> paths{write_file(folder / "A", {wide, plain_tensor})};
  for (uint64_t k = 1; k < 3; ++k)
    paths.push_back(write_file(folder / std::to_string(k),
                               {random("w", Dtype::F32, {32, 0, 3, 3}, k), random("x", Dtype::F32, {64, 64}, k)}, k));
  for (const char* const method : {"slerp", "unit_slerp", "karcher", "multislerp", "nuslerp", "model_stock", "sce",
                                   "geometric_median", "perpendicular_component", "ties", "breadcrumbs"}) {
    Recipe recipe = plain({.method = method});
    recipe.expand = ExpandPolicy::copy;
    recipe.first_channels = {"w"};
    CAPTURE(std::string(method));
    const size_t inputs = std::max<size_t>(2, find_method(method)->spec->min_inputs);
    merge(recipe, {paths.begin(), paths.begin() + static_cast<ptrdiff_t>(inputs)}, folder / "out",
          {.replace = true, .sync = false});
    CHECK(tensor_bytes(folder / "out", "w") == wide.bytes);
  }
}
