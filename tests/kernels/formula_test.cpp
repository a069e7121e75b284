// SPDX-License-Identifier: Apache-2.0
// Formulas become programs: simplified while they are recorded, with few registers and the operations that cover most.
#include "kernels/formula.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <random>
#include <utility>
#include <vector>

#include "kernels/method.h"

namespace ckmerge {
namespace {

using Formula = std::function<Symbol(const Tracing&)>;

Program compiled(const Formula& formula, size_t inputs, std::vector<double> coefficients, Dtype compute = Dtype::F32) {
  const Tracing tracing(compute, inputs, coefficients);
  const auto program = compile(formula(tracing));
  REQUIRE(program);
  return *program;
}

std::vector<Op> ops(const Program& program) {
  std::vector<Op> result;
  for (const Instruction& i : program.code) result.push_back(i.op);
  return result;
}

size_t registers(const Program& program) {
  size_t count = 0;
  for (const Instruction& i : program.code) count = std::max<size_t>(count, i.dst + 1u);
  return count;
}

Program compiled(const char* method, std::vector<double> coefficients, size_t inputs) {
  return compiled([&](const Tracing& in) { return find_method(method)->trace(in); }, inputs, std::move(coefficients));
}

}  // namespace

TEST_CASE("the fused operations are chosen") {
  CHECK(ops(compiled("weighted_sum", {0.7, 0.3}, 2)) == std::vector{Op::load, Op::load, Op::agree_or_mix});
  CHECK(ops(compiled("weighted_sum", {0.7, 0.4}, 2)) == std::vector{Op::load, Op::load, Op::mix});
  CHECK(ops(compiled("add_difference", {0.5}, 3)) ==
        std::vector{Op::load, Op::load, Op::load, Op::agree_or_add_scaled_difference});
  CHECK(ops(compiled("linear", {0.5, 0.3, 0.2}, 3)) ==
        std::vector{Op::load, Op::load, Op::agree, Op::mix, Op::load, Op::agree, Op::add_scaled, Op::agreed_or});
  CHECK(ops(compiled("linear", {0.5, 0.3, 0.1}, 3)) ==
        std::vector{Op::load, Op::load, Op::mix, Op::load, Op::add_scaled});
  CHECK(ops(compiled("copy", {}, 1)) == std::vector{Op::load});
}

TEST_CASE("a sum of any length uses two registers") {
  for (const size_t inputs : {2u, 3u, 20u, 100u}) {
    const Program program = compiled("linear", std::vector<double>(inputs, 0.5), inputs);
    CHECK(registers(program) == 2);
    CHECK(program.code.size() == 2 * inputs - 1);
  }
}

TEST_CASE("coefficients stay as they are given, to be rounded once to the compute dtype") {
  CHECK(compiled("weighted_sum", {0.7, 0.1}, 2).code.back().k1 == 0.1);
  const Program wide = compiled([](const Tracing& in) { return in.c(0) * in.x(0); }, 1, {0.1}, Dtype::F64);
  CHECK(wide.code.back().k0 == 0.1);
  CHECK(wide.compute == Dtype::F64);
}

TEST_CASE("a coefficient that becomes one or zero when it is rounded is one or zero") {
  CHECK(ops(compiled("linear", {1 + 1e-12, 1e-60}, 2)) == std::vector{Op::load});
}

TEST_CASE("what needs more registers than there are has no program") {
  // x(0) - (x(1) - (x(2) - ...)): every operand waits for the last.
  const auto nested = [](const Tracing& in) {
    Symbol result = in.x(in.inputs() - 1);
    for (size_t k = in.inputs() - 1; k-- > 0;) result = in.x(k) - result;
    return result;
  };
  const Tracing most(Dtype::F32, kMaxRegisters, {});
  const auto largest = compile(nested(most));
  REQUIRE(largest);
  CHECK(registers(*largest) == kMaxRegisters);
  CHECK(largest->registers() == kMaxRegisters);
  const Tracing more(Dtype::F32, kMaxRegisters + 1, {});
  CHECK_FALSE(compile(nested(more)));
}

TEST_CASE("a value used twice is computed once and kept until its last use") {
  const Formula square_of_sums = [](const Tracing& in) {
    const Symbol sum = in.x(0) + in.x(1);
    return sum - in.c(0) * sum;
  };
  const Program program = compiled(square_of_sums, 2, {0.5});
  CHECK(std::ranges::count(ops(program), Op::add) == 1);
  CHECK(registers(program) <= 3);
}

TEST_CASE("random graphs, whose parts are shared in every way, give what they say") {
  std::mt19937 random(1);
  const auto below = [&](size_t n) { return random() % n; };
  const std::vector<float> inputs = {2, 3, 5, 7};
  const double factors[] = {0.5, -0.25, 3, 2, -1};
  std::vector<Operand> operands;
  for (const float& input : inputs) operands.push_back({.data = &input, .dtype = Dtype::F32});
  for (int round = 0; round < 3000; ++round) {
    FormulaGraph graph(Dtype::F32);
    std::vector<std::pair<Symbol, float>> values;
    for (size_t k = 0; k < inputs.size(); ++k) values.emplace_back(graph.operand(k), inputs[k]);
    for (size_t left = 1 + below(12); left > 0; --left) {
      const auto [x, x_value] = values[below(values.size())];
      const auto [y, y_value] = values[below(values.size())];
      const double k = factors[below(std::size(factors))];
      switch (below(9)) {
        case 0: values.emplace_back(graph.coefficient(k) * x, static_cast<float>(k) * x_value); break;
        case 2: values.emplace_back(larger(x, y), std::max(x_value, y_value)); break;
        case 3: values.emplace_back(smaller(x, y), std::min(x_value, y_value)); break;
        case 4: values.emplace_back(absolute(x), std::fabs(x_value)); break;
        case 5:
          values.emplace_back(where_less(x, y, x, graph.constant(graph.coefficient(k))),
                              x_value < y_value ? x_value : static_cast<float>(k));
          break;
        case 6: values.emplace_back(with_sign(x, y), std::copysign(x_value, y_value)); break;
        case 7: values.emplace_back(graph.coefficient(0.125) * x * y, 0.125f * x_value * y_value); break;
        case 1: values.emplace_back(x + y, x_value + y_value); break;
        default: values.emplace_back(x - y, x_value - y_value);
      }
    }
    const Program program = compile(values.back().first).value();
    float out = 0;
    StoreCounts counts;
    run_program(**available_kernels().begin(), program, operands.data(), 0, 1, &out, Dtype::F32, counts);
    CAPTURE(round);
    CHECK(out == values.back().second);
  }
}

TEST_CASE("a product or a difference that is used twice is not folded into either use") {
  const Program scaled = compiled(
      [](const Tracing& in) {
        const Symbol product = in.c(0) * in.x(0);
        return (product + in.x(1)) - product;
      },
      2, {0.5});
  CHECK(ops(scaled) == std::vector{Op::load, Op::scale, Op::load, Op::agree, Op::add, Op::subtract, Op::agreed_or});
  const Program subtracted = compiled(
      [](const Tracing& in) {
        const Symbol difference = in.x(0) - in.x(1);
        return (in.x(2) + difference) - difference;
      },
      3, {});
  CHECK(std::ranges::count(ops(subtracted), Op::add_scaled_difference) == 0);
}

TEST_CASE("coefficients that are slots stay products, whatever operation they are folded into") {
  const Formula formula = [](const Tracing& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(1); };
  const std::vector<double> ignored = {0, 1};
  const auto slots = [&](const Formula& traced, size_t inputs) {
    const Tracing in(Dtype::F32, inputs, ignored, {.slots = true});
    CHECK_FALSE(bare_operand(traced(in)));
    return compile(traced(in)).value();
  };
  const Instruction mix = slots(formula, 2).code.back();
  CHECK(mix == Instruction{.op = Op::agree_or_mix, .a = 0, .b = 1, .slot0 = 0, .slot1 = 1});
  const Instruction scale = slots([](const Tracing& in) { return in.c(3) * in.x(0); }, 1).code.back();
  CHECK(scale == Instruction{.op = Op::scale, .slot0 = 3});
  const Program scaled = slots([](const Tracing& in) { return in.c(2) * in.x(0) + in.x(1); }, 2);
  CHECK(std::ranges::count(scaled.code, Op::add_scaled, &Instruction::op) == 1);
  const Instruction difference =
      slots([](const Tracing& in) { return in.x(0) + in.c(1) * (in.x(1) - in.x(2)); }, 3).code.back();
  CHECK(difference == Instruction{.op = Op::agree_or_add_scaled_difference, .a = 0, .b = 1, .c = 2, .slot0 = 1});
}

TEST_CASE("slots are filled with the tensor's coefficients; a program without them is left alone") {
  const Tracing in(Dtype::F32, 2, {}, {.slots = true});
  Program program = compile(in.c(1) * in.x(0) + in.c(0) * in.x(1)).value();
  CHECK(program.has_slots());
  for (const double first : {0.25, 0.75}) {
    fill_slots(program, std::vector{first, 0.1});
    CHECK(program.code.back().k0 == 0.1);
    CHECK(program.code.back().k1 == first);
  }
  Program plain = compiled("weighted_sum", {0.7, 0.3}, 2);
  CHECK_FALSE(plain.has_slots());
  const Program before = plain;
  fill_slots(plain, {});
  CHECK(plain == before);
  CHECK_FALSE(plain == program);
}

TEST_CASE("equal operands are kept where the coefficients, as they are given, add up to one") {
  const auto keeps = [](const char* method, std::vector<double> coefficients, size_t inputs) {
    return compiled(method, std::move(coefficients), inputs).keeps_equal();
  };
  CHECK(keeps("linear", {0.1, 0.2, 0.7}, 3));  // 1 - 1.1e-16 in f64
  CHECK(keeps("linear", std::vector<double>(9, 1.0 / 9), 9));
  CHECK(keeps("linear", {3, -2.5, 0.5}, 3));
  CHECK(keeps("weighted_sum", {1 - 1e-8, 1e-8}, 2));  // in f32 the first is one
  CHECK_FALSE(keeps("linear", {0.3333, 0.3333, 0.3333}, 3));
  CHECK_FALSE(keeps("linear", {0.5}, 1));
  // One operand by itself is equal to itself.
  const Formula twice = [](const Tracing& in) { return in.c(0) * in.x(0) + in.c(1) * in.x(0); };
  CHECK(compiled(twice, 1, {0.3, 0.7}).keeps_equal());
  CHECK_FALSE(compiled(twice, 1, {0.3, 0.6}).keeps_equal());
  const Formula around = [](const Tracing& in) { return in.c(0) * in.x(0) + (in.c(1) * in.x(0) - in.c(0) * in.x(0)); };
  CHECK(ops(compiled(around, 1, {0.3, 1})).back() == Op::agreed_or);
  CHECK_FALSE(keeps("copy", {}, 1));
  const Formula nested = [](const Tracing& in) {
    return in.c(0) * (in.c(1) * in.x(0) + in.c(2) * in.x(1)) + in.c(3) * in.x(2);
  };
  CHECK(compiled(nested, 3, {0.5, 0.3, 0.7, 0.5}).keeps_equal());
  CHECK_FALSE(compiled(nested, 3, {0.5, 0.3, 0.6, 0.5}).keeps_equal());
}

TEST_CASE("coefficients of a tensor that do not add up to one keep no equal operands") {
  const Tracing in(Dtype::F32, 3, {}, {.slots = true});
  const Program mix = compile(in.c(0) * in.x(0) + in.c(1) * in.x(1)).value();
  const Program sum = compile(in.c(0) * in.x(0) + in.c(1) * in.x(1) + in.c(2) * in.x(2)).value();
  const auto filled = [](Program program, std::vector<double> coefficients) {
    fill_slots(program, coefficients);
    return program;
  };
  CHECK(filled(mix, {0.3, 0.7}).keeps_equal());
  CHECK(ops(filled(mix, {0.3, 0.8})) == std::vector{Op::load, Op::load, Op::mix});
  CHECK(filled(sum, {0.5, 0.25, 0.25}).keeps_equal());
  const Program plain = filled(sum, {0.5, 0.25, 0.5});
  CHECK(ops(plain) == std::vector{Op::load, Op::load, Op::mix, Op::load, Op::add_scaled});
  CHECK(plain.result == plain.code.back().dst);
}

TEST_CASE("operations between symbols, and what is simplified while they are recorded") {
  const std::vector<double> c = {0, 1, 0.5};
  const Tracing in(Dtype::F32, 3, c);
  const Symbol a = in.x(0), b = in.x(1);
  CHECK(ops(compile(a * b).value()) == std::vector{Op::load, Op::load, Op::multiply});
  CHECK(ops(compile(a * a).value()) == std::vector{Op::load, Op::multiply});
  CHECK(registers(compile(a * a).value()) == 1);
  CHECK(ops(compile(in.number(2) * a).value()) == std::vector{Op::load, Op::scale});
  CHECK(ops(compile((a - b) * in.number(in.c(0))).value()) == std::vector{Op::zero});
  CHECK(bare_operand(a * in.number(in.c(1))) == 0);
  CHECK(bare_operand(b / in.number(1)) == 1);
  CHECK(bare_operand(larger(a, a)) == 0);
  CHECK(bare_operand(smaller(b, b)) == 1);
  CHECK(bare_operand(with_sign(absolute(a), a)) == 0);
  CHECK(bare_operand(where_less(a, b, in.x(2), in.x(2))) == 2);
  CHECK(ops(compile(absolute(absolute(in.number(-1) * a))).value()) == std::vector{Op::load, Op::absolute});
  CHECK(bare_operand(power(a, in.number(1))) == 0);
  CHECK(bare_operand(power(a, in.number(0)) * b) == 1);
  CHECK(ops(compile(power(a, in.number(0.5))).value()) == std::vector{Op::load, Op::constant, Op::power});
  CHECK(ops(compile(exponential(logarithm(a))).value()) == std::vector{Op::load, Op::logarithm, Op::exponential});
  CHECK(ops(compile(in.number(2) - a).value()) == std::vector{Op::constant, Op::load, Op::subtract});
  CHECK(compile(in.number(0.1) / a).value().code[0].k0 == 0.1);
  CHECK(ops(compile(square_root(absolute(a))).value()) == std::vector{Op::load, Op::absolute, Op::square_root});
}

TEST_CASE("equal operands are kept by what is linear in them, and by nothing of which it is not known") {
  const std::vector<double> c = {0.25, 0.75};
  const Tracing in(Dtype::F32, 3, c);
  const Symbol a = in.x(0), b = in.x(1), mixed = in.c(0) * a + in.c(1) * b, factor = a / b;
  const auto keeps = [](Symbol symbol) { return compile(symbol).value().keeps_equal(); };
  CHECK(keeps(larger(a, b)));
  CHECK(keeps(smaller(mixed, in.x(2))));
  CHECK(keeps(where_less(a, b, b, mixed)));
  CHECK(keeps(a + factor * (b - in.x(2))));
  CHECK(keeps(a + with_sign(absolute(a - b), b)));
  CHECK(keeps(a + larger(a - b, in.x(2) - b)));
  CHECK(keeps(in.keeping_equal(factor * a)));
  CHECK_FALSE(keeps(factor * a));
  CHECK_FALSE(keeps(a * b));
  CHECK_FALSE(keeps(a + factor));
  CHECK_FALSE(keeps(a + in.number(1)));
  CHECK_FALSE(keeps(absolute(mixed)));
  CHECK_FALSE(keeps(larger(a, b + in.x(2))));
  CHECK_FALSE(keeps(larger(a, a - b)));
}

TEST_CASE("equal operands are kept whatever the coefficients of a tensor are, where the formula says so") {
  const Tracing in(Dtype::F32, 2, {}, {.slots = true});
  const Symbol moved = in.x(0) + in.c(0) * ((in.x(1) - in.x(0)) / in.number(3));
  Program sure = compile(in.keeping_equal(moved)).value(), unsure = compile(in.keeping_equal(moved) - in.x(0)).value();
  fill_slots(sure, std::vector{0.7});
  fill_slots(unsure, std::vector{0.7});
  CHECK(sure.keeps_equal());
  CHECK_FALSE(unsure.keeps_equal());
}

TEST_CASE("coefficients of a tensor keep no equal operands beside what is not known") {
  const Tracing in(Dtype::F32, 2, {}, {.slots = true});
  const Symbol mixed = in.c(0) * in.x(0) + in.c(1) * in.x(1);
  Program plain = compile(mixed * mixed).value();
  CHECK_FALSE(plain.keeps_equal());
  Program sum = compile(mixed + in.number(in.c(0)) * (in.x(0) - in.x(1))).value();
  CHECK(sum.keeps_equal());
  fill_slots(sum, std::vector{0.5, 0.5});
  CHECK(sum.keeps_equal());
  fill_slots(sum, std::vector{0.5, 0.75});
  CHECK_FALSE(sum.keeps_equal());
}

TEST_CASE("with only the first operand the others are zero, and vanish") {
  const std::vector<double> c = {0.5, 0.3, 1};
  const Tracing in(Dtype::F32, 3, c, {.only_first = true});
  CHECK(ops(compile(in.c(0) * in.x(0) + in.c(1) * in.x(1)).value()) == std::vector{Op::load, Op::scale});
  CHECK(bare_operand(in.x(0) + in.c(0) * (in.x(1) - in.x(2))) == 0);
  CHECK(bare_operand(in.c(2) * in.x(0) + in.c(0) * in.x(1)) == 0);
  CHECK(ops(compile(in.x(1) - in.x(2)).value()) == std::vector{Op::zero});
  const Tracing slots(Dtype::F32, 2, {}, {.slots = true, .only_first = true});
  const Program program = compile(slots.c(0) * slots.x(0) + slots.c(1) * slots.x(1)).value();
  CHECK(program.code.back() == Instruction{.op = Op::scale, .slot0 = 0});
}

TEST_CASE("only a bare operand is a copy") {
  const std::vector<double> one = {1, 0.5, 0};
  const Tracing in(Dtype::F32, 2, one);
  CHECK(bare_operand(in.x(1)) == 1);
  CHECK(bare_operand(in.c(0) * in.x(1)) == 1);
  CHECK(bare_operand(in.c(2) * in.x(0) + in.c(0) * in.x(1)) == 1);
  CHECK(bare_operand(in.x(0) - in.c(2) * in.x(1)) == 0);
  CHECK_FALSE(bare_operand(in.c(1) * in.x(1)));
  CHECK_FALSE(bare_operand(in.c(2) * in.x(1)));
}

TEST_CASE("what is kept before changes are added is found before they are loaded") {
  FormulaGraph graph(Dtype::F32);
  const auto ops_of = [&](Symbol merged) {
    const auto program = compile(kept(merged) + graph.change(2) + graph.coefficient(0.5) * graph.change(3));
    REQUIRE(program);
    CHECK_FALSE(program->keeps_equal());
    return ops(*program);
  };
  const Symbol a = graph.operand(0), b = graph.operand(1);
  const Symbol mix = graph.coefficient(0.3) * a + graph.coefficient(0.7) * b;
  CHECK(ops_of(mix) == std::vector{Op::load, Op::load, Op::agree_or_mix, Op::load, Op::add, Op::load, Op::add_scaled});
  CHECK(ops_of(graph.coefficient(0.3) * a + graph.coefficient(0.6) * b) ==
        std::vector{Op::load, Op::load, Op::mix, Op::load, Op::add, Op::load, Op::add_scaled});
  CHECK(ops_of(a) == std::vector{Op::load, Op::load, Op::add, Op::load, Op::add_scaled});
  CHECK(ops_of(graph.coefficient(0.5) * a + graph.coefficient(0.25) * b + graph.coefficient(0.25) * graph.operand(4)) ==
        std::vector{Op::load, Op::load, Op::agree, Op::mix, Op::load, Op::agree, Op::add_scaled, Op::agreed_or,
                    Op::load, Op::add, Op::load, Op::add_scaled});
}

}  // namespace ckmerge
