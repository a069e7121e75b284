// SPDX-License-Identifier: Apache-2.0
// FourierFT: W + s times the real part of the inverse transform, in two dimensions, of a spectrum with a few numbers.
// One at [u, v] is a wave cos(a + b) = cos a cos b - sin a sin b, a = 2 pi u row / rows and b = 2 pi v column /
// columns, so that the sum of all is a product of two matrices of sines and cosines. Where they lie is in no file:
// torch's generator chooses them by a seed.
#include <memory>
#include <utility>

#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/kinds/torch_places.h"
#include "io/text/sentence.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

constexpr double kDefaultSeed = 777;

std::string fourierft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "FourierFT changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"fourierft_spectrum"}); !lacking.empty()) return lacking;
  const uint64_t count = factor_tensor(adapter, factor(module, "fourierft_spectrum")).count;
  const uint64_t elements = weight.rows() * weight.columns();
  return count <= elements ? "" : misfit("fourierft_spectrum", count, "elements", "the weight", elements);
}

uint64_t fourierft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t count = factor_tensor(adapter, factor(module, "fourierft_spectrum")).count;
  return FactorProduct::memory(weight.rows(), 2 * count, weight.columns()) + 64 * count +
         2 * sizeof(double) * (weight.rows() + weight.columns());
}

// Cosines, then sines, of all multiples of a turn's nth part.
struct Circle {
  explicit Circle(uint64_t parts) : cosines(parts), sines(parts) {
    constexpr double kTurn = 0x1.921fb54442d18p+2;
    for (uint64_t i = 0; i < parts; ++i) {
      const double angle = kTurn * (static_cast<double>(i) / static_cast<double>(parts));
      cosines[i] = math::cos(angle);
      sines[i] = math::sin(angle);
    }
  }
  std::vector<double> cosines, sines;
};

std::unique_ptr<ModuleChange> open_fourierft(const Adapter& adapter, const AdapterModule& module,
                                             const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const std::vector<float> spectrum = read_factor(adapter, factor(module, "fourierft_spectrum"));
  const auto seed = module.numbers.find("random_loc_seed");
  const double number = seed == module.numbers.end() ? kDefaultSeed : seed->second;
  const std::vector<uint64_t> places =
      torch_places(static_cast<uint64_t>(static_cast<int64_t>(number)), out * in, spectrum.size());
  const Circle by_out(out), by_in(in);
  const uint64_t depth = 2 * spectrum.size();
  FactorMatrix up{out, depth, std::vector<float>(out * depth)}, down{depth, in, std::vector<float>(depth * in)};
  for (uint64_t k = 0; k < spectrum.size(); ++k) {
    const uint64_t u = places[k] / in, v = places[k] % in;
    for (uint64_t i = 0; i < out; ++i) {
      up.row(i)[2 * k] = static_cast<float>(spectrum[k] * by_out.cosines[u * i % out]);
      up.row(i)[2 * k + 1] = static_cast<float>(-spectrum[k] * by_out.sines[u * i % out]);
    }
    for (uint64_t j = 0; j < in; ++j) {
      down.row(2 * k)[j] = static_cast<float>(by_in.cosines[v * j % in]);
      down.row(2 * k + 1)[j] = static_cast<float>(by_in.sines[v * j % in]);
    }
  }
  return added_product(std::move(up), std::move(down), weight.transposed,
                       module.scale * strength / static_cast<double>(out * in));
}

}  // namespace

constexpr AdapterKind kFourierftKind = {
    .name = "FourierFT", .fault = fourierft_fault, .memory = fourierft_memory, .open = open_fourierft};

}  // namespace ckmerge
