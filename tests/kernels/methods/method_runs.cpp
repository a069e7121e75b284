// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/method_runs.h"

#include <cstring>

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

Arguments with_numbers(size_t inputs, const std::vector<double>& numbers, bool flag) {
  Arguments arguments;
  arguments.inputs = inputs;
  arguments.values[0].numbers = numbers;
  arguments.values[1].number = flag;
  return arguments;
}

std::vector<float> merged(const char* method, const std::vector<double>& coefficients,
                          const std::vector<std::vector<float>>& inputs) {
  const Tracing tracing(Dtype::F32, inputs.size(), coefficients);
  const auto program = compile(find_method(method)->trace(tracing));
  REQUIRE(program);
  std::vector<Operand> operands;
  for (const auto& input : inputs) operands.push_back({.data = input.data(), .dtype = Dtype::F32});
  std::vector<float> first;
  for (const BlockKernels* kernels : available_kernels()) {
    StoreCounts counts;
    std::vector<float> out(inputs[0].size());
    run_program(*kernels, *program, operands.data(), 0, out.size(), out.data(), Dtype::F32, counts);
    if (first.empty()) first = out;
    CHECK(std::memcmp(out.data(), first.data(), out.size() * sizeof(float)) == 0);
  }
  return first;
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
