// SPDX-License-Identifier: Apache-2.0
// LoRA against its definition: every layer that it changes, factors that do not fit.
#include <doctest/doctest.h>

#include "tests/core/adapters/small_adapters.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// up (out, r), mid (r, r, k), down (r, in) as (out, in * k).
Dense tucker(const Dense& up, const Dense& mid, const Dense& down) {
  const uint64_t rank = down.rows, kernel = mid.columns / rank;
  return dense(up.rows, down.columns * kernel, [&](uint64_t p, uint64_t column) {
    double sum = 0;
    for (uint64_t i = 0; i < rank; ++i)
      for (uint64_t j = 0; j < rank; ++j)
        sum += mid(i, j * kernel + column % kernel) * up(p, i) * down(j, column / kernel);
    return sum;
  });
}

}  // namespace

TEST_CASE("LoRA adds s B A to a Linear, a Conv and a transposed Conv1D") {
  SmallAdapter linear("LoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}});
  linear.module().scale = 1.6;
  check_change(linear, {.shape = {37, 70}}, 0.5, 0.8 * (linear["lora_B"] * linear["lora_A"]));

  SmallAdapter conv("LoRA", {{"lora_A", {4, 6, 3, 3}}, {"lora_B", {10, 4, 1, 1}}});
  check_change(conv, {.shape = {10, 6, 3, 3}}, -2, -2 * (conv["lora_B"] * conv["lora_A"]));

  SmallAdapter turning("LoRA", {{"lora_A", {3, 12}}, {"lora_B", {36, 3}}});
  check_change(turning, {.shape = {12, 36}, .transposed = true}, 1, turned(turning["lora_B"] * turning["lora_A"]));
}

TEST_CASE("LoRA of a Conv may have its kernel between two that are 1 x 1") {
  SmallAdapter conv("LoRA", {{"lora_A", {4, 6, 1, 1}}, {"lora_B", {10, 4, 1, 1}}, {"lora_mid", {4, 4, 3, 3}}});
  check_change(conv, {.shape = {10, 6, 3, 3}}, 1, tucker(conv["lora_B"], conv["lora_mid"], conv["lora_A"]));
}

TEST_CASE("LoRA of an embedding is turned, and its bias is a factor of its own") {
  SmallAdapter embedding("LoRA", {{"lora_embedding_A", {3, 50}}, {"lora_embedding_B", {16, 3}}});
  check_change(embedding, {.shape = {50, 16}, .is_embedding = true}, 2,
               2 * turned(embedding["lora_embedding_B"] * embedding["lora_embedding_A"]));

  SmallAdapter biased("LoRA", {{"lora_A", {2, 4}}, {"lora_B", {6, 2}}, {"lora_B.bias", {6}}});
  biased.module().scale = 0.5;
  check_change(biased, {.shape = {6}, .is_bias = true}, 3, 1.5 * biased["lora_B.bias"]);
  CHECK(biased.module().kind->parts(biased.adapter(), biased.module()).bias);
}

TEST_CASE("LoRA of experts has a block of rows of A for each, and B by turns") {
  const uint64_t experts = 3, rank = 2, in = 8, out = 5;
  SmallAdapter adapter("LoRA", {{"lora_A", {experts * rank, in}}, {"lora_B", {out, rank * experts}}});
  const Dense a = adapter["lora_A"], b = adapter["lora_B"];
  const auto element = [&](uint64_t e, uint64_t o, uint64_t i) {
    double sum = 0;
    for (uint64_t k = 0; k < rank; ++k) sum += b(o, k * experts + e) * a(e * rank + k, i);
    return sum;
  };
  check_change(adapter, {.shape = {experts * out, in}, .experts = experts}, 1,
               dense(experts * out, in, [&](uint64_t row, uint64_t i) { return element(row / out, row % out, i); }));
  check_change(adapter, {.shape = {experts * in, out}, .transposed = true, .experts = experts}, 1,
               dense(experts * in, out, [&](uint64_t row, uint64_t o) { return element(row / in, o, row % in); }));
}

TEST_CASE("a factor of BD-LoRA holds the blocks of a block-diagonal one") {
  SmallAdapter a_in_blocks("LoRA", {{"lora_A", {4, 5}}, {"lora_B", {6, 4}}});
  a_in_blocks.module().numbers["nblocks"] = 2;
  const Dense a = a_in_blocks["lora_A"];
  const Dense diagonal = dense(4, 10, [&](uint64_t i, uint64_t j) { return i / 2 == j / 5 ? a(i, j % 5) : 0; });
  check_change(a_in_blocks, {.shape = {6, 10}}, 1, a_in_blocks["lora_B"] * diagonal);

  SmallAdapter b_in_blocks("LoRA", {{"lora_A", {4, 7}}, {"lora_B", {6, 2}}});
  b_in_blocks.module().numbers["nblocks"] = 2;
  const Dense b = b_in_blocks["lora_B"];
  const Dense below = dense(6, 4, [&](uint64_t i, uint64_t j) { return i / 3 == j / 2 ? b(i, j % 2) : 0; });
  check_change(b_in_blocks, {.shape = {6, 7}}, 1, below * b_in_blocks["lora_A"]);
}

TEST_CASE("LoRA says what does not fit, and what it does not know") {
  SmallAdapter adapter("LoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}});
  CHECK(adapter.fault({.shape = {37, 64}}) == "lora_A has 70 columns, the weight 64");
  CHECK(adapter.fault({.shape = {40, 70}}) == "lora_B has 37 rows, the weight 40");
  CHECK(adapter.fault({.shape = {40}, .is_bias = true}) == "it has no lora_B.bias");
  adapter.module().numbers["init_lora_weights=pissa"] = 1;
  CHECK(adapter.fault({.shape = {37, 70}}).find("pissa") != std::string::npos);
  CHECK(SmallAdapter("LoRA", {{"lora_A", {5, 70}}}).fault({.shape = {37, 70}}) == "it has no lora_B");
  CHECK(SmallAdapter("LoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 4}}}).fault({.shape = {37, 70}}) ==
        "lora_B has 4 columns, lora_A has rank 5");
  CHECK(SmallAdapter("LoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}, {"dora_scale", {37, 1}}})
            .fault({.shape = {37, 70}}) == "it has dora_scale, which makes it a DoRA");
}
