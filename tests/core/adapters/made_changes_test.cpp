// SPDX-License-Identifier: Apache-2.0
// Differences read as a checkpoint: rows of fused tensors, tied modules, channels that only the tensor has, factors
// that cannot be used, and many readers at once.
#include "core/adapters/made_changes.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "tests/core/adapters/small_adapters.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

bool is_near(float value, double expected) { return std::abs(value - expected) <= 1e-5; }

}  // namespace

TEST_CASE("a module's rows change those rows of a fused tensor, and no others") {
  SmallAdapter adapter("LoRA", {{"lora_A", {2, 9}}, {"lora_B", {4, 2}}});
  const Dense delta = adapter["lora_B"] * adapter["lora_A"];
  const Checkpoint changes =
      adapter.changes({.shape = {4, 9}}, 1, {12, 9}, {.first_row = 5, .module_row = 1, .row_count = 3});
  const std::vector<float> made = values_of(changes, 0);
  REQUIRE(made.size() == 12 * 9);
  for (uint64_t i = 0; i < 12; ++i)
    for (uint64_t j = 0; j < 9; ++j) CHECK(is_near(made[i * 9 + j], i >= 5 && i < 8 ? delta(i - 4, j) : 0));
}

TEST_CASE("channels that only the tensor has stay as they are") {
  SmallAdapter adapter("LoRA", {{"lora_A", {2, 4, 3, 3}}, {"lora_B", {8, 2, 1, 1}}});
  const Dense delta = adapter["lora_B"] * adapter["lora_A"];
  const Checkpoint changes = adapter.changes({.shape = {8, 4, 3, 3}}, 1, {8, 9, 3, 3});
  const std::vector<float> made = values_of(changes, 0);
  REQUIRE(made.size() == 8 * 81);
  for (uint64_t i = 0; i < 8; ++i)
    for (uint64_t j = 0; j < 81; ++j) CHECK(is_near(made[i * 81 + j], j < 36 ? delta(i, j) : 0));
  CHECK(bytes_of(changes, 0, 37, 1001) == bytes_of(changes, 0, 0, 8 * 81 * 4).substr(37, 1001 - 37));
}

TEST_CASE("the changes of tied modules are added up, in the order of places") {
  SmallAdapter adapter("LoRA", {{"lora_A", {2, 9}}, {"lora_B", {4, 2}}});
  MemoryCheckpoints memory;
  const Checkpoint base = memory.open("base", {random("a", Dtype::BF16, {4, 9}, 1), random("b", Dtype::F16, {9}, 2),
                                               random("c", Dtype::F32, {4, 9}, 3)});
  const ModulePlace whole{.row_count = 4};
  const ModuleWeight weight{.shape = {4, 9}};
  AdapterTargets targets;
  targets.adapted = {{.tensor = 0, .places = {whole}, .weights = {weight}},
                     {.tensor = 2, .places = {whole, whole}, .weights = {weight, weight}}};
  const auto strength = [](std::string_view tensor, const AdapterModule&) { return tensor == "a" ? 1.0 : 0.5; };
  const Checkpoint changes = made_changes(adapter.shared(), targets, base, strength);
  REQUIRE(changes.tensors.size() == 2);
  CHECK(changes.tensors.name(0) == "a");
  CHECK(changes.tensors.name(1) == "c");
  CHECK(changes.tensors[1].dtype == Dtype::F32);
  CHECK(values_of(changes, 0) == values_of(changes, 1));  // halves add up to the same bits
  const auto nothing = [](std::string_view tensor, const AdapterModule&) { return tensor == "a" ? 1.0 : 0.0; };
  CHECK(made_changes(adapter.shared(), targets, base, nothing).tensors.size() == 1);
  CHECK(changes_memory(adapter.adapter(), targets, 2) > 0);
}

TEST_CASE("many readers get the same bytes, whoever opens a module") {
  SmallAdapter adapter("LoRA", {{"lora_A", {8, 300}}, {"lora_B", {400, 8}}});
  const Checkpoint changes = adapter.changes({.shape = {400, 300}}, 1);
  const uint64_t size = changes.tensors[0].size;
  const std::string whole = bytes_of(adapter.changes({.shape = {400, 300}}, 1), 0, 0, size);
  std::vector<std::string> parts(7);
  std::vector<std::thread> readers;
  for (size_t i = 0; i < parts.size(); ++i)
    readers.emplace_back(
        [&, i] { parts[i] = bytes_of(changes, 0, size * i / parts.size(), size * (i + 1) / parts.size()); });
  for (std::thread& reader : readers) reader.join();
  std::string joined;
  for (const std::string& part : parts) joined += part;
  CHECK(joined == whole);
}

TEST_CASE("factors that hold NaN or Inf are refused when they are read") {
  const std::vector<uint64_t> ones(8, 0x3f800000);
  for (const uint64_t bad : {0x7fc00000U, 0x7f800000U, 0xff800000U}) {
    std::vector<uint64_t> values = ones;
    values[5] = bad;
    SmallAdapter adapter("LoRA", {{"lora_A", {2, 4}, values}, {"lora_B", {4, 2}, ones}});
    const Checkpoint changes = adapter.changes({.shape = {4, 4}}, 1);
    const Failure refused = failure([&] { values_of(changes, 0); });
    CHECK(refused.code == ErrorCode::malformed);
    CHECK(refused.text.find("m.lora_A") != std::string::npos);
  }
}
