// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/rewriting.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Strings = std::vector<std::string>;
using Places = std::vector<uint64_t>;

Strings names(const Checkpoint& checkpoint) {
  Strings out;
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) out.emplace_back(checkpoint.tensors.name(i));
  return out;
}

Rewriting right(Checkpoint& checkpoint, const LayoutRules& rules) {
  return rewrite(checkpoint, rules, Direction::to_right, "", "");
}
Rewriting left(Checkpoint& checkpoint, const LayoutRules& rules) {
  return rewrite(checkpoint, rules, Direction::to_left, "", "");
}

// Where the elements of `name` lie, in elements of four bytes.
Places elements(const Checkpoint& checkpoint, const std::string& name) {
  const size_t index = checkpoint.tensors.find(name);
  REQUIRE_MESSAGE(index != TensorTable::npos, name);
  Places out = places(checkpoint.tensors, index);
  for (uint64_t& place : out) place /= 4;
  return out;
}

Places shape(const Checkpoint& checkpoint, const std::string& name) {
  const Tensor tensor = checkpoint.tensors[checkpoint.tensors.find(name)];
  return {tensor.shape.begin(), tensor.shape.end()};
}

Places from_to(uint64_t first, uint64_t end) {
  Places out;
  for (; first < end; ++first) out.push_back(first);
  return out;
}

// The lines of the error that a conversion ends with; and that it changed nothing.
Strings faults(const Checkpoint& given, const LayoutRules& rules, Direction direction = Direction::to_right) {
  Checkpoint checkpoint = copy(given);
  Strings lines;
  try {
    rewrite(checkpoint, rules, direction, "", "");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::mismatch);
    CHECK(error.where() == "model.safetensors");
    lines = error.details();
  }
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
  return lines;
}

const LayoutRules kQkv = {{"a.#.qkv.*", "b.#.{q,k,v}.*"}};

}  // namespace

TEST_CASE("names change component by component, literals before numbers before the rest") {
  const LayoutRules rules = {{"a.#.b.#.w", "x.#.y.#.z"}, {"a.7.b.#.w", "seven.#"}, {"a.#.c.*", "c.#.*"},
                             {"a.*", "other.*"},         {"same.*", "same.*"},     {"gone.w", ""}};
  Checkpoint checkpoint = TracedTable()
                              .add("a.10.b.3.w", {1})
                              .add("a.7.b.3.w", {1})
                              .add("a.7.b.x.w", {1})
                              .add("a.07.b.3.w", {1})
                              .add("a.1.c", {1})
                              .add("a.1.c.d.e", {1})
                              .add("a", {1})
                              .add("ab.1", {1})
                              .add("same.w", {1})
                              .add("gone.w", {1})
                              .checkpoint();
  const Rewriting done = right(checkpoint, rules);
  CHECK(names(checkpoint) == Strings{"a", "ab.1", "c.1.d.e", "other.07.b.3.w", "other.1.c", "other.7.b.x.w", "same.w",
                                     "seven.3", "x.10.y.3.z"});
  CHECK(done.carried == Strings{"a", "ab.1"});
  CHECK(done.left_out == Strings{"gone.w"});
  CHECK(done.renamed == 6);
  CHECK(done.kept == 1);
  CHECK(done.reshaped == 0);
}

TEST_CASE("a prefix is swapped, and what lies elsewhere stays") {
  Checkpoint checkpoint = TracedTable()
                              .add("model.a.w", {1})
                              .add("model.vae.a.w", {1})
                              .add("model.z", {1})
                              .add("other.a.w", {1})
                              .checkpoint();
  const std::vector<std::string> not_behind = {"model.vae."};
  const Rewriting done = rewrite(checkpoint, {{"a.*", "b.*"}}, Direction::to_right, "model.", "net.", not_behind);
  CHECK(names(checkpoint) == Strings{"model.vae.a.w", "net.b.w", "net.z", "other.a.w"});
  CHECK(done.carried == Strings{"model.z"});
}

TEST_CASE("a fused tensor is cut, and joined again as one range of the file") {
  const Checkpoint given = TracedTable().add("a.0.qkv.bias", {6}).add("a.0.qkv.weight", {6, 2}).checkpoint();
  Checkpoint checkpoint = copy(given);
  CHECK(right(checkpoint, kQkv).reshaped == 6);
  CHECK(elements(checkpoint, "b.0.k.bias") == Places{2, 3});
  CHECK(elements(checkpoint, "b.0.q.weight") == from_to(6, 10));
  CHECK(elements(checkpoint, "b.0.v.weight") == from_to(14, 18));
  CHECK(shape(checkpoint, "b.0.v.weight") == Places{2, 2});
  CHECK(left(checkpoint, kQkv).reshaped == 2);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
}

