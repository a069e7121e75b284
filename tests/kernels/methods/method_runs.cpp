// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/method_runs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/reductions.h"
#include "tests/kernels/naive_cut.h"

namespace ckmerge {

Coefficients coefficients(const char* method, const Arguments& arguments) {
  const Method* found = find_method(method);
  REQUIRE(found);
  std::vector<double> values(found->coefficient_count(arguments.inputs));
  const char* fault = found->coefficients(arguments, values);
  return {values, fault ? fault : ""};
}

Arguments with_number(size_t inputs, double number) {
  Arguments arguments;
  arguments.inputs = inputs;
  arguments.values[0].number = number;
  return arguments;
}

Arguments with_values(size_t inputs, const std::vector<double>& values) {
  Arguments arguments;
  arguments.inputs = inputs;
  for (size_t k = 0; k < values.size(); ++k) arguments.values[k].number = values[k];
  return arguments;
}

Arguments with_numbers(size_t inputs, const std::vector<double>& numbers, bool flag) {
  Arguments arguments;
  arguments.inputs = inputs;
  arguments.values[0].numbers = numbers;
  arguments.values[1].number = flag;
  return arguments;
}

namespace {

std::vector<Operand> operands_of(const std::vector<std::vector<float>>& inputs) {
  std::vector<Operand> operands;
  for (const auto& input : inputs) operands.push_back({.data = input.data(), .dtype = Dtype::F32});
  return operands;
}

std::vector<float> run_on(const BlockKernels& kernels, const Program& program,
                          const std::vector<std::vector<float>>& inputs) {
  StoreCounts counts;
  std::vector<float> out(inputs[0].size());
  run_program(kernels, program, operands_of(inputs).data(), 0, out.size(), out.data(), Dtype::F32, counts);
  return out;
}

template <typename T>
bool same_bits(const std::vector<T>& x, const std::vector<T>& y) {
  return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0);
}

double sum_of(const BlockKernels& kernels, const Program& value, const Program* factor,
              const std::vector<std::vector<float>>& inputs) {
  const std::vector<Operand> operands = operands_of(inputs);
  double sum = 0;
  for (uint64_t at = 0; at < inputs[0].size(); at += kReductionBlock) {
    LaneSums sums;
    const uint64_t count = std::min(kReductionBlock, inputs[0].size() - at);
    add_products(kernels, value, factor, operands.data(), at, count, at, sums);
    sum += sums.total();
  }
  return std::isnan(sum) ? NAN : sum;  // a NaN's sign is unspecified
}

void add_statistics(const BlockKernels& kernels, const Reduced& reduced, std::span<const double> coefficients,
                    const std::vector<std::vector<float>>& inputs, std::vector<double>& out) {
  const auto filled = [&](Symbol symbol) {
    Program program = compile(symbol).value();
    fill_slots(program, coefficients);
    const uint64_t all = inputs[0].size();
    fill_places(program, {.name = "weight", .shape = {&all, 1}});
    return program;
  };
  const Program value = filled(reduced.value), factor = filled(reduced.factor.value_or(reduced.value));
  const std::vector<float> values = run_on(kernels, value, inputs);
  switch (reduced.how) {
    case Reduce::sum: return out.push_back(sum_of(kernels, value, reduced.factor ? &factor : nullptr, inputs));
    case Reduce::count:
      return out.push_back(static_cast<double>(values.size() - static_cast<size_t>(std::ranges::count(values, 0.0f))));
    case Reduce::maximum: return out.push_back(values.empty() ? 0 : std::fabs(values[by_magnitude(values)[0]]));
    case Reduce::cut: {
      const auto zeros = static_cast<uint64_t>(std::ranges::count(values, 0.0f));
      const uint64_t count = values.size() - (reduced.cut.of_nonzero ? zeros : 0);
      const uint64_t kept = reduced.cut.kept(reduced.cut.shares, count);
      const auto [least, end] = naive_cut(values, kept);
      const bool all_equal = reduced.cut.keeps_equal && kept > 0;
      out.insert(out.end(), {least, all_equal ? static_cast<double>(values.size()) : end});
    }
  }
}

// Round by round.
void reduce(const BlockKernels& kernels, const Method& method, const std::vector<Reduced>& reductions,
            const std::vector<std::vector<float>>& inputs, TensorRun& run) {
  const std::vector<double> given = run.coefficients;
  for (uint8_t round = 0; round <= std::ranges::max(reductions, {}, &Reduced::round).round; ++round) {
    const size_t first = run.statistics.size();
    for (const Reduced& reduced : reductions)
      if (reduced.round == round) add_statistics(kernels, reduced, run.coefficients, inputs, run.statistics);
    method.tensor_coefficients(
        given, {.numbers = std::span(run.statistics).subspan(first), .count = inputs[0].size(), .round = round},
        run.coefficients);
  }
}

}  // namespace

