// SPDX-License-Identifier: Apache-2.0
// Kinds that are no products of factors: differences, blocks that repeat, single elements, spectra, vectors of a bank.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/adapters/kinds/torch_places.h"
#include "core/adapters/kinds/wavelet_filters.h"
#include "tests/core/adapters/small_adapters.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr double kTurn = 6.283185307179586;

FactorSpec whole_numbers(const std::string& name, std::vector<uint64_t> shape, std::vector<uint64_t> numbers) {
  return {.name = name, .shape = std::move(shape), .bits = std::move(numbers), .dtype = Dtype::I32};
}

}  // namespace

TEST_CASE("whole differences are added, of weight and bias") {
  SmallAdapter full("full difference", {{"diff", {6, 5, 3, 3}}, {"diff_b", {6}}});
  check_change(full, {.shape = {6, 5, 3, 3}}, 0.5, 0.5 * full["diff"]);
  check_change(full, {.shape = {6}, .is_bias = true}, 2, 2 * full["diff_b"]);
  CHECK(full.fault({.shape = {6, 5, 1, 1}}) == "diff has 45 columns, the weight 5");

  SmallAdapter norm("norm", {{"w_norm", {700}}});
  check_change(norm, {.shape = {700}}, 1, norm["w_norm"]);
  CHECK(norm.fault({.shape = {700}, .is_bias = true}) == "it has no b_norm");
}

TEST_CASE("MiSS repeats its block over the columns, and a small one over the rows") {
  SmallAdapter plain("MiSS", {{"miss_block", {4, 6}}});
  const Dense block = plain["miss_block"];
  check_change(plain, {.shape = {6, 11}}, 1, dense(6, 11, [&](uint64_t i, uint64_t j) { return block(j % 4, i); }));
  check_change(plain, {.shape = {18, 11}}, 1,
               dense(18, 11, [&](uint64_t i, uint64_t j) { return block(j % 4, i % 6); }));
  CHECK(plain.fault({.shape = {7, 11}}) == "miss_block has 6 columns, the weight 7");
}

TEST_CASE("C3A's blocks are circulants") {
  SmallAdapter adapter("C3A", {{"c3a_kernel", {2, 3, 4}}});
  const Dense kernel = adapter["c3a_kernel"];
  check_change(adapter, {.shape = {8, 12}}, 3, dense(8, 12, [&](uint64_t i, uint64_t j) {
                 return 3 * kernel(i / 4, j / 4 * 4 + (j + 4 - i % 4) % 4) / 12;
               }));
}

TEST_CASE("SHiRA and SuperTuning add numbers to the elements that they name") {
  SmallAdapter shira("SHiRA", {{"shira_weight", {3}}, whole_numbers("shira_indices", {2, 3}, {4, 0, 4, 2, 6, 2})});
  const Dense values = shira["shira_weight"];
  const Dense expected = dense(5, 7, [&](uint64_t i, uint64_t j) {
    return i == 4 && j == 2 ? values.values[0] + values.values[2] : i == 0 && j == 6 ? values.values[1] : 0;
  });
  check_change(shira, {.shape = {5, 7}}, 1, expected);
  check_change(shira, {.shape = {7, 5}, .transposed = true}, 1, turned(expected));
  const Failure outside = failure([&] { values_of(shira.changes({.shape = {4, 7}}, 1), 0); });
  CHECK(outside.code == ErrorCode::malformed);

  SmallAdapter super("SuperTuning", {{"supertuning_values", {2}},
                                     whole_numbers("supertuning_indices", {2}, {34, 1}),
                                     {"supertuning_lora_A", {2, 7}},
                                     {"supertuning_lora_B", {5, 2}}});
  super.module().numbers["lora_alpha"] = 6;
  Dense sum = 3 * (super["supertuning_lora_B"] * super["supertuning_lora_A"]);
  sum.values[34] += super["supertuning_values"].values[0];
  sum.values[1] += super["supertuning_values"].values[1];
  check_change(super, {.shape = {5, 7}}, 1, sum);
}

TEST_CASE("places are those of torch.randperm") {
  // torch.randperm(10, generator=torch.Generator().manual_seed(777))
  CHECK(torch_places(777, 10, 10) == std::vector<uint64_t>{5, 9, 0, 3, 1, 7, 4, 8, 6, 2});
  const std::vector<uint64_t> hundred = torch_places(777, 100, 100), five = torch_places(777, 100, 5);
  CHECK(std::equal(five.begin(), five.end(), hundred.begin()));
  // From 2^32 / 20 on torch draws two words for each place.
  CHECK(torch_places(777, 214748363, 4) == std::vector<uint64_t>{11440646, 199500216, 10121607, 3119241});
  CHECK(torch_places(777, 214748364, 4) == std::vector<uint64_t>{150358698, 199533091, 83306822, 145970095});
}

