// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/combination.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/adapters/adapter_file.h"
#include "core/algebra/orthonormal.h"
#include "io/checkpoint.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

// Tensors of an adapter, whose bytes live as long as this.
struct Tensors {
  std::map<std::string, std::pair<std::vector<uint64_t>, std::vector<float>>> all;

  void add(const std::string& name, const std::vector<uint64_t>& shape, const Matrix& values) {
    auto& [dimensions, elements] = all[name];
    dimensions = shape;
    for (const double value : values.elements) elements.push_back(static_cast<float>(value));
  }
  void add_lora(const std::string& module, uint64_t rows, uint64_t rank, uint64_t columns, double alpha,
                uint64_t seed) {
    add(module + ".lora_up.weight", {rows, rank}, random_rows(rows, rank, seed));
    add(module + ".lora_down.weight", {rank, columns}, random_rows(rank, columns, seed + 1));
    Matrix scalar(1, 1);
    scalar.elements[0] = alpha;
    add(module + ".alpha", {}, scalar);
  }
  Adapter adapter() const {
    std::vector<MemoryTensor> tensors;
    for (const auto& [name, entry] : all)
      tensors.push_back({.name = name, .dtype = "F32", .shape = entry.first, .data = entry.second.data()});
    return read_adapter(open_tensors({.name = "memory:lora", .tensors = tensors}));
  }
};

Matrix matrix_of(const std::vector<float>& values, uint64_t rows) {
  Matrix out(rows, values.size() / rows);
  std::copy(values.begin(), values.end(), out.elements.begin());
  return out;
}

Matrix delta_of(const MadeModule& module) {
  const FactorPair factors = module.make();
  return product(matrix_of(factors.up, module.up_shape[0]), matrix_of(factors.down, module.rank()));
}

Matrix expected(const Tensors& tensors, const std::string& module, double factor) {
  const auto& up = tensors.all.at(module + ".lora_up.weight");
  const auto& down = tensors.all.at(module + ".lora_down.weight");
  Matrix out = product(matrix_of(up.second, up.first[0]), matrix_of(down.second, down.first[0]));
  for (double& element : out.elements) element *= factor;
  return out;
}

double distance(const Matrix& a, const Matrix& b) {
  REQUIRE(a.elements.size() == b.elements.size());
  double out = 0;
  for (size_t i = 0; i < a.elements.size(); ++i) out = std::max(out, std::fabs(a.elements[i] - b.elements[i]));
  return out;
}

constexpr const char* kModule = "lora_unet_mid_block_attentions_0_proj_in";

}  // namespace

TEST_CASE("ranks are added up, and the product is the sum of the products, with scales and strengths of both signs") {
  Tensors a, b;
  a.add_lora(kModule, 20, 4, 30, 2, 1);
  b.add_lora(kModule, 20, 3, 30, 3, 5);
  const Adapter one = a.adapter(), two = b.adapter();
  const std::vector<CountedAdapter> both{{.adapter = &one, .strength = 0.7}, {.adapter = &two, .strength = -0.4}};
  const std::vector<MadeModule> made = combination(both, {});
  REQUIRE(made.size() == 1);
  CHECK(made[0].rank() == 7);
  Matrix sum = expected(a, kModule, 0.7 * 0.5);
  const Matrix other = expected(b, kModule, -0.4);
  for (size_t i = 0; i < sum.elements.size(); ++i) sum.elements[i] += other.elements[i];
  CHECK(distance(delta_of(made[0]), sum) < 1e-5);
  CHECK(made[0].make().kept == 1);
}

TEST_CASE("a LoRA added to itself is twice itself, of its own rank where one is asked for") {
  Tensors a;
  a.add_lora(kModule, 20, 4, 30, 4, 1);
  const Adapter one = a.adapter();
  const std::vector<CountedAdapter> twice{{.adapter = &one}, {.adapter = &one}};
  const std::vector<MadeModule> made = combination(twice, {.rank = 4});
  CHECK(made[0].rank() == 4);
  CHECK(distance(delta_of(made[0]), expected(a, kModule, 2)) < 1e-5);
  CHECK(made[0].make().kept > 1 - 1e-9);
}

TEST_CASE("resized to its own rank it is the same, and to a lower one it keeps what is told") {
  Tensors a;
  a.add_lora(kModule, 20, 6, 30, 6, 1);
  const Adapter one = a.adapter();
  const std::vector<CountedAdapter> alone{{.adapter = &one}};
  CHECK(distance(delta_of(combination(alone, {.rank = 6})[0]), expected(a, kModule, 1)) < 1e-5);
  const MadeModule smaller = combination(alone, {.rank = 3})[0];
  const FactorPair factors = smaller.make();
  Matrix rest = expected(a, kModule, 1);
  const double all = dot(rest.elements.data(), rest.elements.data(), rest.elements.size());
  const Matrix kept = delta_of(smaller);
  for (size_t i = 0; i < rest.elements.size(); ++i) rest.elements[i] -= kept.elements[i];
  const double lost = dot(rest.elements.data(), rest.elements.data(), rest.elements.size());
  CHECK(factors.kept == doctest::Approx(1 - lost / all).epsilon(1e-6));
  const MadeModule by_energy = combination(alone, {.energy = factors.kept - 1e-6})[0];
  CHECK(by_energy.rank() == 3);
}

TEST_CASE("strengths of text encoders and of blocks are those of their modules alone") {
  Tensors a;
  a.add_lora(kModule, 8, 2, 8, 2, 1);
  a.add_lora("lora_te_text_model_encoder_layers_0_mlp_fc1", 8, 2, 8, 2, 3);
  const Adapter one = a.adapter();
  std::vector<double> list(12, 1);
  list[5] = 0.5;  // M00
  const std::vector<CountedAdapter> counted{{.adapter = &one, .strength = 2, .of_encoders = 0, .by_block = list}};
  const std::vector<MadeModule> made = combination(counted, {});
  REQUIRE(made.size() == 1);  // what counts nothing is left out
  CHECK(distance(delta_of(made[0]), expected(a, kModule, 1)) < 1e-5);
}

TEST_CASE("what is no product of two factors is refused by its name, and so are other shapes") {
  Tensors a, b;
  a.add_lora(kModule, 8, 2, 8, 2, 1);
  b.add_lora(kModule, 8, 2, 9, 2, 1);
  const Adapter one = a.adapter(), other = b.adapter();
  const std::vector<CountedAdapter> both{{.adapter = &one}, {.adapter = &other}};
  CHECK_THROWS_WITH_AS(combination(both, {}), doctest::Contains("different models"), Error);
  a.add(std::string(kModule) + ".dora_scale", {8, 1}, random_rows(8, 1, 4));
  const Adapter dora = a.adapter();
  const std::vector<CountedAdapter> alone{{.adapter = &dora}};
  CHECK_THROWS_WITH_AS(combination(alone, {}), doctest::Contains("DoRA"), Error);
  const std::vector<CountedAdapter> plain{{.adapter = &one}};
  CHECK_THROWS_WITH_AS(combination(plain, {.spelling = AdapterSpelling::peft}),
                       doctest::Contains("could be told without the model"), Error);
}
