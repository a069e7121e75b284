// SPDX-License-Identifier: Apache-2.0
// Kinds that take a part of the base out: PiSSA, OLoRA, KaSA, OSF, T-LoRA, against singular values by Jacobi's
// rotations.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "io/text/error.h"
#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

Dense column(const Dense& x, uint64_t k) {
  return dense(x.rows, 1, [&](uint64_t i, uint64_t) { return x(i, k); });
}

double inner(const Dense& a, const Dense& b) { return (turned(a) * b).values[0]; }

// Turns pairs of columns of W until all are orthogonal: W V = U S. Returns the sum of parts [first, first + count), by
// descending singular value.
Dense singular_parts(const Dense& w, uint64_t first, uint64_t count) {
  if (w.rows < w.columns) return turned(singular_parts(turned(w), first, count));
  Dense us = w, v = identity(w.columns);
  for (int sweep = 0; sweep < 60; ++sweep)
    for (uint64_t p = 0; p < w.columns; ++p)
      for (uint64_t q = p + 1; q < w.columns; ++q) {
        const double a = inner(column(us, p), column(us, p)), b = inner(column(us, q), column(us, q));
        const double c = inner(column(us, p), column(us, q));
        if (std::abs(c) <= 1e-15 * std::sqrt(a * b)) continue;
        const double angle = 0.5 * std::atan2(2 * c, a - b);
        for (Dense* const x : {&us, &v})
          for (uint64_t i = 0; i < x->rows; ++i) {
            const double left = (*x)(i, p), right = (*x)(i, q);
            (*x)(i, p) = std::cos(angle) * left + std::sin(angle) * right;
            (*x)(i, q) = std::cos(angle) * right - std::sin(angle) * left;
          }
      }
  std::vector<uint64_t> order(w.columns);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint64_t p, uint64_t q) {
    return inner(column(us, p), column(us, p)) > inner(column(us, q), column(us, q));
  });
  Dense sum(w.rows, w.columns);
  for (uint64_t k = first; k < first + count; ++k) sum = sum + column(us, order[k]) * turned(column(v, order[k]));
  return sum;
}

std::vector<uint64_t> bits_of(const Dense& x) {
  std::vector<uint64_t> bits;
  for (const double value : x.values) bits.push_back(std::bit_cast<uint32_t>(static_cast<float>(value)));
  return bits;
}

// A T-LoRA of rank 3 that began from three singular parts of the weight, and was trained a little.
SmallAdapter time_dependent(const Dense& w, uint64_t first, std::vector<uint64_t> kernel = {}) {
  Dense p(w.rows, 3), q(3, w.columns);
  for (uint64_t k = 0; k < 3; ++k) {
    const Dense part = singular_parts(w, first + k, 1);
    for (uint64_t i = 0; i < w.rows; ++i) p(i, k) = part(i, 0) + 0.01 * static_cast<double>((i + k) % 3);
    for (uint64_t j = 0; j < w.columns; ++j) q(k, j) = part(0, j) - 0.01 * static_cast<double>((j + k) % 4);
  }
  const auto shape = [&](uint64_t rows, uint64_t columns) {
    std::vector<uint64_t> extents{rows, columns};
    extents.insert(extents.end(), kernel.begin(), kernel.end());
    return extents;
  };
  return SmallAdapter("T-LoRA", {{"lambda_layer", {1, 3}},
                                 {"p_layer", shape(w.rows, 3), bits_of(p)},
                                 {"q_layer", shape(3, w.columns), bits_of(q)}});
}

