// SPDX-License-Identifier: Apache-2.0
// DoRA against its three definitions, on both axes, and what it refuses.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr double kEpsilon = 0x1p-23;

double length(const Dense& v, uint64_t row) {
  double sum = 0;
  for (uint64_t j = 0; j < v.columns; ++j) sum += v(row, j) * v(row, j);
  return std::sqrt(sum);
}

// m V / |V| by rows.
Dense brought_to(const Dense& magnitudes, const Dense& v) {
  return dense(v.rows, v.columns,
               [&](uint64_t i, uint64_t j) { return magnitudes.values[i] * v(i, j) / length(v, i); });
}

}  // namespace

TEST_CASE("PEFT's DoRA has one length per output, and the strength inside of what is measured") {
  SmallAdapter adapter("LoRA with DoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}, {"lora_magnitude_vector", {37}}});
  adapter.module().scale = 1.6;
  const Dense w = base_weight({37, 70}), ba = adapter["lora_B"] * adapter["lora_A"];
  const Dense m = adapter["lora_magnitude_vector"];
  check_change(adapter, {.shape = {37, 70}}, 0.5, brought_to(m, w + 0.8 * ba) - w);
  check_change(adapter, {.shape = {37, 70}}, 1, brought_to(m, w + 1.6 * ba) - w);
}

TEST_CASE("PEFT's DoRA of a Conv measures all but outputs, of an embedding and a Conv1D down the columns") {
  SmallAdapter conv("LoRA with DoRA",
                    {{"lora_A", {4, 6, 3, 3}}, {"lora_B", {10, 4, 1, 1}}, {"lora_magnitude_vector", {1, 10, 1, 1}}});
  const Dense w = base_weight({10, 6, 3, 3});
  check_change(conv, {.shape = {10, 6, 3, 3}}, 1,
               brought_to(conv["lora_magnitude_vector"], w + conv["lora_B"] * conv["lora_A"]) - w);

  SmallAdapter embedding(
      "LoRA with DoRA",
      {{"lora_embedding_A", {3, 300}}, {"lora_embedding_B", {16, 3}}, {"lora_magnitude_vector", {16}}});
  const Dense e = base_weight({300, 16});
  const Dense v = turned(e) + 2.0 * (embedding["lora_embedding_B"] * embedding["lora_embedding_A"]);
  check_change(embedding, {.shape = {300, 16}, .is_embedding = true}, 2,
               turned(brought_to(embedding["lora_magnitude_vector"], v)) - e);

  SmallAdapter turning("LoRA with DoRA", {{"lora_A", {3, 12}}, {"lora_B", {36, 3}}, {"lora_magnitude_vector", {36}}});
  const Dense t = base_weight({12, 36}), u = turned(t) + turning["lora_B"] * turning["lora_A"];
  check_change(turning, {.shape = {12, 36}, .transposed = true}, 1,
               turned(brought_to(turning["lora_magnitude_vector"], u)) - t);
}

TEST_CASE("LyCORIS's DoRA adds all of its change, and an epsilon to lengths, on either axis") {
  SmallAdapter outputs("LoRA with DoRA",
                       {{"lora_A", {4, 6, 3, 3}}, {"lora_B", {10, 4, 1, 1}}, {"dora_scale", {10, 1, 1, 1}}});
  outputs.module().scale = 0.25;
  const Dense w = base_weight({10, 6, 3, 3});
  const Dense v = w + 0.25 * (outputs["lora_B"] * outputs["lora_A"]), m = outputs["dora_scale"];
  check_change(outputs, {.shape = {10, 6, 3, 3}}, 0.3, dense(10, 54, [&](uint64_t i, uint64_t j) {
                 return v(i, j) * (1 + 0.3 * (m.values[i] / (length(v, i) + kEpsilon) - 1)) - w(i, j);
               }));

  SmallAdapter inputs("LoRA with DoRA",
                      {{"lora_A", {4, 6, 3, 3}}, {"lora_B", {10, 4, 1, 1}}, {"dora_scale", {1, 6, 1, 1}}});
  const Dense x = w + inputs["lora_B"] * inputs["lora_A"], n = inputs["dora_scale"];
  Dense by_inputs = dense(6, 90, [&](uint64_t i, uint64_t k) { return x(k / 9, i * 9 + k % 9); });
  check_change(inputs, {.shape = {10, 6, 3, 3}}, 0.3, dense(10, 54, [&](uint64_t i, uint64_t j) {
                 return x(i, j) * (1 + 0.3 * (n.values[j / 9] / (length(by_inputs, j / 9) + kEpsilon) - 1)) - w(i, j);
               }));
}

TEST_CASE("ComfyUI's reading measures the weight alone per output, and mixes by strength") {
  SmallAdapter outputs("LoRA with DoRA", {{"lora_A", {4, 20}}, {"lora_B", {10, 4}}, {"dora_scale", {10, 1}}});
  outputs.module().numbers["dora_comfy"] = 1;
  const Dense w = base_weight({10, 20}), v = w + outputs["lora_B"] * outputs["lora_A"], m = outputs["dora_scale"];
  check_change(outputs, {.shape = {10, 20}}, 0.3, dense(10, 20, [&](uint64_t i, uint64_t j) {
                 return 0.3 * (v(i, j) * m.values[i] / (length(w, i) + kEpsilon) - w(i, j));
               }));

  SmallAdapter inputs("LoRA with DoRA", {{"lora_A", {4, 20}}, {"lora_B", {10, 4}}, {"dora_scale", {1, 20}}});
  inputs.module().numbers["dora_comfy"] = 1;
  const Dense x = w + inputs["lora_B"] * inputs["lora_A"], n = inputs["dora_scale"];
  check_change(inputs, {.shape = {10, 20}}, 0.3, dense(10, 20, [&](uint64_t i, uint64_t j) {
                 return 0.3 * (x(i, j) * n.values[j] / (length(turned(x), j) + kEpsilon) - w(i, j));
               }));
}

TEST_CASE("what DoRA measures may be of another kind: LoHa, LoKr") {
  SmallAdapter loha("LoHa with DoRA", {{"hada_w1_a", {10, 2}},
                                       {"hada_w1_b", {2, 20}},
                                       {"hada_w2_a", {10, 2}},
                                       {"hada_w2_b", {2, 20}},
                                       {"dora_scale", {10, 1}}});
  const Dense w = base_weight({10, 20}), m = loha["dora_scale"];
  const Dense one = loha["hada_w1_a"] * loha["hada_w1_b"], two = loha["hada_w2_a"] * loha["hada_w2_b"];
  const auto check = [&](SmallAdapter& adapter, const Dense& magnitudes, const Dense& v) {
    check_change(adapter, {.shape = {10, 20}}, 0.5, dense(10, 20, [&](uint64_t i, uint64_t j) {
                   return v(i, j) * (1 + 0.5 * (magnitudes.values[i] / (length(v, i) + kEpsilon) - 1)) - w(i, j);
                 }));
  };
  check(loha, m, dense(10, 20, [&](uint64_t i, uint64_t j) { return w(i, j) + one(i, j) * two(i, j); }));

  SmallAdapter lokr("LoKr with DoRA", {{"lokr_w1", {2, 4}}, {"lokr_w2", {5, 5}}, {"dora_scale", {10, 1}}});
  const Dense w1 = lokr["lokr_w1"], w2 = lokr["lokr_w2"];
  check(lokr, lokr["dora_scale"],
        dense(10, 20, [&](uint64_t i, uint64_t j) { return w(i, j) + w1(i / 5, j / 5) * w2(i % 5, j % 5); }));
}

TEST_CASE("a row of zeros that PEFT's DoRA is to bring to a length stays") {
  SmallAdapter adapter("LoRA with DoRA", {{"lora_A", {1, 3}}, {"lora_B", {2, 1}}, {"lora_magnitude_vector", {2}}});
  const ModuleWeight weight{.shape = {2, 3}};
  const auto change = adapter.module().kind->open(adapter.adapter(), adapter.module(), weight, 0, {});
  std::vector<float> rows(6);
  change->apply(0, 2, rows);
  CHECK(rows == std::vector<float>(6));
}

TEST_CASE("DoRA says what does not fit") {
  SmallAdapter adapter("LoRA with DoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}, {"dora_scale", {36, 1}}});
  CHECK(adapter.fault({.shape = {37, 70}}).find("dora_scale has the shape [36, 1]") == 0);
  CHECK(adapter.fault({.shape = {36, 70}}) == "lora_B has 37 rows, the weight 36");
  CHECK(adapter.fault({.shape = {36, 70}, .transposed = true}).find("not known") != std::string::npos);
  CHECK(SmallAdapter("LoRA with DoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}}).fault({.shape = {37, 70}}) ==
        "it has not one of lora_magnitude_vector and dora_scale");
  SmallAdapter peft("LoRA with DoRA", {{"lora_A", {5, 70}}, {"lora_B", {37, 5}}, {"lora_magnitude_vector", {37}}});
  peft.module().numbers["dora_comfy"] = 1;
  CHECK(peft.fault({.shape = {37, 70}}).find("ComfyUI") == 0);
}
