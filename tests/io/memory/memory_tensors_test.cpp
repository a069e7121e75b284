// SPDX-License-Identifier: Apache-2.0
#include "io/memory/memory_tensors.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "io/checkpoint.h"
#include "io/file/input_windows.h"
#include "io/input_forms.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const std::vector<float> kValues = {0, 1, 2, 3, 4, 5, 6, 7};
constexpr std::array<uint64_t, 2> kShape = {2, 4}, kInOrder = {4, 1}, kTransposed = {1, 2};
constexpr std::array<uint64_t, 1> kEight = {8};

Checkpoint opened(const std::vector<MemoryTensor>& tensors, const ReadTensor& read = {},
                  const OpenOptions& options = {}) {
  return open_tensors({.name = "memory:x", .tensors = tensors, .read = read}, options);
}

MemoryTensor eight(std::string_view name) {
  return {.name = name, .dtype = "F32", .shape = kEight, .data = kValues.data()};
}

std::string fault_of(const std::vector<MemoryTensor>& tensors) {
  const Failure fault = failure([&] { opened(tensors); });
  CHECK(fault.code == ErrorCode::usage);
  return fault.text;
}

}  // namespace

TEST_CASE("a checkpoint in memory is a table over the addresses of its tensors, sorted by name") {
  const Checkpoint x = opened({{.name = "w", .dtype = "F32", .shape = kShape, .data = kValues.data()},
                               {.name = "scalar", .dtype = "F32", .shape = {}, .data = kValues.data() + 3},
                               {.name = "empty", .dtype = "I64", .shape = std::array<uint64_t, 2>{0, 7}}});
  CHECK(x.path == "memory:x");
  CHECK(x.form == &memory_form());
  CHECK(x.form->name == std::string("memory"));
  CHECK(x.lies_in_memory());
  CHECK(x.file_size() == 36);
  CHECK(!x.has_metadata);
  REQUIRE(x.tensors.size() == 3);
  CHECK(x.tensors.find("scalar") == 1);
  const Tensor w = x.tensors[2];
  CHECK((w.name == "w" && w.size == 32 && w.count == 8 && w.strides.empty() && w.shard == 0));
  CHECK(w.offset == reinterpret_cast<uintptr_t>(kValues.data()));
}

TEST_CASE("strides are kept where elements do not lie in order, and only there") {
  const Checkpoint x =
      opened({{.name = "in order", .dtype = "F32", .shape = kShape, .strides = kInOrder, .data = kValues.data()},
              {.name = "one row",
               .dtype = "F32",
               .shape = std::array<uint64_t, 2>{1, 4},
               .strides = kInOrder,
               .data = kValues.data()},
              {.name = "turned", .dtype = "F32", .shape = kShape, .strides = kTransposed, .data = kValues.data()}});
  CHECK(x.tensors[0].strides.empty());
  CHECK(x.tensors[1].strides.empty());
  CHECK(std::ranges::equal(x.tensors[2].strides, kTransposed));
}

TEST_CASE("bytes in memory are seen where they lie: no map, no copy, no file") {
  const Checkpoint x = opened({eight("w")});
  const InputFile& shard = x.shards[0];
  CHECK(!shard.is_file());
  CHECK(shard.can_be_shown());
  CHECK(shard.in_memory());
  CHECK(!shard.descriptor());
  shard.check_unchanged();
  InputWindows windows(1);  // of one page, however much it shows
  const uint64_t begin = x.tensors[0].offset;
  CHECK(windows.add(shard, begin, begin + (1 << 20)) == reinterpret_cast<const std::byte*>(kValues.data()));
  windows.check_faults();
  windows.clear(true);
  std::array<float, 2> copy{};
  shard.read_at(begin + 12, std::as_writable_bytes(std::span(copy)));
  CHECK((copy[0] == 3 && copy[1] == 4));
}

TEST_CASE("tensors that are asked for under the same number are one, where dtype and shape are the same too") {
  std::vector<size_t> asked;
  const ReadTensor read = [&](size_t tensor, uint64_t, std::span<std::byte>) {
    asked.push_back(tensor);
    return 0;
  };
  const auto same = [](std::string_view name, uint64_t number, std::string_view dtype = "F32") {
    return MemoryTensor{.name = name, .dtype = dtype, .shape = kEight, .same = number};
  };
  const Checkpoint x =
      opened({same("a", 7), same("b", 8), same("c", 7), same("d", 7, "I32"), same("e", 0), same("f", 0)}, read);
  const auto at = [&](size_t row) { return x.tensors[row].offset; };
  CHECK(at(2) == at(0));
  for (const size_t other : {1, 3, 4, 5}) CHECK(at(other) != at(0));
  CHECK(at(4) != at(5));
  CHECK(x.shards[1].size() == 5 * 32);
  std::array<std::byte, 4> out{};
  x.shards[1].read_at(at(2), out);
  x.shards[1].read_at(at(3), out);
  CHECK(asked == std::vector<size_t>{0, 3});
}

