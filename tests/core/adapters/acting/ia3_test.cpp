// SPDX-License-Identifier: Apache-2.0
// IA3 of both makers against its definition.
#include <doctest/doctest.h>

#include "tests/core/adapters/acting/acted.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// W(i, j) * (factor of row i or column j - 1).
Dense scaled(const Dense& w, const std::function<double(uint64_t, uint64_t)>& factor) {
  return dense(w.rows, w.columns, [&](uint64_t i, uint64_t j) { return w(i, j) * (factor(i, j) - 1); });
}

}  // namespace

TEST_CASE("PEFT's IA3 multiplies inputs of feed-forward modules, and outputs with the bias of others") {
  SmallAdapter inputs("IA3", {{"ia3_l", {1, 30}}});
  inputs.module().numbers["is_feedforward"] = 1;
  const Dense w = base_weight({20, 30}), l = inputs["ia3_l"];
  check_change(inputs, {.shape = {20, 30}}, 1, scaled(w, [&](uint64_t, uint64_t j) { return l.values[j]; }));
  check_change(inputs, {.shape = {20, 30}}, 0.5,
               scaled(w, [&](uint64_t, uint64_t j) { return 1 + 0.5 * (l.values[j] - 1); }));
  CHECK(!inputs.module().kind->parts(inputs.adapter(), inputs.module()).bias);

  SmallAdapter outputs("IA3", {{"ia3_l", {20, 1}}});
  const Dense n = outputs["ia3_l"];
  check_change(outputs, {.shape = {20, 30}}, 1, scaled(w, [&](uint64_t i, uint64_t) { return n.values[i]; }));
  check_change(outputs, {.shape = {20}, .is_bias = true}, 1,
               scaled(base_weight({20}), [&](uint64_t i, uint64_t) { return n.values[i]; }));
  CHECK(outputs.module().kind->parts(outputs.adapter(), outputs.module()).bias);
}

TEST_CASE("PEFT's IA3 goes by the config and not by the shape: square weights, Conv1D, convolutions") {
  SmallAdapter square("IA3", {{"ia3_l", {1, 6, 1, 1}}});
  const Dense l = square["ia3_l"], w = base_weight({6, 6, 3, 3});
  check_change(square, {.shape = {6, 6, 3, 3}}, 1, scaled(w, [&](uint64_t i, uint64_t) { return l.values[i]; }));
  square.module().numbers["is_feedforward"] = 1;
  check_change(square, {.shape = {6, 6, 3, 3}}, 1, scaled(w, [&](uint64_t, uint64_t j) { return l.values[j / 9]; }));
  const Dense t = base_weight({6, 15});
  check_change(square, {.shape = {6, 15}, .transposed = true}, 1,
               scaled(t, [&](uint64_t i, uint64_t) { return l.values[i]; }));
  square.module().numbers.clear();
  check_change(square, {.shape = {15, 6}, .transposed = true}, 1,
               scaled(base_weight({15, 6}), [&](uint64_t, uint64_t j) { return l.values[j]; }));
}

TEST_CASE("PEFT's IA3 of the inputs of a convolution with groups") {
  SmallAdapter groups("IA3", {{"ia3_l", {1, 6, 1, 1}}});
  groups.module().numbers["is_feedforward"] = 1;
  const Dense l = groups["ia3_l"];  // 3 groups of 2 inputs, with 4 outputs each
  check_change(groups, {.shape = {12, 2, 3, 3}}, 1,
               scaled(base_weight({12, 2, 3, 3}), [&](uint64_t i, uint64_t j) { return l.values[i / 4 * 2 + j / 9]; }));
}

TEST_CASE("LyCORIS's IA3 has what the numbers differ from 1 by, of inputs or outputs") {
  SmallAdapter adapter("IA3 of LyCORIS", {{"weight", {8}}, {"on_input", {}, {1}, Dtype::I64}});
  const Dense l = adapter["weight"], w = base_weight({8, 8});
  check_change(adapter, {.shape = {8, 8}}, 0.5, scaled(w, [&](uint64_t i, uint64_t) { return 1 + 0.5 * l.values[i]; }));
  adapter.module().numbers["on_input"] = 1;
  check_change(adapter, {.shape = {8, 8}}, -1, scaled(w, [&](uint64_t, uint64_t j) { return 1 - l.values[j]; }));
}

TEST_CASE("IA3 says what does not fit") {
  SmallAdapter adapter("IA3", {{"ia3_l", {20, 1}}});
  CHECK(adapter.fault({.shape = {30, 20}}) == "ia3_l has 20 numbers, and there are 30 of the weight's rows");
  CHECK(adapter.fault({.shape = {30}, .is_bias = true}) == "ia3_l has 20 numbers, and there are 30 of the bias");
  CHECK(SmallAdapter("IA3", {{"x", {20, 1}}}).fault({.shape = {20, 20}}) == "it has no ia3_l");
}