TEST_CASE("parts that lie apart are joined of pieces, in the order of the braces") {
  Checkpoint checkpoint =
      TracedTable().add("b.0.k.weight", {1, 2}).add("b.0.q.weight", {1, 2}).add("b.0.v.weight", {1, 2}).checkpoint();
  left(checkpoint, kQkv);
  CHECK(names(checkpoint) == Strings{"a.0.qkv.weight"});
  CHECK(elements(checkpoint, "a.0.qkv.weight") == Places{2, 3, 0, 1, 4, 5});
  CHECK(checkpoint.tensors[0].joined);
  right(checkpoint, kQkv);
  CHECK(elements(checkpoint, "b.0.k.weight") == Places{0, 1});
  CHECK_FALSE(checkpoint.tensors[0].joined);
}

TEST_CASE("rows are cut by the columns of the file, a bias by those of the weight beside it") {
  const LayoutRules rules = {
      {"first.*", "{f.q,f.k,f.v}.*", Reshaping::none, RowCut::first_as_columns},
      {"last.*", "{l.q,l.k,l.v,mlp}.*", Reshaping::none, RowCut::all_but_last_as_columns},
  };
  const Checkpoint given = TracedTable()
                               .add("first.bias", {8})
                               .add("first.weight", {8, 4})
                               .add("last.bias", {11})
                               .add("last.weight", {11, 2})
                               .checkpoint();
  Checkpoint checkpoint = copy(given);
  right(checkpoint, rules);
  CHECK(shape(checkpoint, "f.q.weight") == Places{4, 4});
  CHECK(shape(checkpoint, "f.v.weight") == Places{2, 4});
  CHECK(shape(checkpoint, "f.k.bias") == Places{2});
  CHECK(shape(checkpoint, "l.k.weight") == Places{2, 2});
  CHECK(shape(checkpoint, "mlp.weight") == Places{5, 2});
  CHECK(shape(checkpoint, "mlp.bias") == Places{5});
  left(checkpoint, rules);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));

  CHECK(faults(TracedTable().add("first.weight", {4, 4}).checkpoint(), rules) ==
        Strings{"first.weight is [4, 4], which cannot be cut into 3 parts beside 4 columns"});
  CHECK(faults(TracedTable().add("first.weight", {7, 4}).checkpoint(), rules).size() == 1);
  CHECK(faults(TracedTable().add("last.weight", {6, 2}).checkpoint(), rules).size() == 1);
  CHECK(faults(TracedTable().add("last.bias", {11}).checkpoint(), rules).size() == 1);
  // Parts that other rows would be cut off again.
  CHECK(faults(TracedTable().add("f.q.weight", {3, 4}).add("f.k.weight", {2, 4}).add("f.v.weight", {3, 4}).checkpoint(),
               rules, Direction::to_left) ==
        Strings{"first.weight cannot be made: its parts have [3, 2, 3] rows, beside 4 columns"});
}

TEST_CASE("a fused tensor lacks no part, and its parts fit") {
  CHECK(faults(TracedTable().add("b.3.q.weight", {2, 2}).add("b.3.v.weight", {2, 2}).checkpoint(), kQkv,
               Direction::to_left) == Strings{"a.3.qkv.weight cannot be made: its part b.3.k.weight is missing"});
  CHECK(faults(TracedTable().add("b.3.q.weight", {2, 2}).add("b.3.k.weight", {2, 2}).checkpoint(), kQkv,
               Direction::to_left) == Strings{"a.3.qkv.weight cannot be made: its part b.3.v.weight is missing"});
  const auto parts = [](const Places& k, Dtype dtype) {
    return TracedTable().add("b.0.q.w", {2, 2}).add("b.0.k.w", k, dtype).add("b.0.v.w", {2, 2}).checkpoint();
  };
  const LayoutRules rules = {{"a.#.qkv.w", "b.#.{q,k,v}.w"}};
  CHECK(faults(parts({2, 2}, Dtype::BF16), rules, Direction::to_left) ==
        Strings{"a.0.qkv.w cannot be made: b.0.k.w is BF16 where another part is F32"});
  CHECK(faults(parts({2, 3}, Dtype::F32), rules, Direction::to_left) ==
        Strings{"a.0.qkv.w cannot be made: b.0.k.w is [2, 3], which does not fit [2, 2] of b.0.q.w"});
  CHECK(faults(parts({}, Dtype::F32), rules, Direction::to_left).size() == 1);
  CHECK(faults(parts({3, 2}, Dtype::F32), rules, Direction::to_left).size() == 1);
}

