// SPDX-License-Identifier: Apache-2.0
// What of della and della_linear needs no ranks; what does is in tests/core/orders.
#include "tests/kernels/methods/method_runs.h"

namespace ckmerge {
namespace {

struct DellaNumbers {
  double density = 1, epsilon = 0.15;
  std::vector<double> weights = {}, densities = {}, epsilons = {};
  bool normalize = false, masks = false;
};

Arguments arguments_of(size_t inputs, const DellaNumbers& of) {
  Arguments arguments =
      with_values(inputs, {1, 0, of.density, 0, of.epsilon, 0, of.normalize ? 1.0 : 0, 1, 3, of.masks ? 1.0 : 0});
  arguments.values[1].numbers = of.weights;
  arguments.values[3].numbers = of.densities;
  arguments.values[5].numbers = of.epsilons;
  return arguments;
}

std::string fault(const char* method, const DellaNumbers& of) {
  return coefficients(method, arguments_of(3, of)).fault;
}

// Kind and input of each, as a text.
std::string made(const char* method, const DellaNumbers& of) {
  const std::vector<double> given = coefficients(method, arguments_of(3, of)).values;
  std::string out;
  for (const MadeOperand& one : find_method(method)->made(3, given))
    out += (one.kind == MadeOperand::Kind::mask         ? "mask"
            : one.kind == MadeOperand::Kind::torch_rank ? "torch_rank"
                                                        : "draw") +
           std::to_string(one.input) + " ";
  return out;
}

}  // namespace

TEST_CASE("della: with a density of 1 it is dare's of all elements, and nothing is made") {
  const std::vector<std::vector<float>> x = {weights(1), weights(2), weights(3)};
  for (const auto& [method, dare] : {std::pair{"della", "dare_ties"}, std::pair{"della_linear", "dare_linear"}}) {
    const std::vector<double> given =
        coefficients(method, arguments_of(3, {.weights = {1, 0.6, 0.3}, .normalize = true})).values;
    Arguments arguments = with_values(3, {1, 0, 1, 0, 1, 1, 0, 0});
    const std::vector<double> w = {1, 0.6, 0.3};
    arguments.values[1].numbers = w;
    CHECK(merged(method, given, x) == merged(dare, coefficients(dare, arguments).values, x));
    CHECK(find_method(method)->made(3, given).empty());
  }
}

TEST_CASE("della: a density of 0 leaves A") {
  for (const char* const method : {"della", "della_linear"})
    CHECK(copied(method, coefficients(method, arguments_of(3, {.density = 0})).values, 3) == 0);
}

TEST_CASE("della: masks, ranks and draws are wanted of what is thinned alone") {
  CHECK(made("della", {.density = 0.5}) == "mask1 mask2 ");
  CHECK(made("della", {.density = 0.5, .epsilon = 0}) == "");
  CHECK(made("della_linear", {.densities = {1, 0.5, 1}, .masks = true}) == "torch_rank1 draw1 ");
  CHECK(made("della_linear", {.densities = {1, 0, 0.5}, .epsilons = {0, 0.1, 0}, .masks = true}) == "draw2 ");
  const std::vector<double> dare = coefficients("dare_linear", with_values(2, {1, 0, 0, 0, 0, 1, 0, 1})).values;
  CHECK(find_method("dare_linear")->made(2, dare).size() == 1);  // mergekit draws for nothing there
}

TEST_CASE("della: parameters have their limits") {
  CHECK(fault("della", {.density = 0.5}).empty());
  CHECK(fault("della", {.density = 2}).starts_with("density must lie"));
  CHECK(fault("della", {.density = 0.9}).starts_with("density - epsilon must"));
  CHECK(fault("della_linear", {.density = 0.1}).starts_with("density - epsilon must"));
  CHECK(fault("della", {.density = 0.9, .epsilon = 0.05}).empty());
  CHECK(fault("della", {.density = 0.5, .epsilon = -0.1}).starts_with("epsilon must be 0"));
  CHECK(fault("della", {.densities = {1, 0.5, 0.9}, .epsilons = {0, 0.1, 0.2}}).starts_with("density - epsilon must"));
  CHECK(fault("della_linear", {.weights = {5, 1, -1}, .normalize = true}).starts_with("the weights of all but"));
  CHECK(fault("della", {.weights = {5, 1, -1}, .normalize = true}).empty());
}

}  // namespace ckmerge
