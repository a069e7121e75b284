// SPDX-License-Identifier: Apache-2.0
#include "io/table/tensor_table.h"

#include <doctest/doctest.h>

#include <algorithm>
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

namespace {

using Numbers = std::vector<uint64_t>;

Numbers numbers_of(Shape shape) { return {shape.begin(), shape.end()}; }

// q, k and v, the last turned.
TensorTable fused() {
  TensorTable table;
  const Numbers shape{6, 4}, turned{2, 4}, strides{1, 2};
  const std::vector<Piece> pieces{{.count = 8, .shard = 2, .offset = 1000},
                                  {.count = 0, .shard = 9, .offset = 7},
                                  {.count = 8, .shard = 2, .offset = 500},
                                  {.count = 8, .shard = 0, .offset = 4, .shape = turned, .strides = strides}};
  table.add("z", Dtype::U8, {}, 0, 3, 1, 1);
  table.add_joined("qkv", Dtype::F16, shape, pieces, 48, 24);
  table.add("a", Dtype::U8, {}, 5, 8, 1, 1);
  return table;
}

void check_fused(const TensorTable& table, std::string_view name) {
  const size_t row = table.find(name);
  REQUIRE(row != TensorTable::npos);
  const Tensor tensor = table[row];
  CHECK(tensor.joined);
  CHECK(tensor.shard == 2);
  CHECK(tensor.offset == 0);
  CHECK(tensor.size == 48);
  CHECK(tensor.strides.empty());
  CHECK(numbers_of(tensor.shape) == Numbers{6, 4});
  const std::vector<Piece> pieces = table.pieces(row);
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0].offset == 1000);
  CHECK(pieces[0].count == 8);
  CHECK(pieces[1].offset == 500);
  CHECK(pieces[1].strides.empty());
  CHECK(pieces[2].shard == 0);
  CHECK(numbers_of(pieces[2].shape) == Numbers{2, 4});
  CHECK(numbers_of(pieces[2].strides) == Numbers{1, 2});
}

}  // namespace

TEST_CASE("a joined tensor keeps its pieces, whatever is done to the table") {
  TensorTable table = fused();
  table.sort_by_name();
  check_fused(table, "qkv");
  CHECK_FALSE(table[table.find("a")].joined);
  CHECK(table[table.find("a")].shard == 5);
  CHECK(table[table.find("z")].offset == 3);
  table.rename([](std::string_view name) { return name == "a" ? std::string() : "x." + std::string(name); });
  check_fused(table, "x.qkv");
  const size_t joined = table.find("x.qkv"), plain = table.find("x.z");
  for (int i = 0; i < 20; ++i) table.add_again("copy" + std::to_string(i), table, joined);
  table.add_again("plain", table, plain);
  table.sort_by_name();
  for (const char* name : {"copy0", "copy19", "x.qkv"}) check_fused(table, name);
  CHECK(table[table.find("plain")].offset == 3);
  const TensorTable copy = table;
  check_fused(copy, "copy7");
}

TEST_CASE("parts of a joined tensor are told in bytes of its pieces") {
  TensorTable table = fused();
  table.sort_by_name();
  const size_t row = table.find("qkv");
  const auto parts = table.parts(row, 10, 40);
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].piece.offset == 1000);
  CHECK(parts[0].begin == 10);
  CHECK(parts[0].end == 16);
  CHECK(parts[1].begin == 0);
  CHECK(parts[1].end == 16);
  CHECK(parts[2].begin == 0);
  CHECK(parts[2].end == 8);
  CHECK(table.parts(row, 16, 32).size() == 1);
  CHECK(table.parts(row, 20, 20).empty());
  const auto plain = table.parts(table.find("z"), 0, 1);
  REQUIRE(plain.size() == 1);
  CHECK(plain[0].piece.offset == 3);
  CHECK(table.pieces(table.find("z")).size() == 1);
}