TEST_CASE("FourierFT adds waves, WaveFT squares of four elements") {
  const std::vector<uint64_t> places = torch_places(3, 6 * 8, 5);
  SmallAdapter fourier("FourierFT", {{"fourierft_spectrum", {5}}});
  fourier.module().numbers["random_loc_seed"] = 3;
  fourier.module().scale = 150;
  const Dense waves = fourier["fourierft_spectrum"];
  const Dense expected = dense(6, 8, [&](uint64_t i, uint64_t j) {
    double sum = 0;
    for (size_t k = 0; k < places.size(); ++k)
      sum += waves.values[k] * std::cos(kTurn * (double(places[k] / 8 * i) / 6 + double(places[k] % 8 * j) / 8));
    return 150 * sum / 48;
  });
  check_change(fourier, {.shape = {6, 8}}, 1, expected);
  check_change(fourier, {.shape = {8, 6}, .transposed = true}, 1, turned(expected));

  SmallAdapter wavelets("WaveFT", {{"waveft_spectrum", {5}}});
  wavelets.module().numbers["random_loc_seed"] = 3;
  Dense spectrum(6, 8);
  for (size_t k = 0; k < places.size(); ++k) spectrum.values[places[k]] = wavelets["waveft_spectrum"].values[k];
  check_change(wavelets, {.shape = {6, 8}}, 25, dense(6, 8, [&](uint64_t i, uint64_t j) {
                 const double right = i % 2 == 0 ? 1 : -1, lower = j % 2 == 0 ? 1 : -1;
                 return 12.5 * (spectrum(i / 2, j / 2) + right * spectrum(i / 2, j / 2 + 4) +
                                lower * spectrum(i / 2 + 3, j / 2) + right * lower * spectrum(i / 2 + 3, j / 2 + 4));
               }));
}

TEST_CASE("WaveFT's filters are those of orthogonal wavelets with as many vanishing moments as they are called by") {
  std::vector<std::pair<std::string, int>> families;
  for (int n = 1; n <= 10; ++n) families.emplace_back("db" + std::to_string(n), n);
  for (int n = 2; n <= 10; ++n) families.emplace_back("sym" + std::to_string(n), n);
  for (int n = 1; n <= 3; ++n) families.emplace_back("coif" + std::to_string(n), 2 * n);
  for (const auto& named : families) {
    const std::string& family = named.first;  // clang 14 does not let CAPTURE have a part of a binding
    const int moments = named.second;
    CAPTURE(family);
    const std::span<const double> filter = wavelet_filter(family);
    const size_t length = filter.size();
    REQUIRE(length == static_cast<size_t>(family.starts_with("coif") ? 3 * moments : 2 * moments));
    for (size_t shift = 0; shift < length; shift += 2) {
      double sum = 0;
      for (size_t k = 0; k + shift < length; ++k) sum += filter[k] * filter[k + shift];
      CHECK(std::abs(sum - (shift == 0 ? 1 : 0)) < 1e-10);
    }
    for (int moment = 0; moment < moments; ++moment) {
      double sum = 0;
      for (size_t i = 0; i < length; ++i)
        sum += (i % 2 == 0 ? 1 : -1) * filter[length - 1 - i] *
               std::pow((double(i) - double(length - 1) / 2) / double(length), moment);
      CHECK(std::abs(sum) < 1e-10);
    }
  }
  CHECK(wavelet_filter("coif4").empty());
  CHECK(wavelet_filter("").empty());
}

