// SPDX-License-Identifier: Apache-2.0
// WaveFT: W + s times the inverse Haar transform (db1, one level) of a spectrum with a few numbers, whose quarters are
// the bands. Each number changes four elements, so that the change is sparse. Where they lie torch's generator chooses
// by a seed. Without the transform (use_idwt) the spectrum itself is added.
#include <memory>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/kinds/sparse_change.h"
#include "core/adapters/kinds/torch_places.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr double kDefaultSeed = 777;
constexpr std::string_view kFamily = "wavelet_family=", kHaar = "wavelet_family=db1";

double number_of(const AdapterModule& module, std::string_view key, double otherwise) {
  const auto found = module.numbers.find(key);
  return found == module.numbers.end() ? otherwise : found->second;
}

std::string waveft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "WaveFT changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"waveft_spectrum"}); !lacking.empty()) return lacking;
  const auto family = module.numbers.lower_bound(kFamily);
  if (family != module.numbers.end() && family->first.starts_with(kFamily) && family->first != kHaar)
    return sentence("its wavelets are ", family->first.substr(kFamily.size()), "; only db1 is known");
  const uint64_t count = factor_tensor(adapter, factor(module, "waveft_spectrum")).count;
  const uint64_t elements = weight.rows() * weight.columns();
  return count <= elements ? "" : misfit("waveft_spectrum", count, "elements", "the weight", elements);
}

uint64_t waveft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  return (4 * 2 * sizeof(ChangedElement) + 64) * factor_tensor(adapter, factor(module, "waveft_spectrum")).count;
}

// What a number of the spectrum at `place` adds to its four elements.
void add_wave(const ModuleWeight& weight, uint64_t out, uint64_t in, uint64_t place, float value,
              std::vector<ChangedElement>& elements) {
  const uint64_t rows = (out + 1) / 2, columns = (in + 1) / 2;  // of a band; an odd side is made even
  const uint64_t u = place / in, v = place % in;
  const bool is_lower = u >= rows, is_right = v >= columns;
  for (const uint64_t i : {0, 1})
    for (const uint64_t j : {0, 1}) {
      // The right bands change their sign from row to row, the lower ones from column to column.
      const bool is_negative = (is_right && i == 1) != (is_lower && j == 1);
      const uint64_t changed = place_of(weight, u % rows * 2 + i, v % columns * 2 + j);
      if (changed != UINT64_MAX) elements.push_back({changed, (is_negative ? -0.5F : 0.5F) * value});
    }
}

std::unique_ptr<ModuleChange> open_waveft(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const std::vector<float> spectrum = read_factor(adapter, factor(module, "waveft_spectrum"));
  const auto seed = static_cast<int64_t>(number_of(module, "random_loc_seed", kDefaultSeed));
  const std::vector<uint64_t> places = torch_places(static_cast<uint64_t>(seed), out * in, spectrum.size());
  const bool is_transformed = number_of(module, "use_idwt", 1) != 0;
  std::vector<ChangedElement> elements;
  for (size_t k = 0; k < spectrum.size(); ++k)
    if (is_transformed)
      add_wave(weight, out, in, places[k], spectrum[k], elements);
    else
      elements.push_back({place_of(weight, places[k] / in, places[k] % in), spectrum[k]});
  return std::make_unique<SparseChange>(std::move(elements), weight.columns(), module.scale * strength);
}

}  // namespace

constexpr AdapterKind kWaveftKind = {
    .name = "WaveFT", .fault = waveft_fault, .memory = waveft_memory, .open = open_waveft};

}  // namespace ckmerge