TEST_CASE("bytes without an address are asked for by the number of their tensor") {
  std::vector<std::array<uint64_t, 3>> asked;
  const ReadTensor read = [&](size_t tensor, uint64_t offset, std::span<std::byte> out) {
    asked.push_back({tensor, offset, out.size()});
    std::ranges::fill(out, std::byte{7});
    return 0;
  };
  const Checkpoint x = opened(
      {{.name = "z", .dtype = "F32", .shape = kEight}, eight("b"), {.name = "a", .dtype = "U8", .shape = kEight}},
      read);
  REQUIRE(x.shards.size() == 2);
  CHECK(!x.shards[1].can_be_shown());
  CHECK(!x.shards[1].in_memory());
  CHECK(x.file_size() == 32 + 32 + 8);
  std::array<std::byte, 4> out{};
  for (const size_t row : {size_t{2}, size_t{0}}) {
    CHECK(x.tensors[row].shard == 1);
    x.shards[1].read_at(x.tensors[row].offset + 4, out);
    CHECK(out[3] == std::byte{7});
  }
  CHECK(asked == std::vector<std::array<uint64_t, 3>>{{0, 4, 4}, {2, 4, 4}});
}

TEST_CASE("checkpoints in memory are told apart by their names, and from every file") {
  TempFolder folder;
  const Checkpoint x = opened({eight("w")}), again = opened({eight("w")});
  const std::vector<MemoryTensor> tensors = {eight("w")};
  const Checkpoint y = open_tensors({.name = "memory:y", .tensors = tensors});
  const InputFile file(write_file(folder / "A", {f32("w", {8}, kValues)}));
  CHECK(x.shards[0].identity().same_file(again.shards[0].identity()));
  CHECK(!x.shards[0].identity().same_file(y.shards[0].identity()));
  CHECK(!x.shards[0].identity().same_file(file.identity()));
}

TEST_CASE("a description that cannot be true is refused, and every tensor told") {
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  static constexpr std::array<uint64_t, 2> kTooMany = {kHuge, 8}, kFar = {kHuge, 1};
  const void* const data = kValues.data();
  CHECK(fault_of({{.name = "w", .dtype = "F33", .shape = kEight, .data = data}}) ==
        "memory:x: tensor 'w': unknown dtype 'F33'");
  CHECK(fault_of({{.name = "w", .dtype = "F32", .shape = kEight, .strides = kInOrder, .data = data}}) ==
        "memory:x: tensor 'w': it has 1 dimensions and 2 strides");
  CHECK(fault_of({{.name = "w", .dtype = "F32", .shape = kTooMany, .data = data}}) ==
        "memory:x: tensor 'w': it has more elements or bits than 64 bits can count");
  CHECK(fault_of({{.name = "w", .dtype = "F32", .shape = kShape, .strides = kFar, .data = data}}) ==
        "memory:x: tensor 'w': it reaches beyond the last address");
  CHECK(fault_of({{.name = "w", .dtype = "F4", .shape = std::array<uint64_t, 1>{3}, .data = data}}) ==
        "memory:x: tensor 'w': it has 12 bits, expected whole bytes");
  CHECK(fault_of({{.name = "w", .dtype = "F4", .shape = kShape, .strides = kTransposed, .data = data}}) ==
        "memory:x: tensor 'w': its elements, less than a byte, lie out of order");
  CHECK(fault_of({{.name = "w", .dtype = "F32", .shape = kEight}}) ==
        "memory:x: tensor 'w': it has neither an address nor somebody to ask for its bytes");
  CHECK(fault_of({{.name = "\xff", .dtype = "F32", .shape = kEight, .data = data}}) ==
        "memory:x: tensor '\xef\xbf\xbd': the name is not UTF-8");
  CHECK(fault_of({eight("w"), eight("v"), eight("w")}) == "memory:x: tensor 'w': the name is there twice");
  const Failure two = failure([&] {
    opened({{.name = "v", .dtype = "?", .shape = {}}, {.name = "w", .dtype = "?", .shape = {}}});
  });
  CHECK(two.text == "memory:x: tensor 'v': unknown dtype '?', and 1 more fault");
  CHECK(two.details == std::vector<std::string>{"tensor 'v': unknown dtype '?'", "tensor 'w': unknown dtype '?'"});
}

TEST_CASE("an owner that does not give bytes is told with the tensor") {
  const Checkpoint x = opened({{.name = "w", .dtype = "F32", .shape = kEight}},
                              [](size_t, uint64_t, std::span<std::byte>) { return -3; });
  std::array<std::byte, 4> out{};
  const Failure fault = failure([&] { x.shards[1].read_at(0, out); });
  CHECK(fault.code == ErrorCode::io);
  CHECK(fault.text == "memory:x: tensor 'w' cannot be read: its owner answered -3");
}

TEST_CASE("tensors in memory are named and judged as those of a file") {
  const Checkpoint trained = opened({eight("module.a"), eight("module.b")});
  CHECK(trained.tensors.name(0) == "a");
  CHECK(trained.notes.size() == 1);
  CHECK(opened({eight("module.a")}, {}, {.as_stored = true}).tensors.name(0) == "module.a");
  const Checkpoint kept = opened({eight("module.a"), eight("module.b")}, {}, {.keep_names = true});
  CHECK(kept.tensors.name(0) == "module.a");
  CHECK(kept.notes.empty());
  const Checkpoint adapter = opened({eight("lora_unet_x.lora_down.weight"), eight("lora_unet_x.lora_up.weight")});
  CHECK(adapter.judgement.holds == Holds::factors);
  const Failure empty = failure([&] { opened({{.name = "w", .dtype = "F32", .shape = std::array<uint64_t, 1>{0}}}); });
  CHECK(empty.code == ErrorCode::mismatch);
  const Metadata metadata = {{"b", "1"}, {"a", "2"}, {"b", "3"}};
  const std::vector<MemoryTensor> tensors = {eight("w")};
  const Checkpoint told = open_tensors({.name = "memory:x", .tensors = tensors, .metadata = &metadata});
  CHECK(told.metadata == Metadata{{"a", "2"}, {"b", "3"}});
}
