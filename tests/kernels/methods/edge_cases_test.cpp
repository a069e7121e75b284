// SPDX-License-Identifier: Apache-2.0
// What no method that looks at whole tensors may trip over: zeros, opposite and equal tensors, one element or none,
// NaN, shares of less than one element and of more than all.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "tests/kernels/methods/tensor_runs.h"
#include "tests/kernels/naive_cut.h"

namespace ckmerge {
namespace {

using Numbers = std::map<std::string, double>;

// The method's defaults, with these numbers for the parameters of their names; weights are 1 each.
struct Given {
  Given(const Method& method, size_t inputs, const Numbers& numbers) {
    arguments.inputs = inputs;
    for (size_t p = 0; p < method.spec->parameter_count; ++p) {
      const ParameterSpec& parameter = method.spec->parameters[p];
      const auto given = numbers.find(parameter.name);
      arguments.values[p].number = given == numbers.end() ? parameter.default_value : given->second;
    }
  }
  Arguments arguments;
};

// What thins tensors out does so.
Numbers thinning(const Method& method, double density, double gamma) {
  Numbers numbers;
  for (const ParameterSpec& parameter : method.spec->parameter_list()) {
    const std::string name = parameter.name;
    if (name == "density" || name == "select_topk" || name == "k") numbers[name] = density;
    if (name == "gamma") numbers[name] = gamma;
    if (name == "rescale" || name == "normalize") numbers[name] = 1;
  }
  return numbers;
}

size_t usual_inputs(const Method& method) {
  const size_t most = method.spec->max_inputs == 0 ? 4 : method.spec->max_inputs;
  return std::max<size_t>(method.spec->min_inputs, std::min<size_t>(most, 4));
}

std::vector<float> run(const Method& method, const std::vector<std::vector<float>>& x, const Numbers& numbers) {
  const Arguments arguments = Given(method, x.size(), numbers).arguments;
  if (!method.reductions) return merged(method.spec->name, coefficients(method.spec->name, arguments).values, x);
  return merged_by_tensor(method.spec->name, arguments, x).out;
}

// Numbers of rows and operands that are made beside, which the engine alone has: tests/core has those methods' edges.
bool is_of_the_engine(const Method& method) {
  const size_t inputs = usual_inputs(method);
  const std::vector<double> given =
      coefficients(method.spec->name, Given(method, inputs, thinning(method, 0.4, 0.1)).arguments).values;
  return (method.line_coefficient_count && method.line_coefficient_count(given) > 0) ||
         (method.made && !method.made(inputs, given).empty());
}

template <typename Fn>
void for_each_with_statistics(const Fn& fn) {
  for (const Method& method : methods()) {
    if (!method.reductions || is_of_the_engine(method)) continue;
    CAPTURE(method.spec->name);
    fn(method);
  }
}

size_t without_value(const std::vector<float>& values) {
  return static_cast<size_t>(std::ranges::count_if(values, [](float v) { return !std::isfinite(v); }));
}

}  // namespace

TEST_CASE("methods with statistics: no element, one, and zeros") {
  for_each_with_statistics([](const Method& method) {
    const size_t inputs = usual_inputs(method);
    for (const double density : {0.4, 0.001})
      for (const double gamma : {0.1, 0.9}) {  // with the density more than all
        const Numbers numbers = thinning(method, density, gamma);
        CHECK(run(method, std::vector<std::vector<float>>(inputs), numbers).empty());
        CHECK(without_value(run(method, tensors_apart(inputs, 1, 0.1), numbers)) == 0);
        CHECK(without_value(run(method, tensors_apart(inputs, 2, 0.1), numbers)) == 0);
        const std::vector<std::vector<float>> zeros(inputs, std::vector<float>(1300));
        CHECK(run(method, zeros, numbers) == zeros[0]);
        for (size_t k = 0; k < inputs; ++k) {  // one of them alone
          std::vector<std::vector<float>> one = tensors_apart(inputs, 1300, 0.1);
          one[k].assign(1300, 0);
          CHECK(without_value(run(method, one, numbers)) == 0);
          one.assign(inputs, std::vector<float>(1300));
          one[k] = weights(3);
          CHECK(without_value(run(method, one, numbers)) == 0);
        }
      }
  });
}

TEST_CASE("methods with statistics: equal tensors are theirs, and NaN goes no further than its element") {
  for_each_with_statistics([](const Method& method) {
    const size_t inputs = usual_inputs(method);
    const Numbers numbers = thinning(method, 0.4, 0.1);
    std::vector<std::vector<float>> x(inputs, weights(5));
    // What is seen from another checkpoint is nothing there.
    const bool is_part = std::string(method.spec->name) == "perpendicular_component";
    if (!is_part) CHECK(run(method, x, numbers) == x[0]);
    for (size_t k = 0; k < inputs; ++k) {
      x = tensors_apart(inputs, 1300, 0.1);
      x[k][700] = NAN;
      const std::vector<float> got = run(method, x, numbers);
      CAPTURE(k);
      CHECK(without_value(got) <= 1);
      CHECK((without_value(got) == 0 || std::isnan(got[700])));
    }
  });
}

namespace {

Vector half_of(const Vector& x, const std::function<double(double)>& value) {
  const std::vector<float> f32(x.begin(), x.end());
  const std::vector<bool> stays = among_largest(f32, 0, x.size() / 2);
  Vector out(x.size());
  for (size_t i = 0; i < x.size(); ++i) out[i] = stays[i] ? value(x[i]) : 0;
  return out;
}
Vector nothing(const Vector& x) { return Vector(x.size()); }
Vector same(const Vector& x) { return x; }
Vector magnitudes_of_half(const Vector& x) {
  return half_of(x, [](double value) { return std::fabs(value); });
}

// Inputs that are so many times one tensor, and what comes of them.
struct Opposites {
  const char* method;
  std::vector<float> times;
  Numbers numbers;
  Vector (*right)(const Vector&);
};

std::vector<Opposites> opposites() {
  return {{"slerp", {1, -1}, {}, nothing},
          {"unit_slerp", {1, -1}, {}, nothing},
          {"nuslerp", {1, -1}, {}, nothing},
          {"nuslerp", {0, 1, -1}, {}, nothing},
          {"multislerp", {1, -1}, {}, nothing},
          {"multislerp", {1, -1, 1, -1}, {}, nothing},
          {"multislerp", {0, 1, -1}, {{"base", 1}}, nothing},
          {"karcher", {1, -1}, {}, nothing},
          {"karcher", {1, -1, 1, -1}, {}, nothing},
          {"geometric_median", {1, -1}, {}, nothing},
          {"model_stock", {0, 1, -1}, {}, nothing},
          {"perpendicular_component", {1, -1}, {}, nothing},
          {"add_perpendicular", {1, -1, 0}, {}, same},
          // A sum of 0 counts as plus, and a draw as nothing.
          {"ties", {0, 1, -1}, {{"density", 0.5}}, magnitudes_of_half},
          {"sce", {0, 1, -1}, {{"select_topk", 0.5}}, magnitudes_of_half},
          {"breadcrumbs", {0, 1, -1}, {{"density", 0.5}}, nothing},
          {"ties_sum", {0, 1, -1}, {{"k", 0.5}}, nothing},
          {"ties_sum_extended", {0, 1, -1}, {{"apply_stock", 1}}, nothing},
          {"ties_sum_extended", {0, 1, -1}, {{"apply_median", 1}}, nothing},
          {"ram", {0, 1, -1}, {}, nothing},
          {"ramplus_tl", {0, 1, -1}, {}, nothing}};
}

}  // namespace

TEST_CASE("opposite tensors: the straight line between them, and no noise") {
  for (const Opposites& of : opposites())
    for (const size_t count : {1u, 2u, 64u, 1000u, kLongTensor}) {
      const Method& method = *find_method(of.method);
      CAPTURE(of.method);
      CAPTURE(count);
      const std::vector<float> x = weights(7, count);
      std::vector<std::vector<float>> inputs;
      for (const float times : of.times) {
        inputs.push_back(x);
        for (float& value : inputs.back()) value *= times;
      }
      if (count < 2 && of.right == magnitudes_of_half) continue;  // of which one stays at least
      const Vector right = of.right(Vector(x.begin(), x.end()));
      const std::vector<float> got = run(method, inputs, of.numbers);
      double worst = 0;
      for (size_t i = 0; i < count; ++i) worst = std::max(worst, std::fabs(got[i] - right[i]));
      CHECK(worst <= 0.05 * 0x1p-21);  // the largest of the values is 0.05
    }
}

TEST_CASE("zeros beside another tensor: the straight line, or what a right angle leaves of the other") {
  struct Case {
    const char* method;
    double share;  // of the other tensor, which is the second of two with equal weights
  };
  const double right_angle = std::sqrt(0.5);
  for (const Case& of : {Case{"slerp", right_angle}, Case{"nuslerp", right_angle}, Case{"unit_slerp", 0.5},
                         Case{"multislerp", 0.5}, Case{"karcher", 0.5}, Case{"geometric_median", 0.5}})
    for (const size_t count : {1u, 2u, 1000u}) {
      CAPTURE(of.method);
      CAPTURE(count);
      const std::vector<float> x = weights(7, count),
                               got = run(*find_method(of.method), {std::vector<float>(count), x}, {});
      double worst = 0;
      for (size_t i = 0; i < count; ++i) worst = std::max(worst, std::fabs(got[i] - of.share * x[i]));
      CHECK(worst <= 0.05 * 0x1p-21);
    }
}

}  // namespace ckmerge