TEST_CASE("halves change places, an even number of rows") {
  const LayoutRules rules = {{"a.*", "b.*", Reshaping::swap}};
  const Checkpoint given = TracedTable().add("a.bias", {4}).add("a.weight", {4, 3}).checkpoint();
  Checkpoint checkpoint = copy(given);
  CHECK(right(checkpoint, rules).reshaped == 2);
  CHECK(elements(checkpoint, "b.bias") == Places{2, 3, 0, 1});
  CHECK(elements(checkpoint, "b.weight") == Places{10, 11, 12, 13, 14, 15, 4, 5, 6, 7, 8, 9});
  left(checkpoint, rules);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
  CHECK(faults(TracedTable().add("a.weight", {3, 2}).checkpoint(), rules).size() == 1);
  CHECK(faults(TracedTable().add("a.weight", {}).checkpoint(), rules).size() == 1);
}

TEST_CASE("matrices are transposed, not biases; a turned tensor of torch's too") {
  const LayoutRules rules = {{"a.*", "b.*", Reshaping::transpose}};
  const Checkpoint given =
      TracedTable().add("a.bias", {2}).add("a.weight", {2, 3}).add_turned("a.x.weight", {2, 3}).checkpoint();
  CHECK(faults(given, rules) ==
        Strings{"a.x.weight is neither weight nor bias of a layer that would be cut, joined or turned"});
  const LayoutRules both = {{"a.x.*", "b.x.*", Reshaping::transpose}, rules[0]};
  Checkpoint checkpoint = copy(given);
  right(checkpoint, both);
  CHECK(elements(checkpoint, "b.bias") == Places{0, 1});
  CHECK(shape(checkpoint, "b.weight") == Places{3, 2});
  CHECK(elements(checkpoint, "b.weight") == Places{2, 5, 3, 6, 4, 7});
  CHECK(elements(checkpoint, "b.x.weight") == from_to(8, 14));
  CHECK(checkpoint.tensors[checkpoint.tensors.find("b.x.weight")].strides.empty());
  left(checkpoint, both);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
}

TEST_CASE("what was joined is transposed column by column") {
  Checkpoint checkpoint =
      TracedTable().add("b.0.k.weight", {1, 2}).add("b.0.q.weight", {1, 2}).add("b.0.v.weight", {1, 2}).checkpoint();
  left(checkpoint, kQkv);
  right(checkpoint, {{"a.#.qkv.*", "t.#.*", Reshaping::transpose}});
  CHECK(shape(checkpoint, "t.0.weight") == Places{2, 3});
  CHECK(elements(checkpoint, "t.0.weight") == Places{2, 0, 4, 3, 1, 5});
}

TEST_CASE("a square matrix has as many ones behind it as the file's convolutions have dimensions") {
  const LayoutRules rules = {{"attn.q.*", "attn.to_q.*", Reshaping::square}, {"conv.*", "conv.*"}};
  const auto check = [&](const Places& square, const Places& convolution) {
    const Checkpoint given =
        TracedTable().add("attn.q.bias", {4}).add("attn.q.weight", square).add("conv.weight", convolution).checkpoint();
    Checkpoint checkpoint = copy(given);
    right(checkpoint, rules);
    CHECK(shape(checkpoint, "attn.to_q.weight") == Places{4, 4});
    CHECK(shape(checkpoint, "attn.to_q.bias") == Places{4});
    left(checkpoint, rules);
    CHECK(rows(checkpoint.tensors) == rows(given.tensors));
  };
  check({4, 4, 1, 1}, {1, 1, 3, 3});
  check({4, 4, 1, 1, 1}, {1, 1, 3, 3, 3});
  CHECK(faults(TracedTable().add("attn.q.weight", {4, 4, 3, 1}).checkpoint(), rules).size() == 1);
}

TEST_CASE("a dimension is folded into two") {
  const LayoutRules rules = {{"mod.lin", "table", Reshaping::fold, RowCut::equal, 6}};
  const Checkpoint given = TracedTable().add("mod.lin", {12}).checkpoint();
  Checkpoint checkpoint = copy(given);
  right(checkpoint, rules);
  CHECK(shape(checkpoint, "table") == Places{6, 2});
  left(checkpoint, rules);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
  CHECK(faults(TracedTable().add("mod.lin", {13}).checkpoint(), rules).size() == 1);
  CHECK(faults(TracedTable().add("table", {5, 2}).checkpoint(), rules, Direction::to_left).size() == 1);
  CHECK(faults(TracedTable().add("table", {6}).checkpoint(), rules, Direction::to_left).size() == 1);
}

