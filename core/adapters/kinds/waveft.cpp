// SPDX-License-Identifier: Apache-2.0
// WaveFT: W + s times the inverse wavelet transform, one level, of a spectrum with a few numbers, whose quarters are
// the bands. Each number changes as many elements as the filter has squared, four of Haar's (db1), so that the change
// is sparse. Where they lie torch's generator chooses by a seed; PEFT puts the spectrum into the middle of one that is
// larger by what the transform cuts off. Without the transform (use_idwt) the spectrum itself is added.
#include <memory>
#include <utility>

#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/kinds/sparse_change.h"
#include "core/adapters/kinds/torch_places.h"
#include "core/adapters/kinds/wavelet_filters.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr double kDefaultSeed = 777;
constexpr std::string_view kFamily = "wavelet_family=";

double number_of(const AdapterModule& module, std::string_view key, double otherwise) {
  const auto found = module.numbers.find(key);
  return found == module.numbers.end() ? otherwise : found->second;
}

std::string_view family_of(const AdapterModule& module) {
  const auto found = module.numbers.lower_bound(kFamily);
  const bool is_told = found != module.numbers.end() && found->first.starts_with(kFamily);
  return is_told ? std::string_view(found->first).substr(kFamily.size()) : "db1";
}

bool is_transformed(const AdapterModule& module) { return number_of(module, "use_idwt", 1) != 0; }

std::string waveft_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias || weight.is_embedding) return "WaveFT changes weights of Linear only";
  if (std::string lacking = lacking_factor(module, {"waveft_spectrum"}); !lacking.empty()) return lacking;
  if (const std::string_view family = family_of(module); is_transformed(module) && wavelet_filter(family).empty())
    return sentence(
        "its wavelets are ", family,
        family == "coif4" || family == "coif5" ? ", for which PEFT 0.21 has numbers that are no wavelet's" : "",
        "; known are db1 to db10, sym2 to sym10 and coif1 to coif3");
  const uint64_t count = factor_tensor(adapter, factor(module, "waveft_spectrum")).count;
  const uint64_t elements = weight.rows() * weight.columns();
  return count <= elements ? "" : misfit("waveft_spectrum", count, "elements", "the weight", elements);
}

uint64_t waveft_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  const uint64_t length = is_transformed(module) ? wavelet_filter(family_of(module)).size() : 1;
  return (length * length * 2 * sizeof(ChangedElement) + 64) *
         factor_tensor(adapter, factor(module, "waveft_spectrum")).count;
}

// One side of the spectrum: of two bands, what each of their numbers makes of the weight's side.
struct Side {
  std::span<const double> filter;
  uint64_t band = 0;    ///< numbers
  uint64_t offset = 0;  ///< of the weight's side in that of the spectrum

  Side(std::span<const double> low, uint64_t extent) : filter(low) {
    const uint64_t whole = extent + cut() + (extent + cut()) % 2;
    band = whole / 2;
    offset = (whole - extent) / 2;
  }
  /// What the transform is shorter by than the spectrum.
  uint64_t cut() const { return filter.size() - 2; }
  bool is_high(uint64_t place) const { return place + offset >= band; }
  double number(bool high, uint64_t i) const {
    if (!high) return filter[i];
    return (i % 2 == 0 ? 1 : -1) * filter[filter.size() - 1 - i];
  }
  /// Which of the weight's side number `i` of the filter changes; one that wraps around is outside of it.
  uint64_t changed(uint64_t place, uint64_t i) const { return (place + offset) % band * 2 + i - cut(); }
};

// What a number of the spectrum at (u, v) adds. A band on the right is the one that is high from row to row, a lower
// one from column to column.
void add_wave(const ModuleWeight& weight, const Side& rows, const Side& columns, uint64_t u, uint64_t v, float value,
              std::vector<ChangedElement>& elements) {
  const bool is_lower = rows.is_high(u), is_right = columns.is_high(v);
  for (uint64_t i = 0; i < rows.filter.size(); ++i)
    for (uint64_t j = 0; j < columns.filter.size(); ++j) {
      const uint64_t changed = place_of(weight, rows.changed(u, i), columns.changed(v, j));
      const double number = rows.number(is_right, i) * columns.number(is_lower, j);
      if (changed != UINT64_MAX) elements.push_back({changed, static_cast<float>(number) * value});
    }
}

std::unique_ptr<ModuleChange> open_waveft(const Adapter& adapter, const AdapterModule& module,
                                          const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  const uint64_t out = weight.transposed ? weight.columns() : weight.rows();
  const uint64_t in = weight.transposed ? weight.rows() : weight.columns();
  const std::vector<float> spectrum = read_factor(adapter, factor(module, "waveft_spectrum"));
  const auto seed = static_cast<int64_t>(number_of(module, "random_loc_seed", kDefaultSeed));
  const std::vector<uint64_t> places = torch_places(static_cast<uint64_t>(seed), out * in, spectrum.size());
  std::vector<ChangedElement> elements;
  if (is_transformed(module)) {
    const Side rows(wavelet_filter(family_of(module)), out), columns(rows.filter, in);
    for (size_t k = 0; k < spectrum.size(); ++k)
      add_wave(weight, rows, columns, places[k] / in, places[k] % in, spectrum[k], elements);
  } else {
    for (size_t k = 0; k < spectrum.size(); ++k)
      elements.push_back({place_of(weight, places[k] / in, places[k] % in), spectrum[k]});
  }
  return std::make_unique<SparseChange>(std::move(elements), weight.columns(), module.scale * strength);
}

}  // namespace

constexpr AdapterKind kWaveftKind = {
    .name = "WaveFT", .fault = waveft_fault, .memory = waveft_memory, .open = open_waveft};

}  // namespace ckmerge