TEST_CASE("pieces that are one range of a file make no joined tensor") {
  TensorTable table;
  const Numbers shape{4, 2}, half{2, 2}, strides{1, 2}, in_order{2, 1}, turned{1, 4};
  const auto add = [&](const char* name, std::initializer_list<Piece> pieces) {
    table.add_joined(name, Dtype::F32, shape, std::vector<Piece>(pieces), 32, 8);
    return table[table.size() - 1];
  };
  const Tensor range = add("range", {{.count = 4, .shard = 1, .offset = 8},
                                     {.count = 4, .shard = 1, .offset = 24, .shape = half, .strides = in_order}});
  CHECK_FALSE(range.joined);
  CHECK(range.offset == 8);
  CHECK(range.shard == 1);
  const Tensor view = add("view", {{.count = 8, .offset = 16, .shape = shape, .strides = turned}});
  CHECK_FALSE(view.joined);
  CHECK(numbers_of(view.strides) == turned);
  CHECK(add("gap", {{.count = 4, .offset = 8}, {.count = 4, .offset = 28}}).joined);
  CHECK(add("files", {{.count = 4, .offset = 8}, {.count = 4, .shard = 1, .offset = 24}}).joined);
  CHECK(
      add("turned", {{.count = 4, .offset = 8, .shape = half, .strides = strides}, {.count = 4, .offset = 24}}).joined);
  const Numbers flat{8, 1};
  table.add_joined("reshaped", Dtype::F32, flat, std::vector<Piece>{{.count = 8, .shape = shape, .strides = turned}},
                   32, 8);
  CHECK(table[table.size() - 1].joined);
  const Numbers none{0, 3};
  table.add_joined("empty", Dtype::F32, none, {}, 0, 0);
  CHECK_FALSE(table[table.size() - 1].joined);
  CHECK(table.pieces(table.size() - 1).empty());
  table.add_joined("small", Dtype::F4, shape, std::vector<Piece>{{.count = 2, .offset = 1}, {.count = 6, .offset = 9}},
                   4, 8);
  const auto small = table.pieces(table.size() - 1);
  REQUIRE(small.size() == 2);
  CHECK(small[1].count == 6);
}

TEST_CASE("tables share names where one of them has joined tensors") {
  TensorTable plain, joined = fused();
  const Numbers shape{6, 4};
  plain.add("z", Dtype::U8, {}, 0, 3, 1, 1);
  plain.add("qkv", Dtype::F16, shape, 0, 10, 48, 24);
  plain.add("a", Dtype::U8, {}, 0, 8, 1, 1);
  plain.sort_by_name();
  joined.sort_by_name();
  CHECK(joined.share_names(plain));
  check_fused(joined, "qkv");
  CHECK_FALSE(plain[plain.find("qkv")].joined);
}

TEST_CASE("a copy of a table shares all of it until one of both is changed") {
  const std::array<uint64_t, 2> shape{2, 3};
  TensorTable table;
  table.add("b", Dtype::F32, shape, 1, 100, 24, 6);
  table.add("a", Dtype::F16, shape, 0, 8, 12, 6);
  const Piece first{.count = 2, .shard = 0, .offset = 40}, second{.count = 4, .shard = 1, .offset = 8};
  table.add_joined("c", Dtype::F32, shape, std::array{first, second}, 24, 6);
  table.sort_by_name();
  const uint64_t alone = table.memory();
  TensorTable copy = table;
  CHECK(copy.memory() + table.memory() <= alone);
  copy.sort_by_name();
  CHECK(copy.memory() + table.memory() <= alone);

  copy.add_again("0", copy, 2);
  copy.sort_by_name();
  CHECK(copy.size() == 4);
  CHECK(copy.pieces(0).size() == 2);
  CHECK(copy[1].offset == 8);
  TensorTable renamed = table;
  renamed.rename([](std::string_view name) { return name == "a" ? std::string("z") : std::string(name); });
  CHECK(renamed[0].offset == 100);
  CHECK(renamed[2].dtype == Dtype::F16);

  CHECK(table.size() == 3);
  CHECK(table.memory() == alone);
  CHECK(table[0].offset == 8);
  CHECK(table[0].dtype == Dtype::F16);
  CHECK(table[1].shard == 1);
  CHECK(table.pieces(2).size() == 2);
}