TEST_CASE("experts are stacked and taken apart, cut and turned besides") {
  const LayoutRules rules = {
      {"up.#.w", "e.#.@.w"},
      {"gate_up.#.w", "e.#.@.{gate,up}.w"},
      {"turned.#.w", "t.#.@.w", Reshaping::transpose},
      {"both.#.w", "b.#.@.{gate,up}.w", Reshaping::transpose},
  };
  const Checkpoint given =
      TracedTable().add("up.1.w", {12, 1, 2}).add("gate_up.1.w", {2, 4, 3}).add("turned.1.w", {2, 2, 3}).checkpoint();
  Checkpoint checkpoint = copy(given);
  right(checkpoint, rules);
  CHECK(checkpoint.tensors.size() == 12 + 4 + 2);
  CHECK(elements(checkpoint, "e.1.11.w") == Places{22, 23});
  CHECK(elements(checkpoint, "e.1.1.gate.w") == from_to(36, 42));
  CHECK(shape(checkpoint, "e.1.1.gate.w") == Places{2, 3});
  CHECK(shape(checkpoint, "t.1.1.w") == Places{3, 2});
  CHECK(elements(checkpoint, "t.1.1.w") == Places{54, 57, 55, 58, 56, 59});
  left(checkpoint, rules);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));

  Checkpoint cut = TracedTable().add("both.0.w", {1, 2, 4}).checkpoint();
  right(cut, rules);
  CHECK(elements(cut, "b.0.0.gate.w") == Places{0, 4, 1, 5});
  CHECK(elements(cut, "b.0.0.up.w") == Places{2, 6, 3, 7});

  CHECK(faults(TracedTable().add("e.0.0.w", {1}).add("e.0.2.w", {1}).checkpoint(), rules, Direction::to_left) ==
        Strings{"up.0.w cannot be made: its part e.0.1.w is missing"});
  CHECK(faults(TracedTable().add("e.0.0.w", {1}).add("e.0.1.w", {2}).checkpoint(), rules, Direction::to_left) ==
        Strings{"up.0.w cannot be made: e.0.1.w would be [2] in it, but e.0.0.w [1]"});
  CHECK(faults(TracedTable().add("up.0.w", {0, 2}).checkpoint(), rules).size() == 1);
  CHECK(faults(TracedTable().add("up.0.w", {}).checkpoint(), rules).size() == 1);
}

TEST_CASE("views of views: tensors of torch's that are cut, joined and cut elsewhere") {
  const LayoutRules first = {{"a.#.qkv.*", "b.#.{q,k,v}.*"}, {"c.*", "d.*", Reshaping::swap}};
  const LayoutRules second = {{"x.#.two.*", "b.#.{k,v}.*"}, {"x.#.one.*", "b.#.q.*"}, {"e.*", "d.*", Reshaping::swap}};
  const LayoutRules third = {{"x.#.two.*", "y.#.{a,b,c,d}.*"}, {"x.#.one.*", "y.#.one.*"}};
  const Checkpoint given =
      TracedTable().add_turned("a.0.qkv.weight", {6, 2}).add_turned("c.weight", {4, 3}).checkpoint();
  Checkpoint checkpoint = copy(given);
  right(checkpoint, first);
  CHECK(elements(checkpoint, "b.0.k.weight") == Places{2, 8, 3, 9});
  CHECK(elements(checkpoint, "d.weight") == Places{14, 18, 22, 15, 19, 23, 12, 16, 20, 13, 17, 21});
  left(checkpoint, second);
  CHECK(elements(checkpoint, "x.0.two.weight") == Places{2, 8, 3, 9, 4, 10, 5, 11});
  CHECK(elements(checkpoint, "e.weight") == Places{12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23});
  right(checkpoint, third);
  CHECK(elements(checkpoint, "y.0.c.weight") == Places{4, 10});
  left(checkpoint, third);
  right(checkpoint, second);
  left(checkpoint, first);
  CHECK(rows(checkpoint.tensors) == rows(given.tensors));
}