std::vector<float> merged(const char* method, const std::vector<double>& coefficients,
                          const std::vector<std::vector<float>>& inputs) {
  const uint64_t count = inputs[0].size();
  return merged(method, coefficients, inputs, {.name = "weight", .shape = {&count, 1}});
}

std::vector<float> merged(const char* method, const std::vector<double>& coefficients,
                          const std::vector<std::vector<float>>& inputs, const TensorFacts& tensor) {
  const Tracing tracing(Dtype::F32, inputs.size(), coefficients);
  auto program = compile(find_method(method)->trace(tracing));
  REQUIRE(program);
  fill_places(*program, tensor);
  const std::vector<float> first = run_on(*available_kernels().begin()[0], *program, inputs);
  for (const BlockKernels* kernels : available_kernels()) CHECK(same_bits(run_on(*kernels, *program, inputs), first));
  return first;
}

TensorRun merged_by_tensor(const char* method, const Arguments& arguments,
                           const std::vector<std::vector<float>>& inputs) {
  const Method& found = *find_method(method);
  const auto [wanted, fault] = coefficients(method, arguments);
  REQUIRE(fault.empty());
  if (!found.needs_statistics(wanted)) return {{}, wanted, merged(method, wanted, inputs)};
  const Tracing tracing(Dtype::F32, inputs.size(), wanted, {.slots = true});
  const std::vector<Reduced> reductions = found.reductions(tracing);
  const Program planned = compile(found.trace(tracing)).value();
  const uint64_t count = inputs[0].size();
  TensorRun first;
  for (const BlockKernels* kernels : available_kernels()) {
    Program program = planned;
    fill_places(program, {.name = "weight", .shape = {&count, 1}});
    TensorRun run{.statistics = {}, .coefficients = wanted, .out = {}};
    reduce(*kernels, found, reductions, inputs, run);
    fill_slots(program, run.coefficients);
    run.out = run_on(*kernels, program, inputs);
    if (first.statistics.empty()) first = run;
    CHECK(same_bits(run.statistics, first.statistics));
    CHECK(same_bits(run.coefficients, first.coefficients));
    CHECK(same_bits(run.out, first.out));
  }
  return first;
}

namespace {

std::vector<double> right_coefficients(const char* method, const Arguments& arguments) {
  const auto [values, fault] = coefficients(method, arguments);
  CHECK(fault == "");
  return values;
}

// The second and later ones lie `apart` of the way from the first to an unlike one.
std::vector<std::vector<float>> checkpoints(size_t inputs, size_t count, float apart) {
  std::vector<std::vector<float>> all = {weights(1, count)};
  for (size_t k = 1; k < inputs; ++k) {
    all.push_back(weights(static_cast<unsigned>(k + 1), count));
    for (size_t i = 0; i < count; ++i) {
      float& value = all[k][i];
      value = all[0][i] + apart * (value - all[0][i]);
      if (i % 5 == k) value = all[k - 1][i];  // a zero difference
      if (i % 7 == k) value = 0;
    }
  }
  for (size_t i = 0; i < count; i += 11)
    for (auto& values : all) values[i] = i % 2 == 0 ? 0 : all[0][i];
  return all;
}

// The values of `inputs` in `dtype`, each as a tensor's bytes.
std::vector<std::vector<unsigned char>> stored(const std::vector<std::vector<float>>& inputs, Dtype dtype) {
  std::vector<std::vector<unsigned char>> all;
  for (const auto& input : inputs) {
    const Operand operand{.data = input.data(), .dtype = Dtype::F32};
    const Program load{.compute = Dtype::F32, .result = 0, .code = {{.op = Op::load}}};
    StoreCounts counts;
    std::vector<unsigned char> bytes(input.size() * element_size(dtype));
    run_program(*find_kernels("baseline"), load, &operand, 0, input.size(), bytes.data(), dtype, counts);
    all.push_back(bytes);
  }
  return all;
}

// Results as they are stored in `out`, of operands that are stored in `dtype`.
std::vector<unsigned char> merged_as(const char* method, const std::vector<double>& coefficients, Dtype compute,
                                     const std::vector<std::vector<unsigned char>>& inputs, Dtype dtype, Dtype out) {
  const Tracing tracing(compute, inputs.size(), coefficients);
  Program program = compile(find_method(method)->trace(tracing)).value();
  const uint64_t count = inputs[0].size() / element_size(dtype);
  fill_places(program, {.name = "weight", .shape = {&count, 1}});
  std::vector<Operand> operands;
  for (const auto& input : inputs) operands.push_back({.data = input.data(), .dtype = dtype});
  StoreCounts counts;
  return run_with(**available_kernels().begin(), program, operands, 0, count, out, counts, 0);
}

void check_small_dtypes(const char* method, const std::vector<double>& c,
                        const std::vector<std::vector<float>>& inputs) {
  for (const Dtype dtype : {Dtype::F16, Dtype::BF16, Dtype::F8_E4M3, Dtype::F8_E5M2}) {
    const auto small = stored(inputs, dtype);
    const std::vector<unsigned char> wide = merged_as(method, c, Dtype::F32, small, dtype, Dtype::F32);
    std::vector<float> values(inputs[0].size());
    if (!values.empty()) std::memcpy(values.data(), wide.data(), wide.size());
    CHECK(merged_as(method, c, Dtype::F32, small, dtype, dtype) == stored({values}, dtype)[0]);
  }
}

double worst_in_f64(const char* method, const std::vector<double>& c, const std::vector<std::vector<float>>& inputs,
                    const Definition& right) {
  const auto bytes = merged_as(method, c, Dtype::F64, stored(inputs, Dtype::F64), Dtype::F64, Dtype::F64);
  double worst = 0;
  for (size_t i = 0; i < inputs[0].size(); ++i) {
    std::vector<double> x;
    for (const auto& input : inputs) x.push_back(input[i]);
    double got = 0;
    std::memcpy(&got, &bytes[i * sizeof got], sizeof got);
    const double expected = right(x);
    double largest = std::fabs(expected);
    for (const double value : x) largest = std::max(largest, std::fabs(value));
    if (got != expected) worst = std::max(worst, std::fabs(got - expected) / (largest * 0x1p-53));
  }
  return worst;
}

}  // namespace