std::string refusal(SmallAdapter& adapter, const std::vector<uint64_t>& shape) {
  try {
    values_of(adapter.changes({.shape = shape}, 1), 0);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("PiSSA takes the largest singular parts of the base out") {
  for (const auto& [out, in] : {std::pair<uint64_t, uint64_t>{9, 20}, {20, 9}}) {
    SmallAdapter adapter("PiSSA", {{"lora_A", {3, in}}, {"lora_B", {out, 3}}});
    adapter.module().scale = 0.5;
    const Dense w = base_weight({out, in}), ba = adapter["lora_B"] * adapter["lora_A"];
    check_change(adapter, {.shape = {out, in}}, 1, 0.5 * ba - singular_parts(w, 0, 3));
    check_change(adapter, {.shape = {out, in}}, 0.5, 0.25 * ba - 0.5 * singular_parts(w, 0, 3));
    const Dense t = base_weight({in, out});
    check_change(adapter, {.shape = {in, out}, .transposed = true}, 1, turned(0.5 * ba) - singular_parts(t, 0, 3));
  }
}

TEST_CASE("OLoRA takes out what the first columns of the base span, times its scale") {
  SmallAdapter adapter("OLoRA", {{"lora_A", {3, 300}}, {"lora_B", {12, 3}}});
  adapter.module().scale = 0.5;
  const Dense w = base_weight({12, 300});
  const Dense first = dense(12, 3, [&](uint64_t i, uint64_t j) { return w(i, j); });
  const Dense spanned = first * inverted(turned(first) * first) * turned(first) * w;
  check_change(adapter, {.shape = {12, 300}}, 1, 0.5 * (adapter["lora_B"] * adapter["lora_A"]) - 0.5 * spanned);
  CHECK(adapter.fault({.shape = {12, 300}, .transposed = true}).find("not known") != std::string::npos);
}

TEST_CASE("KaSA takes the smallest singular parts out, and has a number for each rank") {
  SmallAdapter adapter("KaSA", {{"lora_A", {3, 20}}, {"lora_B", {9, 3}}, {"lora_diag", {3}}});
  adapter.module().scale = 2;
  const Dense w = base_weight({9, 20}), d = adapter["lora_diag"];
  const Dense scaled = dense(3, 20, [&](uint64_t k, uint64_t j) { return d.values[k] * adapter["lora_A"](k, j); });
  check_change(adapter, {.shape = {9, 20}}, 1, 2.0 * (adapter["lora_B"] * scaled) - singular_parts(w, 6, 3));
  CHECK(SmallAdapter("KaSA", {{"lora_A", {3, 20}}, {"lora_B", {9, 3}}}).fault({.shape = {9, 20}}) ==
        "it has no lora_diag");
}

TEST_CASE("OSF has the smaller singular parts anew") {
  SmallAdapter adapter(
      "OSF", {{"osf_svd_params.U_low", {9, 4}}, {"osf_svd_params.S_low", {4}}, {"osf_svd_params.V_low", {4, 20}}});
  const Dense w = base_weight({9, 20}), s = adapter["osf_svd_params.S_low"];
  const Dense scaled =
      dense(4, 20, [&](uint64_t k, uint64_t j) { return s.values[k] * adapter["osf_svd_params.V_low"](k, j); });
  check_change(adapter, {.shape = {9, 20}}, 0.5,
               0.5 * (adapter["osf_svd_params.U_low"] * scaled) - 0.5 * singular_parts(w, 5, 4));
}

TEST_CASE("T-LoRA takes the largest singular parts out, times its scale") {
  for (const auto& [out, in] : {std::pair<uint64_t, uint64_t>{9, 20}, {20, 9}}) {
    const Dense w = base_weight({out, in});
    SmallAdapter adapter = time_dependent(w, 0);
    adapter.module().scale = 0.5;
    const Dense l = adapter["lambda_layer"], p = adapter["p_layer"];
    const Dense scaled = dense(out, 3, [&](uint64_t i, uint64_t k) { return p(i, k) * l.values[k]; });
    const Dense expected = 0.5 * (scaled * adapter["q_layer"]) - 0.5 * singular_parts(w, 0, 3);
    check_change(adapter, {.shape = {out, in}}, 1, expected);
    check_change(adapter, {.shape = {out, in}}, 0.5, 0.5 * expected);
  }
  SmallAdapter conv = time_dependent(with_rows(base_weight({9, 20, 1, 1}), 9), 0, {1, 1});
  CHECK(conv.fault({.shape = {9, 20, 1, 1}}).empty());
  CHECK(refusal(conv, {9, 20, 1, 1}).empty());
  CHECK(conv.fault({.shape = {9, 20, 3, 3}}).find("more than one point") != std::string::npos);
  CHECK(conv.fault({.shape = {9, 21}}) == "q_layer has 20 columns, the weight 21");
}

TEST_CASE("T-LoRA that began from other parts than the largest is refused by what its factors show") {
  const Dense w = base_weight({9, 20});
  SmallAdapter smallest = time_dependent(w, 6), middle = time_dependent(w, 3);
  CHECK(refusal(smallest, {9, 20}).find("with sig_type last, whose factors lie by ") != std::string::npos);
  CHECK(refusal(middle, {9, 20}).find("with sig_type middle, whose factors lie by ") != std::string::npos);
  SmallAdapter random("T-LoRA", {{"lambda_layer", {1, 3}}, {"p_layer", {9, 3}}, {"q_layer", {3, 20}}});
  CHECK(refusal(random, {9, 20}).find("where chance has 33 %: it began from a random matrix") != std::string::npos);
}

TEST_CASE("FROD puts the weight together anew from the parts that a shared basis takes it into") {
  SmallAdapter adapter("FROD", {{"frod_V.m", {6, 6}},
                                {"frod_lambda_l", {6}},
                                {"frod_lambda_s_values", {3}},
                                {"frod_s_indices.m", {2, 3}, {0, 4, 5, 1, 2, 0}, Dtype::I64}});
  const Dense w = base_weight({9, 6}), v = adapter["frod_V.m"];
  Dense u = w * inverted(turned(v)), middle(6, 6);
  for (uint64_t j = 0; j < 6; ++j) {
    const double length = std::sqrt(inner(column(u, j), column(u, j)));
    for (uint64_t i = 0; i < 9; ++i) u(i, j) /= length;
    middle(j, j) = adapter["frod_lambda_l"].values[j];
  }
  const Dense s = adapter["frod_lambda_s_values"];
  middle(0, 1) += s.values[0];
  middle(4, 2) += s.values[1];
  middle(5, 0) += s.values[2];
  check_change(adapter, {.shape = {9, 6}}, 0.5, 0.5 * (u * middle * turned(v) - w), 3e-6);
  CHECK(adapter.fault({.shape = {9, 7}}) == "frod_V.m has 6 rows, the weight's inputs are 7");
}

TEST_CASE("a weight with NaN has no singular parts") {
  SmallAdapter adapter("PiSSA", {{"lora_A", {1, 4}}, {"lora_B", {3, 1}}});
  const ReadRows read = [](uint64_t, uint64_t, std::span<float> out) { out[0] = NAN; };
  CHECK_THROWS_AS(adapter.module().kind->open(adapter.adapter(), adapter.module(), {.shape = {3, 4}}, 1, read), Error);
}

TEST_CASE("singular parts of large matrices are refused, with what to do") {
  SmallAdapter adapter("PiSSA", {{"lora_A", {1, 2049}}, {"lora_B", {2049, 1}}});
  CHECK(adapter.fault({.shape = {2049, 2049}}).find("at most 2048") != std::string::npos);
  CHECK(adapter.fault({.shape = {2049, 2049}}).find("path_initial_model_for_weight_conversion") != std::string::npos);
}
