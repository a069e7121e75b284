// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "kernels/cuda/tile_job.h"
#include "tests/kernels/methods/method_runs.h"
#include "tests/kernels/naive_placed.h"

namespace ckmerge {
namespace {

std::vector<double> with(double density, double alpha, double seed, bool rescale, size_t inputs = 2) {
  const Coefficients found = coefficients("dropout", with_values(inputs, {density, alpha, seed, rescale ? 1.0 : 0.0}));
  CHECK(found.fault == "");
  return found.values;
}

// Which elements of a tensor are kept, by the definition of its masks.
std::vector<bool> mask(double density, double seed, uint16_t input, const TensorFacts& tensor, size_t count) {
  uint32_t method = 0x811c9dc5;
  for (const char c : std::string("dropout")) method = (method ^ static_cast<unsigned char>(c)) * 0x01000193;
  Program program{.code = {{.op = Op::uniform, .operand = input, .k0 = seed, .k1 = static_cast<double>(method)}}};
  fill_places(program, tensor);
  std::vector<bool> kept(count);
  for (size_t i = 0; i < count; ++i) kept[i] = naive_placed(program.code[0], i) < static_cast<float>(density);
  return kept;
}

}  // namespace

TEST_CASE("dropout: A and the kept differences from it, divided by density") {
  for (const size_t inputs : {2u, 3u, 7u})
    for (const size_t count : {0u, 1u, 513u, 4000u})
      for (const double density : {0.0, 0.1, 0.5, 1.0})
        for (const bool rescale : {true, false}) {
          std::vector<std::vector<float>> x;
          for (size_t k = 0; k < inputs; ++k) x.push_back(weights(static_cast<unsigned>(k + 1), count));
          const uint64_t shape[] = {count};
          const TensorFacts tensor{.name = "blocks.0.weight", .shape = shape};
          const std::vector<float> got = merged("dropout", with(density, 0.7, 42, rescale, inputs), x, tensor);
          const auto factor = static_cast<float>(rescale && density > 0 ? 0.7 / density : 0.7);
          std::vector<float> expected = x[0];
          for (size_t k = 1; k < inputs; ++k) {
            const std::vector<bool> kept = mask(density, 42, static_cast<uint16_t>(k), tensor, count);
            for (size_t i = 0; i < count; ++i) {
              volatile float difference = x[k][i] - x[0][i], product = factor * difference;
              if (kept[i]) expected[i] = expected[i] + product;
            }
          }
          CHECK(got == expected);
        }
}

TEST_CASE("dropout: with overlap_average, of what several keep in an element the average") {
  for (const size_t inputs : {2u, 4u})
    for (const double density : {0.0, 0.4, 1.0}) {
      constexpr size_t kCount = 3000;
      std::vector<std::vector<float>> x;
      for (size_t k = 0; k < inputs; ++k) x.push_back(weights(static_cast<unsigned>(k + 1), kCount));
      const uint64_t shape[] = {kCount};
      const TensorFacts tensor{.name = "a", .shape = shape};
      const Coefficients given = coefficients("dropout", with_values(inputs, {density, 0.7, 9, 1, 1}));
      const std::vector<float> got = merged("dropout", given.values, x, tensor);
      if (density == 0) CHECK(copied("dropout", given.values, inputs) == 0u);
      std::vector<double> sum(kCount), count(kCount);
      for (size_t k = 1; k < inputs; ++k) {
        const std::vector<bool> kept = mask(density, 9, static_cast<uint16_t>(k), tensor, kCount);
        for (size_t i = 0; i < kCount; ++i)
          if (kept[i]) sum[i] += double{x[k][i]} - x[0][i], ++count[i];
      }
      double worst = 0;
      for (size_t i = 0; i < kCount && density > 0; ++i)
        worst = std::max(worst, std::fabs(got[i] - (x[0][i] + (count[i] > 0 ? 0.7 / density * sum[i] / count[i] : 0))));
      CHECK(worst < 0.3 * 0x1p-21);
    }
  check_equal_stays("dropout", with_values(3, {0.3, 1, 0, 1, 1}));
}

TEST_CASE("dropout: of one input by itself what is dropped is 0") {
  const std::vector<float> x = weights(3, 3000);
  const uint64_t shape[] = {x.size()};
  const TensorFacts tensor{.name = "a", .shape = shape};
  const std::vector<float> got = merged("dropout", with(0.25, 1, 7, true, 1), {x}, tensor);
  const std::vector<bool> kept = mask(0.25, 7, 0, tensor, x.size());
  size_t wrong = 0, count = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    wrong += got[i] != (kept[i] ? 4 * x[i] : 0.0f);
    count += kept[i];
  }
  CHECK(wrong == 0);
  CHECK(count > 650);
  CHECK(count < 850);
}

TEST_CASE("dropout: equal stays equal, NaN of what is dropped does not count, the ends are copies and sums") {
  for (const double density : {0.0, 0.3, 1.0}) check_equal_stays("dropout", with_values(3, {density, 1, 0, 1}));
  check_nan_stays("dropout", with_values(3, {1, 1, 0, 1}));
  CHECK(copied("dropout", with(0, 1, 0, true), 2) == 0);
  CHECK(copied("dropout", with(0.5, 0, 0, true), 2) == 0);
  const std::vector<float> nan(2000, NAN), a = weights(1, 2000);
  const std::vector<float> got = merged("dropout", with(0.5, 1, 3, true), {a, nan});
  size_t kept = 0, wrong = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    kept += !std::isnan(got[i]);
    wrong += !std::isnan(got[i]) && got[i] != a[i];
  }
  CHECK(kept > 850);
  CHECK(kept < 1150);
  CHECK(wrong == 0);
}

TEST_CASE("dropout: any number of checkpoints fits a device's registers") {
  for (const size_t inputs : {2u, 7u, 40u}) {
    const std::vector<double> c = with(0.3, 1, 0, true, inputs);
    const Tracing in(Dtype::F32, inputs, c);
    CHECK(compile(find_method("dropout")->trace(in)).value().registers() <= cuda::kRegisters);
  }
}

TEST_CASE("dropout: parameters have their limits") {
  for (const double density : {-0.1, 1.1})
    CHECK(coefficients("dropout", with_values(2, {density, 1, 0, 1})).fault.starts_with("density must lie"));
  for (const double seed : {-1.0, 0.5, 0x1p53, 1e16})
    CHECK(coefficients("dropout", with_values(2, {0.5, 1, seed, 1})).fault.starts_with("seed must be"));
  CHECK(with(0.5, 1, 0x1p53 - 1, true)[2] == 0x1p53 - 1);  // 2^53 + 1 would be read as 2^53
}

}  // namespace ckmerge
