// SPDX-License-Identifier: Apache-2.0
// HRA, HiRA, MiSS "bat", GLoRA of PEFT and RoAd against their definitions.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense column(const Dense& x, uint64_t k) {
  return dense(x.rows, 1, [&](uint64_t i, uint64_t) { return x(i, k); });
}

Dense at_unit_length(const Dense& u) { return 1 / std::sqrt((turned(u) * u).values[0]) * u; }

// Element by element.
Dense times(const Dense& a, const Dense& b) {
  return dense(a.rows, a.columns, [&](uint64_t i, uint64_t j) { return a(i, j) * b(i, j); });
}

}  // namespace

TEST_CASE("HRA mirrors inputs one after another, from left to right") {
  SmallAdapter adapter("HRA", {{"hra_u", {45, 4}}});
  const Dense w = base_weight({8, 5, 3, 3}), u = adapter["hra_u"];
  Dense made = w;
  for (uint64_t k = 0; k < 4; ++k) {
    const Dense v = at_unit_length(column(u, k));
    made = made * (identity(45) - 2.0 * (v * turned(v)));
  }
  check_change(adapter, {.shape = {8, 5, 3, 3}}, 1, made - w);
  check_change(adapter, {.shape = {8, 5, 3, 3}}, 0.5, 0.5 * (made - w));

  adapter.module().numbers["apply_GS"] = 1;
  Dense both = identity(45);
  std::vector<Dense> before;
  for (uint64_t k = 0; k < 4; ++k) {
    Dense v = column(u, k);
    for (const Dense& other : before) v = v - (turned(other) * v).values[0] * other;
    before.push_back(at_unit_length(v));
    both = both - 2.0 * (before.back() * turned(before.back()));
  }
  check_change(adapter, {.shape = {8, 5, 3, 3}}, 1, w * both - w);
  CHECK(adapter.fault({.shape = {8, 44}}) == "hra_u has 45 rows, the weight 44");
}

TEST_CASE("HiRA multiplies the weight by 1 + B A, element by element") {
  SmallAdapter linear("HiRA", {{"hira_A", {3, 50}}, {"hira_B", {12, 3}}});
  const Dense w = base_weight({12, 50});
  check_change(linear, {.shape = {12, 50}}, 0.5, 0.5 * times(w, linear["hira_B"] * linear["hira_A"]));

  SmallAdapter conv("HiRA", {{"hira_A", {3, 5, 3, 3}}, {"hira_B", {12, 3, 1, 1}}});
  check_change(conv, {.shape = {12, 5, 3, 3}}, 1, times(base_weight({12, 5, 3, 3}), conv["hira_B"] * conv["hira_A"]));

  SmallAdapter embedding("HiRA", {{"hira_embedding_A", {3, 60}}, {"hira_embedding_B", {12, 3}}});
  check_change(embedding, {.shape = {60, 12}, .is_embedding = true}, 1,
               times(base_weight({60, 12}), turned(embedding["hira_embedding_B"] * embedding["hira_embedding_A"])));

  check_change(linear, {.shape = {50, 12}, .transposed = true}, 1,
               times(base_weight({50, 12}), turned(linear["hira_B"] * linear["hira_A"])));
  CHECK(linear.fault({.shape = {12, 49}}) == "hira_A has 50 columns, the weight 49");
}

TEST_CASE("MiSS bat makes W + W B + B of every square block") {
  SmallAdapter adapter("MiSS bat", {{"miss_block", {3, 4, 4}}});
  const Dense w = base_weight({12, 20}), blocks = adapter["miss_block"];
  const Dense added = dense(12, 20, [&](uint64_t i, uint64_t j) {
    const Dense b = block(blocks, 4, i / 4);
    double sum = b(i % 4, j % 4);
    for (uint64_t k = 0; k < 4; ++k) sum += w(i, j / 4 * 4 + k) * b(k, j % 4);
    return sum;
  });
  check_change(adapter, {.shape = {12, 20}}, 1, added);
  check_change(adapter, {.shape = {12, 20}}, -0.5, -0.5 * added);
  CHECK(adapter.fault({.shape = {12, 22}}) == "miss_block has the shape [3, 4, 4], the weight [12, 22]");
}