TEST_CASE("cutting across the rows of a piece takes the ends of rows") {
  // Six rows of two, folded to three of four, cut into three and then into two.
  const LayoutRules fold = {{"a", "b", Reshaping::fold, RowCut::equal, 3}};
  Checkpoint checkpoint = TracedTable().add_turned("a", {6, 2}).checkpoint();
  right(checkpoint, fold);
  CHECK(shape(checkpoint, "b") == Places{3, 2, 2});
  const Places all = elements(checkpoint, "b");
  CHECK(all == Places{0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11});
  right(checkpoint, {{"b", "{c,d,e}"}});
  CHECK(elements(checkpoint, "d") == Places{2, 8, 3, 9});
  left(checkpoint, {{"f", "{e,c,d}"}});
  CHECK(elements(checkpoint, "f") == Places{4, 10, 5, 11, 0, 6, 1, 7, 2, 8, 3, 9});
  left(checkpoint, {{"g", "f", Reshaping::fold, RowCut::equal, 3}});
  right(checkpoint, {{"g", "{h,i}"}});
  CHECK(elements(checkpoint, "h") == Places{4, 10, 5, 11, 0, 6});
  CHECK(elements(checkpoint, "i") == Places{1, 7, 2, 8, 3, 9});
}

TEST_CASE("codes get other names, and are neither cut nor parted from their scales") {
  const Checkpoint given = TracedTable()
                               .add("a.0.qkv.weight", {6, 2}, Dtype::F8_E4M3)
                               .add("a.0.qkv.scale_weight", {})
                               .add("a.0.qkv.bias", {6})
                               .add("m.weight", {2, 2}, Dtype::F8_E4M3)
                               .add("m.scale_weight", {})
                               .checkpoint();
  Strings lines = faults(given, {kQkv[0], {"m.weight", "n.weight"}});
  std::ranges::sort(lines);
  REQUIRE(lines.size() == 4);
  CHECK(lines[0] == "a.0.qkv.bias belongs to codes (scaled fp8 of ComfyUI), which cannot be cut, joined or turned");
  CHECK(lines[3] == "m.scale_weight stands by codes (scaled fp8 of ComfyUI) that would be called otherwise");

  Checkpoint checkpoint = copy(given);
  right(checkpoint, {{"a.#.qkv.*", "b.#.qkv.*"}, {"m.*", "n.*"}});
  CHECK(names(checkpoint) ==
        Strings{"b.0.qkv.bias", "b.0.qkv.scale_weight", "b.0.qkv.weight", "n.scale_weight", "n.weight"});
  // A plain cast to fp8 is numbers.
  Checkpoint cast = TracedTable().add("a.0.qkv.weight", {6, 2}, Dtype::F8_E4M3).checkpoint();
  CHECK(right(cast, kQkv).reshaped == 3);
}

TEST_CASE("what is no weight of a fused layer is not cut with it") {
  CHECK(faults(TracedTable().add("a.0.qkv.weight", {6, 2}).add("a.0.qkv.lora_A.weight", {6, 2}).checkpoint(), kQkv) ==
        Strings{"a.0.qkv.lora_A.weight is neither weight nor bias of a layer that would be cut, joined or turned"});
}

TEST_CASE("two tensors do not get one name") {
  CHECK(faults(TracedTable().add("a.w", {1}).add("b.w", {1}).checkpoint(), {{"a.w", "b.w"}}) ==
        Strings{"b.w would be the name of two tensors"});
}

TEST_CASE("tensors that cannot be read are renamed with the others") {
  Checkpoint checkpoint = TracedTable().add("b.0.k.weight", {2, 2}).add("b.1.c.w", {1}).checkpoint();
  checkpoint.unread = {{"b.0.q.weight", "is sparse"}, {"b.0.v.weight", "is sparse"}, {"b.1.d", "is sparse"}};
  left(checkpoint, {kQkv[0], {"c.#.*", "b.#.c.*"}, {"d.#", "b.#.d"}});
  CHECK(names(checkpoint) == Strings{"c.1.w"});
  REQUIRE(checkpoint.unread.size() == 2);
  CHECK(checkpoint.unread[0].name == "a.0.qkv.weight");
  CHECK(checkpoint.unread[1].name == "d.1");
  CHECK(right(checkpoint, kQkv).carried == Strings{"d.1", "c.1.w"});
  CHECK(checkpoint.unread.size() == 4);
  CHECK(right(checkpoint, {{"d.#", ""}}).left_out == Strings{"d.1"});
  CHECK(checkpoint.unread.size() == 3);
}

TEST_CASE("a table without tensors, and tensors without elements") {
  Checkpoint checkpoint = TracedTable().checkpoint();
  CHECK(right(checkpoint, kQkv).reshaped == 0);
  checkpoint = TracedTable().add("a.0.qkv.weight", {6, 0}).checkpoint();
  right(checkpoint, kQkv);
  CHECK(shape(checkpoint, "b.0.q.weight") == Places{2, 0});
  left(checkpoint, kQkv);
  CHECK(shape(checkpoint, "a.0.qkv.weight") == Places{6, 0});
}
