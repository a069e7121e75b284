// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/methods/tensor_runs.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace ckmerge {

Arguments with_weights(const std::vector<double>& weights, const std::vector<double>& others) {
  Arguments arguments;
  arguments.inputs = weights.size();
  arguments.values[0].numbers = weights;
  for (size_t k = 0; k < others.size(); ++k) arguments.values[k + 1].number = others[k];
  return arguments;
}

std::vector<std::vector<float>> tensors_apart(size_t inputs, size_t count, double apart) {
  std::vector<std::vector<float>> all = {weights(1, count)};
  for (size_t k = 1; k < inputs; ++k) {
    all.push_back(weights(static_cast<unsigned>(k + 1), count));
    for (size_t i = 0; i < count; ++i)
      all[k][i] = static_cast<float>(all[0][i] + apart * (double{all[k][i]} - all[0][i]));
  }
  return all;
}

double dot(const Vector& x, const Vector& y) {
  long double sum = 0;
  for (size_t i = 0; i < x.size(); ++i) sum += static_cast<long double>(x[i]) * y[i];
  return static_cast<double>(sum);
}

double length(const Vector& x) { return std::sqrt(dot(x, x)); }

Vector sum_of(const std::vector<double>& weights, const std::vector<Vector>& x) {
  Vector out(x[0].size());
  for (size_t k = 0; k < x.size(); ++k)
    for (size_t i = 0; i < out.size(); ++i) out[i] += weights[k] * x[k][i];
  return out;
}

Vector difference(const Vector& x, const Vector& y) { return sum_of({1, -1}, {x, y}); }

void check_tensors(const char* method, const Arguments& arguments, const TensorDefinition& right, double bound,
                   const std::vector<std::vector<float>>& inputs) {
  const std::vector<float> got = merged_by_tensor(method, arguments, inputs).out;
  std::vector<Vector> x;
  double largest = 0, worst = 0;
  for (const auto& input : inputs) {
    x.emplace_back(input.begin(), input.end());
    for (const float value : input) largest = std::max(largest, std::fabs(double{value}));
  }
  const Vector expected = right(x);
  REQUIRE(got.size() == expected.size());
  for (const double value : expected) largest = std::max(largest, std::fabs(value));
  for (size_t i = 0; i < got.size(); ++i)
    worst = std::max(worst, got[i] == expected[i] ? 0 : std::fabs(got[i] - expected[i]) / (largest * 0x1p-24));
  CHECK_MESSAGE(worst <= bound, std::string(method) << ": " << worst);
}

void check_tensors(const char* method, const Arguments& arguments, const TensorDefinition& right, double bound) {
  for (const size_t count : {0u, 7u, 1300u, kLongTensor})
    for (const double apart : {1.0, 0.02, 1e-4, 1e-6}) {
      CAPTURE(count);
      CAPTURE(apart);
      check_tensors(method, arguments, right, bound, tensors_apart(arguments.inputs, count, apart));
    }
}

void check_equal_tensors_stay(const char* method, const Arguments& arguments) {
  const std::vector<double> given = coefficients(method, arguments).values;
  const Method& found = *find_method(method);
  const bool computes = found.reductions && found.needs_statistics(given);
  if (!computes && copied(method, given, arguments.inputs)) return;  // and no bit is looked at
  const auto check = [&](const std::vector<float>& values) {
    const std::vector<std::vector<float>> inputs(arguments.inputs, values);
    const std::vector<float> got = merged_by_tensor(method, arguments, inputs).out;
    REQUIRE(got.size() == values.size());
    CHECK((values.empty() || std::memcmp(got.data(), values.data(), values.size() * sizeof(float)) == 0));
  };
  std::vector<float> values = weights(5);
  for (const float special : {0.0f, -0.0f, 0x1p-149f, -0x1p-140f, 1.0f}) values[600 + values.size() % 7] = special;
  check(values);
  check(weights(6, 70'001));
  check({0.3f});
  check({});
  check({0, -0.0f, 0});
  check({1e-9f, -3e-9f});
  check({0x1p-149f, 0});
  const float special[] = {NAN, -NAN, INFINITY, -INFINITY, 3e38f};
  std::ranges::copy(special, values.begin() + 700);
  check(values);
}

void check_nan_stays_alone(const char* method, const Arguments& arguments) {
  for (size_t input = 0; input < arguments.inputs; ++input)
    for (const float special : {NAN, INFINITY}) {
      CAPTURE(input);
      auto inputs = tensors_apart(arguments.inputs, 1300, 0.1);
      inputs[input][700] = special;
      const std::vector<float> got = merged_by_tensor(method, arguments, inputs).out;
      size_t lost = 0;
      for (const float value : got) lost += !std::isfinite(value);
      CHECK(lost == 1);
      CHECK_FALSE(std::isfinite(got[700]));
    }
}

}  // namespace ckmerge