TEST_CASE("GLoRA of PEFT scales and moves elements of weight and bias") {
  SmallAdapter products(
      "GLoRA", {{"glora_A.Xd", {9, 2}}, {"glora_A.Xu", {2, 30}}, {"glora_B.Xd", {9, 2}}, {"glora_B.Xu", {2, 30}}});
  const Dense w = base_weight({9, 30}), a = products["glora_A.Xd"] * products["glora_A.Xu"];
  const Dense b = products["glora_B.Xd"] * products["glora_B.Xu"];
  check_change(products, {.shape = {9, 30}}, 0.5, 0.5 * (times(w, a) + b));
  CHECK(!products.module().kind->parts(products.adapter(), products.module()).bias);

  SmallAdapter numbers("GLoRA", {{"glora_A.X", {9, 1}}, {"glora_B.X", {1}}, {"glora_D.X", {9}}, {"glora_E.X", {9}}});
  const Dense x = numbers["glora_A.X"], y = numbers["glora_B.X"], d = numbers["glora_D.X"], e = numbers["glora_E.X"];
  check_change(numbers, {.shape = {9, 30}}, 1,
               dense(9, 30, [&](uint64_t i, uint64_t j) { return w(i, j) * x.values[i] + y.values[0]; }));
  const Dense bias = base_weight({9});
  check_change(numbers, {.shape = {9}, .is_bias = true}, 1,
               dense(9, 1, [&](uint64_t i, uint64_t) { return bias.values[i] * d.values[i] + e.values[i]; }));
  CHECK(numbers.module().kind->parts(numbers.adapter(), numbers.module()).bias);
}

TEST_CASE("GLoRA of PEFT brings the weight into the bias") {
  const Dense w = base_weight({9, 30}), bias = base_weight({9});
  const ReadRows rows = [&](uint64_t first, uint64_t count, std::span<float> out) {
    for (uint64_t i = 0; i < count * 30; ++i) out[i] = static_cast<float>(w.values[first * 30 + i]);
  };
  for (const bool is_product : {false, true}) {
    std::vector<FactorSpec> factors{{"glora_E.X", {9}}, {"glora_C.X", {30, 1}}};
    if (is_product) factors = {{"glora_C.Xd", {30, 2}}, {"glora_C.Xu", {2, 1}}, {"glora_E.X", {9}}};
    SmallAdapter adapter("GLoRA", factors);
    const Dense c = is_product ? adapter["glora_C.Xd"] * adapter["glora_C.Xu"] : adapter["glora_C.X"];
    const AdapterModule& module = adapter.module();
    const ModuleWeight of_bias{.shape = {9}, .is_bias = true};
    CHECK(adapter.fault(of_bias).empty());
    CHECK(adapter.fault({.shape = {9, 30}}).empty());
    CHECK(adapter.fault({.shape = {9, 31}}).ends_with(" has 30 rows, the weight's inputs are 31"));
    CHECK(module.kind->parts(adapter.adapter(), module).weight);
    const auto change = module.kind->open(adapter.adapter(), module, of_bias, 0.5, rows);
    CHECK(change->memory() <= module.kind->memory(adapter.adapter(), module, of_bias) + 1024);
    std::vector<float> changed(bias.values.begin(), bias.values.end());
    change->apply(0, 4, std::span(changed).first(4));
    change->apply(4, 5, std::span(changed).subspan(4));
    const Dense brought = w * c, e = adapter["glora_E.X"];
    for (uint64_t i = 0; i < 9; ++i)
      CHECK(double{changed[i]} ==
            doctest::Approx(bias.values[i] + 0.5 * (e.values[i] + brought.values[i])).epsilon(1e-6));
  }
  SmallAdapter wide("GLoRA", {{"glora_C.Xd", {30, 2}}, {"glora_C.Xu", {2, 3}}});
  CHECK(wide.fault({.shape = {9, 30}}) == "glora_C.Xu has 3 columns, where one is meant");
}

TEST_CASE("RoAd turns and scales outputs in pairs, with one, two or four numbers for a pair") {
  for (const uint64_t angles : {12, 24, 48}) {
    SmallAdapter adapter("RoAd", {{"road_theta", {angles}}, {"road_alpha", {angles}}});
    adapter.module().numbers["group_size"] = 8;
    const Dense theta = adapter["road_theta"], alpha = adapter["road_alpha"];
    // what output `row` has of itself (part 0) and of its partner (part 1)
    const auto number = [&](const Dense& of, uint64_t row, uint64_t part) {
      const uint64_t group = row / 8, within = row % 8;
      return of.values[angles == 12 ? group * 4 + within % 4 : angles == 24 ? row : group * 16 + part * 8 + within];
    };
    Dense r(24, 24);
    for (uint64_t row = 0; row < 24; ++row) {
      r(row, row) = number(alpha, row, 0) * std::cos(number(theta, row, 0));
      const bool first = row % 8 < 4;
      r(row, first ? row + 4 : row - 4) = (first ? -1 : 1) * number(alpha, row, 1) * std::sin(number(theta, row, 1));
    }
    const Dense w = base_weight({24, 50}), bias = with_rows(base_weight({24}), 24);
    check_change(adapter, {.shape = {24, 50}}, 1, r * w - w);
    check_change(adapter, {.shape = {24, 50}}, 0.5, 0.5 * (r * w - w));
    check_change(adapter, {.shape = {24}, .is_bias = true}, 1, r * bias - bias);
  }
  SmallAdapter adapter("RoAd", {{"road_theta", {12}}, {"road_alpha", {12}}});
  CHECK(adapter.fault({.shape = {24, 50}}).find("group_size is 64") == 0);
}
