// SPDX-License-Identifier: Apache-2.0
// Kinds whose change is made of products, each against its definition over whole matrices of f64.
#include <doctest/doctest.h>

#include "tests/core/adapters/small_adapters.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense times(const Dense& a, const Dense& b) {
  return dense(a.rows, a.columns, [&](uint64_t i, uint64_t j) { return a(i, j) * b(i, j); });
}

Dense kron(const Dense& a, const Dense& b) {
  return dense(a.rows * b.rows, a.columns * b.columns,
               [&](uint64_t i, uint64_t j) { return a(i / b.rows, j / b.columns) * b(i % b.rows, j % b.columns); });
}

// core (r, r, k), a (r, out), b (r, in) as (out, in * k).
Dense tucker(const Dense& core, const Dense& a, const Dense& b) {
  const uint64_t rank = a.rows, kernel = core.columns / rank;
  return dense(a.columns, b.columns * kernel, [&](uint64_t p, uint64_t column) {
    double sum = 0;
    for (uint64_t i = 0; i < rank; ++i)
      for (uint64_t j = 0; j < rank; ++j)
        sum += core(i, j * kernel + column % kernel) * a(i, p) * b(j, column / kernel);
    return sum;
  });
}

Dense rows_times(const Dense& numbers, const Dense& matrix) {
  return dense(matrix.rows, matrix.columns, [&](uint64_t i, uint64_t j) { return numbers.values[i] * matrix(i, j); });
}

Dense part(const Dense& matrix, uint64_t rows, uint64_t columns) {
  return dense(rows, columns, [&](uint64_t i, uint64_t j) { return matrix(i, j); });
}

}  // namespace

TEST_CASE("LoHa adds the product of two products, element by element") {
  SmallAdapter linear("LoHa",
                      {{"hada_w1_a", {17, 3}}, {"hada_w1_b", {3, 40}}, {"hada_w2_a", {17, 3}}, {"hada_w2_b", {3, 40}}});
  linear.module().scale = 0.25;
  check_change(linear, {.shape = {17, 40}}, 2,
               0.5 * times(linear["hada_w1_a"] * linear["hada_w1_b"], linear["hada_w2_a"] * linear["hada_w2_b"]));
  CHECK(linear.fault({.shape = {17, 44}}) == "hada_w1_b has 40 columns, the weight 44");

  SmallAdapter conv("LoHa", {{"hada_t1", {3, 3, 2, 2}},
                             {"hada_w1_a", {3, 8}},
                             {"hada_w1_b", {3, 5}},
                             {"hada_t2", {3, 3, 2, 2}},
                             {"hada_w2_a", {3, 8}},
                             {"hada_w2_b", {3, 5}}});
  check_change(conv, {.shape = {8, 5, 2, 2}}, 1,
               times(tucker(conv["hada_t1"], conv["hada_w1_a"], conv["hada_w1_b"]),
                     tucker(conv["hada_t2"], conv["hada_w2_a"], conv["hada_w2_b"])));
}

TEST_CASE("LoKr adds a Kronecker product, whatever its factors are") {
  SmallAdapter whole("LoKr", {{"lokr_w1", {3, 4}}, {"lokr_w2", {6, 5, 3, 3}}});
  check_change(whole, {.shape = {18, 20, 3, 3}}, 0.5, 0.5 * kron(whole["lokr_w1"], whole["lokr_w2"]));

  SmallAdapter products("LoKr",
                        {{"lokr_w1_a", {3, 2}}, {"lokr_w1_b", {2, 4}}, {"lokr_w2_a", {6, 2}}, {"lokr_w2_b", {2, 10}}});
  products.module().scale = 3;
  check_change(products, {.shape = {18, 40}}, 1,
               3 * kron(products["lokr_w1_a"] * products["lokr_w1_b"], products["lokr_w2_a"] * products["lokr_w2_b"]));

  SmallAdapter core("LoKr",
                    {{"lokr_w1", {3, 4}}, {"lokr_t2", {2, 2, 3, 3}}, {"lokr_w2_a", {2, 6}}, {"lokr_w2_b", {2, 5}}});
  check_change(core, {.shape = {18, 20, 3, 3}}, 1,
               kron(core["lokr_w1"], tucker(core["lokr_t2"], core["lokr_w2_a"], core["lokr_w2_b"])));
  CHECK(core.fault({.shape = {18, 21, 3, 3}}) == "it has 180 columns, the weight 189");
}

TEST_CASE("LoKr of PEFT pairs the elements of a whole Conv1d in its own order") {
  SmallAdapter adapter("LoKr", {{"lokr_w1", {2, 3}}, {"lokr_w2", {4, 5, 3}}});
  const Dense w1 = adapter["lokr_w1"], w2 = adapter["lokr_w2"];
  check_change(adapter, {.shape = {8, 15, 3}}, 1, kron(w1, w2));
  adapter.set_maker(AdapterMaker::peft);
  // numpy.kron(w1[None], w2) is (4, 2 * 5, 3 * 3), taken for the weight's shape as it lies.
  check_change(adapter, {.shape = {8, 15, 3}}, 1, dense(8, 45, [&](uint64_t row, uint64_t column) {
                 const uint64_t at = row * 45 + column, a = at / 90, b = at / 9 % 10, c = at % 9;
                 return w1(b / 5, c / 3) * w2(a, b % 5 * 3 + c % 3);
               }));
}