TEST_CASE("WaveFT with longer wavelets adds larger patches, of a spectrum with a margin") {
  SmallAdapter wavelets("WaveFT", {{"waveft_spectrum", {5}}});
  wavelets.module().numbers["random_loc_seed"] = 3;
  wavelets.module().numbers["wavelet_family=db2"] = 1;
  for (const auto& [out, in] : {std::pair<uint64_t, uint64_t>{6, 8}, {7, 5}}) {
    const std::vector<uint64_t> places = torch_places(3, out * in, 5);
    const std::span<const double> low = wavelet_filter("db2");
    const double high[] = {low[3], -low[2], low[1], -low[0]};
    const uint64_t rows = (out + 3) / 2, columns = (in + 3) / 2;  // of a band, with two more to a side
    Dense expected(out, in);
    for (size_t k = 0; k < places.size(); ++k) {
      const uint64_t u = places[k] / in + 1, v = places[k] % in + 1;
      for (uint64_t i = 0; i < 4; ++i)
        for (uint64_t j = 0; j < 4; ++j) {
          const uint64_t row = u % rows * 2 + i - 2, column = v % columns * 2 + j - 2;
          const double wave = (v >= columns ? high[i] : low[i]) * (u >= rows ? high[j] : low[j]);
          if (row < out && column < in) expected(row, column) += wave * wavelets["waveft_spectrum"].values[k];
        }
    }
    check_change(wavelets, {.shape = {out, in}}, 25, 25 * expected);
    check_change(wavelets, {.shape = {in, out}, .transposed = true}, 25, turned(25 * expected));
  }
  wavelets.module().numbers.erase("wavelet_family=db2");
  wavelets.module().numbers["wavelet_family=coif5"] = 1;
  CHECK(wavelets.fault({.shape = {6, 8}}) ==
        "its wavelets are coif5, for which PEFT 0.21 has numbers that are no wavelet's; known are db1 to db10, sym2 to "
        "sym10 and coif1 to coif3");
  wavelets.module().numbers["use_idwt"] = 0;
  CHECK(wavelets.fault({.shape = {6, 8}}).empty());
}

TEST_CASE("VB-LoRA's factors are made of the vectors with the greatest logits") {
  SmallAdapter adapter(
      "VB-LoRA", {{"vblora_logits_A", {2, 3, 5}}, {"vblora_logits_B", {4, 2, 5}}, {"vblora_vector_bank", {5, 3}}});
  const Dense bank = adapter["vblora_vector_bank"];
  const auto piece = [&](const Dense& logits, uint64_t at, uint64_t element) {
    uint64_t first = 0, second = 5;
    for (uint64_t v = 1; v < 5; ++v)
      if (logits.values[at * 5 + v] > logits.values[at * 5 + first]) first = v;
    for (uint64_t v = 0; v < 5; ++v)
      if (v != first && (second == 5 || logits.values[at * 5 + v] > logits.values[at * 5 + second])) second = v;
    const double weight = 1 / (1 + std::exp(logits.values[at * 5 + second] - logits.values[at * 5 + first]));
    return weight * bank(first, element) + (1 - weight) * bank(second, element);
  };
  const Dense a = adapter["vblora_logits_A"], b = adapter["vblora_logits_B"];
  const Dense down = dense(2, 9, [&](uint64_t k, uint64_t j) { return piece(a, k * 3 + j / 3, j % 3); });
  const Dense up = dense(12, 2, [&](uint64_t i, uint64_t k) { return piece(b, i / 3 * 2 + k, i % 3); });
  check_change(adapter, {.shape = {12, 9}}, 1, up * down);

  SmallAdapter stored("VB-LoRA", {whole_numbers("vblora_logits_A_topk_indices", {1, 2, 2}, {0, 1, 2, 0}),
                                  {"vblora_logits_A_topk_weights", {1, 2, 1}},
                                  whole_numbers("vblora_logits_B_topk_indices", {1, 1, 2}, {2, 1}),
                                  {"vblora_logits_B_topk_weights", {1, 1, 1}},
                                  {"vblora_vector_bank", {3, 2}}});
  const Dense vectors = stored["vblora_vector_bank"];
  const auto mixed = [&](double weight, uint64_t one, uint64_t other, uint64_t element) {
    return weight * vectors(one, element) + (1 - weight) * vectors(other, element);
  };
  const Dense wa = stored["vblora_logits_A_topk_weights"], wb = stored["vblora_logits_B_topk_weights"];
  check_change(stored, {.shape = {2, 4}}, 1, dense(2, 4, [&](uint64_t i, uint64_t j) {
                 return mixed(wb.values[0], 2, 1, i) *
                        (j < 2 ? mixed(wa.values[0], 0, 1, j) : mixed(wa.values[1], 2, 0, j - 2));
               }));
}

TEST_CASE("Uni-LoRA's factors are elements of one vector, times their scales") {
  SmallAdapter adapter("Uni-LoRA", {{"unilora_theta_d", {4}},
                                    whole_numbers("unilora_indices_A", {1, 3}, {3, 0, 3}),
                                    {"unilora_scales_A", {1, 3}},
                                    whole_numbers("unilora_indices_B", {2, 1}, {1, 2}),
                                    {"unilora_scales_B", {2, 1}}});
  const std::vector<double> theta = adapter["unilora_theta_d"].values;
  const std::vector<double> a = adapter["unilora_scales_A"].values, b = adapter["unilora_scales_B"].values;
  check_change(adapter, {.shape = {2, 3}}, 1, dense(2, 3, [&](uint64_t i, uint64_t j) {
                 return theta[i + 1] * b[i] * (j == 1 ? theta[0] : theta[3]) * a[j];
               }));
}
