// SPDX-License-Identifier: Apache-2.0
// Kinds that are made of the whole weight, or of norms that the file has: DEFT, PEANuT, DeLoRA, BEFT.
#include <algorithm>

#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense positive(const Dense& x) {
  return dense(x.rows, x.columns, [&](uint64_t i, uint64_t j) { return std::max(x(i, j), 0.0); });
}

// Gram and Schmidt's, with the signs of LAPACK: a column's first element above what is left goes to the other side.
Dense orthogonal(const Dense& p) {
  Dense q(p.rows, p.columns);
  Dense reflected = p;  // what Householder's reflections have made of the columns so far
  for (uint64_t k = 0; k < p.columns; ++k) {
    Dense v(p.rows, 1);
    double sum = 0;
    for (uint64_t i = k; i < p.rows; ++i) sum += reflected(i, k) * reflected(i, k);
    const double end = reflected(k, k) > 0 ? -std::sqrt(sum) : std::sqrt(sum);
    for (uint64_t i = k; i < p.rows; ++i) v(i, 0) = reflected(i, k) - (i == k ? end : 0);
    const double square = (turned(v) * v).values[0];
    reflected = reflected - 2 / square * (v * (turned(v) * reflected));
  }
  // P = Q R, R the triangle that is left
  Dense r(p.columns, p.columns);
  for (uint64_t i = 0; i < p.columns; ++i)
    for (uint64_t j = i; j < p.columns; ++j) r(i, j) = reflected(i, j);
  return p * inverted(r);
}

}  // namespace

TEST_CASE("DEFT takes a part of the weight out and puts another in") {
  SmallAdapter adapter("DEFT", {{"deft_P", {12, 3}}, {"deft_R", {3, 400}}});
  adapter.module().scale = 0.5;
  const Dense w = base_weight({12, 400}), p = adapter["deft_P"], r = adapter["deft_R"];
  const Dense added = p * (0.5 * r - turned(positive(p)) * w);
  check_change(adapter, {.shape = {12, 400}}, 1, added);
  check_change(adapter, {.shape = {12, 400}}, 0.25, 0.25 * added);
  const Dense t = base_weight({400, 12});
  check_change(adapter, {.shape = {400, 12}, .transposed = true}, 1,
               turned(p * (0.5 * r - turned(positive(p)) * turned(t))));

  adapter.module().numbers["decomposition_method=qr"] = 1;
  const Dense q = orthogonal(p);
  check_change(adapter, {.shape = {12, 400}}, 1, q * (0.5 * r - turned(q) * w));
  adapter.module().numbers["para"] = 1;
  check_change(adapter, {.shape = {12, 400}}, 1, -1 * (q * (turned(q) * w)));
  CHECK(adapter.fault({.shape = {13, 400}}) == "deft_P has the shape [12, 3], the layer 13 outputs");
}

TEST_CASE("PEANuT adds a network of the weight") {
  SmallAdapter flat("PEANUT", {{"peanut_A", {3, 20}}, {"peanut_B", {20, 3}}});
  flat.module().scale = 2;
  const Dense w = base_weight({20, 30});
  check_change(flat, {.shape = {20, 30}}, 0.5, flat["peanut_B"] * positive(flat["peanut_A"] * w));

  SmallAdapter deep("PEANUT", {{"peanut_A", {3, 20}},
                               {"peanut_B", {20, 3}},
                               {"peanut_encoders.0", {3, 3}},
                               {"peanut_encoders.1", {3, 3}},
                               {"peanut_decoders.0", {3, 3}},
                               {"peanut_decoders.1", {3, 3}}});
  const Dense first = positive(deep["peanut_A"] * w), second = positive(deep["peanut_encoders.0"] * first);
  Dense x = positive(deep["peanut_encoders.1"] * second);
  x = positive(deep["peanut_decoders.0"] * x) + second;
  x = positive(deep["peanut_decoders.1"] * x) + first;
  check_change(deep, {.shape = {20, 30}}, 1, deep["peanut_B"] * x);

  deep.module().numbers["act_fn=gelu"] = 1;
  CHECK(deep.fault({.shape = {20, 30}}).find("act_fn") != std::string::npos);
}

TEST_CASE("PEANuT's other activations") {
  SmallAdapter adapter("PEANUT", {{"peanut_A", {3, 20}}, {"peanut_B", {20, 3}}});
  const Dense w = base_weight({20, 30}), x = adapter["peanut_A"] * w;
  const std::pair<const char*, double (*)(double)> kActivations[] = {
      {"act_fn=sigmoid", [](double v) { return 1 / (1 + std::exp(-v)); }},
      {"act_fn=silu", [](double v) { return v / (1 + std::exp(-v)); }},
      {"act_fn=tanh", [](double v) { return std::tanh(v); }},
      {"act_fn=linear", [](double v) { return v; }}};
  for (const auto& activation : kActivations) {
    adapter.module().numbers = {{activation.first, 1}};
    const Dense made = dense(3, 30, [&](uint64_t i, uint64_t j) { return activation.second(x(i, j)); });
    check_change(adapter, {.shape = {20, 30}}, 1, adapter["peanut_B"] * made);
  }
}

TEST_CASE("DeLoRA adds rows and columns of unit length, times norms that the file has") {
  SmallAdapter adapter("DeLoRA",
                       {{"delora_A", {3, 40}}, {"delora_B", {10, 3}}, {"delora_lambda", {1}}, {"delora_w_norm", {40}}});
  const Dense a = adapter["delora_A"], b = adapter["delora_B"], norms = adapter["delora_w_norm"];
  const double lambda = adapter["delora_lambda"].values[0];
  const Dense added = dense(10, 40, [&](uint64_t i, uint64_t j) {
    double sum = 0;
    for (uint64_t k = 0; k < 3; ++k) {
      double of_a = 0, of_b = 0;
      for (uint64_t c = 0; c < 40; ++c) of_a += a(k, c) * a(k, c);
      for (uint64_t c = 0; c < 10; ++c) of_b += b(c, k) * b(c, k);
      sum += b(i, k) * lambda / 3 / std::sqrt(of_a * of_b) * a(k, j);
    }
    return sum * norms.values[j];
  });
  check_change(adapter, {.shape = {10, 40}}, 0.5, 0.5 * added);
  CHECK(adapter.fault({.shape = {11, 40}}) == "delora_B has 10 rows, the weight 11");
}

TEST_CASE("BEFT adds to the bias alone") {
  SmallAdapter adapter("BEFT", {{"beft_bias", {1, 7}}});
  check_change(adapter, {.shape = {7}, .is_bias = true}, 3, 3 * turned(adapter["beft_bias"]));
  CHECK(!adapter.module().kind->parts(adapter.adapter(), adapter.module()).weight);
  CHECK(adapter.fault({.shape = {7, 3}}).find("BEFT") == 0);
}