TEST_CASE("AdaLoRA weights each row of A") {
  SmallAdapter adapter("AdaLoRA", {{"lora_A", {3, 20}}, {"lora_B", {9, 3}}, {"lora_E", {3, 1}}});
  const Dense expected = adapter["lora_B"] * rows_times(adapter["lora_E"], adapter["lora_A"]);
  check_change(adapter, {.shape = {9, 20}}, 1, expected);
  check_change(adapter, {.shape = {20, 9}, .transposed = true}, 1, turned(expected));
}

TEST_CASE("VeRA takes its part of what all modules share, PVeRA half of that") {
  SmallAdapter vera("VeRA", {{"vera_A", {4, 30}}, {"vera_B", {25, 4}}, {"vera_lambda_b", {9}}, {"vera_lambda_d", {4}}});
  check_change(vera, {.shape = {9, 20}}, 1,
               rows_times(vera["vera_lambda_b"], part(vera["vera_B"], 9, 4)) *
                   rows_times(vera["vera_lambda_d"], part(vera["vera_A"], 4, 20)));
  CHECK(SmallAdapter("VeRA", {{"vera_lambda_b", {9}}, {"vera_lambda_d", {4}}}).fault({.shape = {9, 20}}) ==
        "vera_A and vera_B are not in the file (save_projection=False)");

  SmallAdapter pvera("PVeRA",
                     {{"pvera_A", {8, 30}}, {"pvera_B", {25, 4}}, {"pvera_lambda_b", {9}}, {"pvera_lambda_d", {8}}});
  check_change(pvera, {.shape = {9, 20}}, 1,
               rows_times(pvera["pvera_lambda_b"], part(pvera["pvera_B"], 9, 4)) *
                   rows_times(pvera["pvera_lambda_d"], part(pvera["pvera_A"], 4, 20)));
}

TEST_CASE("GraLoRA has a product for each block, and a LoRA besides") {
  const uint64_t k = 2, rank = 4, in = 10, out = 6, half = rank / k;
  SmallAdapter adapter("GraLoRA", {{"gralora_A", {k, in / k, rank}},
                                   {"gralora_B", {k, rank, out / k}},
                                   {"gralora_A_general", {3, in}},
                                   {"gralora_B_general", {out, 3}}});
  const Dense a = adapter["gralora_A"], b = adapter["gralora_B"];
  const Dense blocks = dense(out, in, [&](uint64_t row, uint64_t column) {
    const uint64_t o = row / (out / k), i = column / (in / k);
    double sum = 0;
    for (uint64_t s = 0; s < half; ++s)
      sum += a(i, column % (in / k) * rank + o * half + s) * b(o, (i * half + s) * (out / k) + row % (out / k));
    return sum;
  });
  check_change(adapter, {.shape = {out, in}}, 1, blocks + adapter["gralora_B_general"] * adapter["gralora_A_general"]);
}

TEST_CASE("RandLoRA multiplies bases as PEFT flattens them, turned where there are more inputs") {
  const uint64_t rank = 3, bases = 2, small = 5, large = 8;
  SmallAdapter adapter("RandLoRA", {{"randlora_lambda", {rank, bases}},
                                    {"randlora_gamma", {bases, small}},
                                    {"randlora_A", {rank, 1, 7}},
                                    {"randlora_B", {9, 4, rank}}});
  const Dense lambda = adapter["randlora_lambda"], gamma = adapter["randlora_gamma"], a = adapter["randlora_A"];
  const Dense b = adapter["randlora_B"];
  const Dense right = dense(rank * bases, small, [&](uint64_t t, uint64_t j) {
    return lambda(t / bases, t % bases) * a(t / bases, j) * gamma(t % bases, j);
  });
  const Dense left = part(b, large, bases * rank);
  check_change(adapter, {.shape = {large, small}}, 1, left * right);
  check_change(adapter, {.shape = {small, large}}, 1, turned(left * right));
  check_change(adapter, {.shape = {small, large}, .transposed = true}, 1, turned(left * right));
}

TEST_CASE("GLoRA of LyCORIS changes the weight by itself, element of the kernel by element") {
  for (const std::vector<uint64_t>& shape : {std::vector<uint64_t>{7, 10}, std::vector<uint64_t>{7, 10, 2, 2}}) {
    const uint64_t kernel = shape.size() > 2 ? 4 : 1;
    std::vector<uint64_t> b2 = shape;
    b2[0] = 3;
    SmallAdapter adapter("GLoRA of LyCORIS", {{"a1", {10, 3}}, {"a2", {3, 10}}, {"b1", {7, 3}}, {"b2", b2}});
    adapter.module().scale = 0.5;
    const Dense inner = adapter["a1"] * adapter["a2"], base = base_weight(shape);
    const Dense changed = dense(7, 10 * kernel, [&](uint64_t row, uint64_t column) {
      double sum = 0;
      for (uint64_t i = 0; i < 10; ++i) sum += base(row, i * kernel + column % kernel) * inner(i, column / kernel);
      return sum;
    });
    check_change(adapter, {.shape = shape}, 2, changed + adapter["b1"] * adapter["b2"]);
  }
}
