// SPDX-License-Identifier: Apache-2.0
#include "io/table/tensor_table.h"

#include <doctest/doctest.h>

#include <array>
#include <string>

using namespace ckmerge;

namespace {

TensorTable table_of(std::initializer_list<std::string_view> names) {
  TensorTable table;
  uint64_t offset = 0;
  for (const std::string_view name : names) table.add(name, Dtype::U8, {}, 0, offset++, 1, 1);
  return table;
}

}  // namespace

TEST_CASE("a row comes back as it was added") {
  TensorTable table;
  const std::array<uint64_t, 3> shape{2, 3, 4};
  table.add("first", Dtype::F32, {}, 0, 100, 4, 1);
  table.add("second", Dtype::BF16, shape, 7, 104, 48, 24);
  const Tensor second = table[1];
  CHECK(second.name == "second");
  CHECK(second.dtype == Dtype::BF16);
  CHECK(std::equal(second.shape.begin(), second.shape.end(), shape.begin(), shape.end()));
  CHECK(second.shard == 7);
  CHECK(second.offset == 104);
  CHECK(second.size == 48);
  CHECK(second.count == 24);
  CHECK(table[0].shape.empty());
}

TEST_CASE("a view has its strides, and only a view pays for them") {
  TensorTable plain, views;
  const std::array<uint64_t, 2> shape{2, 3}, strides{1, 2};
  plain.add("w", Dtype::F32, shape, 0, 100, 24, 6);
  views.add_view("w", Dtype::F32, shape, strides, 0, 100, 24, 6);
  views.add("v", Dtype::F32, shape, 0, 100, 24, 6);
  CHECK(plain[0].strides.empty());
  CHECK(std::equal(views[0].strides.begin(), views[0].strides.end(), strides.begin(), strides.end()));
  CHECK(std::equal(views[0].shape.begin(), views[0].shape.end(), shape.begin(), shape.end()));
  CHECK(views[1].strides.empty());
  views.sort_by_name();
  CHECK(views[1].strides.size() == 2);
  CHECK(plain.memory() <= 24 + 9 + 15 + 16);  // a row, its place, a name within the string, two dimensions
}

TEST_CASE("renaming forgets the order and keeps the rows") {
  TensorTable table = table_of({"b", "a"});
  table.rename([](std::string_view name) { return name == "a" ? std::string("c.long.name") : std::string(name); });
  CHECK(table[0].name == "b");
  CHECK(table[1].name == "c.long.name");
  CHECK(table[1].offset == 1);
  CHECK(table.sort_by_name().empty());
  CHECK(table.find("c.long.name") == 1);
}

TEST_CASE("sorting moves whole rows, whatever the permutation") {
  TensorTable table = table_of({"e", "b", "a", "d", "c"});
  CHECK(table.sort_by_name().empty());
  const std::string_view names[] = {"a", "b", "c", "d", "e"};
  const uint64_t offsets[] = {2, 1, 4, 3, 0};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(table[i].name == names[i]);
    CHECK(table[i].offset == offsets[i]);
  }
}

TEST_CASE("sorting says which names repeat") {
  TensorTable table = table_of({"b", "a", "b", "c", "b"});
  CHECK(table.sort_by_name() == std::vector<size_t>{2, 3});
  CHECK(table[1].offset == 0);  // equal names keep their order
  CHECK(table[3].offset == 4);
}

TEST_CASE("find knows every name and no other") {
  TensorTable table = table_of({"b", "d", "", "f"});
  CHECK(table.sort_by_name().empty());
  CHECK(table.find("") == 0);
  CHECK(table.find("b") == 1);
  CHECK(table.find("f") == 3);
  for (const char* absent : {"a", "c", "g", "bb"}) CHECK(table.find(absent) == TensorTable::npos);
  CHECK(TensorTable().find("a") == TensorTable::npos);
}

TEST_CASE("a million tensors take at most 300 bytes and their name each") {
  TensorTable table;
  const std::array<uint64_t, 2> shape{1, 1};
  const std::string name(20, 'n');
  constexpr uint64_t kCount = 1'000'000;
  for (uint64_t i = 0; i < kCount; ++i) table.add(name, Dtype::F32, shape, 0, i, 4, 1);
  CHECK(table.memory() <= kCount * 320);
  CHECK(table.memory() >= kCount * 36);
}

TEST_CASE("tables of the same names and shapes share them, whatever else differs") {
  const std::array<uint64_t, 2> shape{2, 3}, other_shape{3, 2}, strides{1, 2};
  const auto table = [&](Shape first, uint64_t offset, Dtype dtype, std::string_view last = "a") {
    TensorTable out;
    out.add("a.much.longer.name.than.a.string.holds", dtype, first, 0, offset, 6 * info(dtype).bits / 8, 6);
    out.add(last, dtype, {}, 0, offset + 100, info(dtype).bits / 8, 1);
    out.sort_by_name();
    return out;
  };
  const TensorTable a = table(shape, 8, Dtype::F32);
  const uint64_t alone = a.memory();
  TensorTable b = table(shape, 1000, Dtype::F16);
  CHECK(b.share_names(a));
  CHECK(b.memory() + a.memory() < 2 * alone);
  CHECK(b[0].name.data() == a[0].name.data());
  CHECK(b[1].name == "a.much.longer.name.than.a.string.holds");
  CHECK(b[1].offset == 1000);
  CHECK(b[1].dtype == Dtype::F16);
  CHECK(b[1].size == 12);
  CHECK(a[1].size == 24);
  CHECK(b.find("a") == 0);
  // What is renamed has names of its own again.
  b.rename([](std::string_view name) { return name == "a" ? std::string() : std::string(name); });
  CHECK(b.size() == 1);
  CHECK(a.size() == 2);
  CHECK(a[0].name == "a");
  CHECK(a.memory() == alone);
  // Another shape, another name, one less, other strides.
  TensorTable reshaped = table(other_shape, 8, Dtype::F32), renamed = table(shape, 8, Dtype::F32, "b"), viewed;
  viewed.add_view("a.much.longer.name.than.a.string.holds", Dtype::F32, shape, strides, 0, 8, 24, 6);
  viewed.add("a", Dtype::F32, {}, 0, 108, 4, 1);
  viewed.sort_by_name();
  for (TensorTable* different : {&reshaped, &renamed, &viewed, &b}) CHECK_FALSE(different->share_names(a));
  CHECK(viewed[1].strides.size() == 2);
  TensorTable nothing;
  CHECK_FALSE(nothing.share_names(a));
  CHECK(nothing.rename([](std::string_view name) { return std::string(name); }).empty());
  // Added to, a table leaves what it shared.
  TensorTable more = a;
  more.add("z", Dtype::U8, {}, 3, 9, 1, 1);
  CHECK(a.size() == 2);
  CHECK(more[2].shard == 3);
  CHECK(more[1].shard == 0);
}