void check_definition(const char* method, const Arguments& arguments, const Definition& right, double bound) {
  const std::vector<double> c = right_coefficients(method, arguments);
  double worst = 0, wide = 0;
  for (const size_t count : {0u, 1u, 7u, 512u, 1300u})
    for (const float apart : {1.0f, 0.01f}) {
      const auto inputs = checkpoints(arguments.inputs, count, apart);
      const std::vector<float> got = merged(method, c, inputs);
      REQUIRE(got.size() == count);
      check_small_dtypes(method, c, inputs);
      wide = std::max(wide, worst_in_f64(method, c, inputs, right));
      for (size_t i = 0; i < count; ++i) {
        std::vector<double> x;
        for (const auto& input : inputs) x.push_back(input[i]);
        const double expected = right(x);
        double largest = std::fabs(expected);
        for (const double value : x) largest = std::max(largest, std::fabs(value));
        if (got[i] != expected) worst = std::max(worst, std::fabs(got[i] - expected) / (largest * 0x1p-24));
      }
    }
  CHECK_MESSAGE(worst <= bound, std::string(method) << ": " << worst);
  // The definition's own roundings, which it does without an order of its own, count as much.
  CHECK_MESSAGE(wide <= 2 * bound, std::string(method) << " in f64: " << wide);
}

void check_equal_stays(const char* method, const Arguments& arguments) {
  std::vector<float> values = weights(5);
  const float special[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 0x1p-149f, -0x1p-140f, 3e38f, 1};
  std::ranges::copy(special, values.begin() + 600);
  const std::vector<std::vector<float>> inputs(arguments.inputs, values);
  const std::vector<double> c = right_coefficients(method, arguments);
  if (copied(method, c, arguments.inputs)) return;  // and no bit is looked at
  CHECK(same_bits(merged(method, c, inputs), values));
}

void check_nan_stays(const char* method, const Arguments& arguments) {
  const std::vector<double> c = right_coefficients(method, arguments);
  for (size_t input = 0; input < arguments.inputs; ++input) {
    CAPTURE(input);
    auto inputs = checkpoints(arguments.inputs, 1300, 1);
    inputs[input][700] = NAN;
    const std::vector<float> got = merged(method, c, inputs);
    size_t nan = 0;
    for (const float value : got) nan += std::isnan(value);
    CHECK(nan == 1);
    CHECK(std::isnan(got[700]));
  }
}

std::optional<size_t> copied(const char* method, const std::vector<double>& coefficients, size_t inputs) {
  const Tracing tracing(Dtype::F32, inputs, coefficients);
  return bare_operand(find_method(method)->trace(tracing));
}

std::vector<float> weights(unsigned seed, size_t count) {
  std::vector<float> values(count);
  uint32_t state = seed * 2654435761u + 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = (static_cast<float>(state >> 8) / 16777216.0f - 0.5f) * 0.1f;
  }
  return values;
}

uint64_t digest(const std::vector<float>& values) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto* bytes = reinterpret_cast<const unsigned char*>(values.data());
  for (size_t i = 0; i < values.size() * sizeof(float); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
  return hash;
}

}  // namespace ckmerge
