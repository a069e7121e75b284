// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/combination.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/adapters/making/combination_faults.h"
#include "core/adapters/making/factor_sum.h"
#include "core/adapters/making/module_blocks.h"
#include "core/adapters/making/module_names.h"
#include "core/adapters/making/one_model.h"
#include "core/adapters/plain_product.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

MadeModule made(FactorSum sum, std::optional<uint64_t> rank, bool energies) {
  MadeModule module{.name = sum.name, .up_shape = sum.up_shape, .down_shape = sum.down_shape, .make = {}};
  module.experts = sum.experts;
  module.parameter = sum.parts.front().module->parameter;
  if (rank) module.up_shape[1] = module.down_shape[0] = *rank;
  module.memory = rank ? svd_memory(sum) : joined_memory(sum);
  module.make = [sum = std::move(sum), rank, energies] {
    if (rank) return balanced_factors(svd_of(sum), *rank);
    FactorPair factors = joined_factors(sum);
    if (energies) factors.energy = energy_of(sum);
    return factors;
  };
  return module;
}

// Ranks above what a matrix can have are of no use.
uint64_t full_rank(const FactorSum& sum) { return std::min({sum.rank(), sum.rows(), sum.columns()}); }

std::optional<uint64_t> wanted_rank(const FactorSum& sum, const CombinationOptions& options) {
  if (options.energy) return std::min(svd_of(sum).rank_for(*options.energy), options.rank.value_or(UINT64_MAX));
  if (!options.rank) return std::nullopt;
  return std::min(*options.rank, full_rank(sum));
}

class Gathering {
 public:
  Gathering(const CombinationOptions& options, bool sole_encoder) : options_(options), sole_encoder_(sole_encoder) {}

  void add(const CountedAdapter& counted) {
    const Adapter& adapter = *counted.adapter;
    for (const AdapterReplacement& whole : adapter.replacements)
      faults_.add(adapter.file.path, whole.name, "is no product of factors", "whole tensor");
    size_t known = 0;
    for (const AdapterModule& module : adapter.modules) known += add(counted, module);
    is_mixed_ |= !spellings_.empty() && !spellings_.contains(spelling_of(adapter));
    spellings_.insert(spelling_of(adapter));
    if (is_mixed_ && known == 0 && faults_.empty())
      faults_.add(adapter.file.path,
                  "has no module in common with the adapters before it, which are spelled in another way; adapters "
                  "of two spellings are merged where their modules are called alike but for dots and underscores");
  }

  std::vector<MadeModule> finish() {
    faults_.throw_all();
    expect_memory();
    std::vector<MadeModule> modules;
    for (auto& [folded, sum] : sums_) {
      const std::optional<uint64_t> rank = wanted_rank(sum, options_);
      modules.push_back(made(std::move(sum), rank, options_.energies));
    }
    std::ranges::sort(modules, {}, &MadeModule::name);
    return modules;
  }

 private:
  void expect_memory() const {
    if (!options_.expect_memory) return;
    const auto memory = options_.rank || options_.energy ? svd_memory : joined_memory;
    uint64_t most = 0;
    for (const auto& [folded, sum] : sums_) most = std::max(most, memory(sum));
    options_.expect_memory(most);
  }

  // Whether the sum has the module already.
  bool add(const CountedAdapter& counted, const AdapterModule& module) {
    const Adapter& adapter = *counted.adapter;
    if (const std::string why = why_no_product(adapter, module); !why.empty()) {
      faults_.add(adapter.file.path, module.name, why);
      return false;
    }
    const std::optional<std::string> name =
        respelled(module.name, spelling_of(adapter), options_.spelling, sole_encoder_);
    if (!name) {
      const auto name_of = [](AdapterSpelling spelling) { return kAdapterSpellings[static_cast<size_t>(spelling)]; };
      faults_.add(adapter.file.path, module.name,
                  sentence("has no name in the spelling ", name_of(options_.spelling),
                           " that could be told without the model; take --spelling ", name_of(spelling_of(adapter))));
      return false;
    }
    FactorSum sum{.name = *name,
                  .parts = {},
                  .up_shape = up_shape(adapter, module),
                  .down_shape = down_shape(adapter, module),
                  .experts = experts_of(adapter, module)};
    if (const std::string why = why_no_experts(adapter, sum.experts); !why.empty()) {
      faults_.add(adapter.file.path, module.name, why);
      return false;
    }
    const double factor = factor_of(counted, module);
    if (factor == 0) return sums_.contains(folded_module_name(module.name));
    const auto [place, is_new] = sums_.try_emplace(folded_module_name(module.name), sum);
    if (!is_new) join(adapter, module, place->second, sum);
    place->second.parts.push_back({&adapter, &module, factor});
    return !is_new;
  }

  // Experts are added up exactly, in PEFT's spelling, where all adapters mean the same by a name.
  std::string why_no_experts(const Adapter& adapter, uint64_t experts) {
    if (experts == 1) return {};
    constexpr const char* kBake = "; bake the adapters into the model";
    if (options_.rank || options_.energy)
      return sentence("holds a product for each of ", experts, " experts, whose ranks are added up and not lowered",
                      kBake);
    if (options_.spelling != AdapterSpelling::peft || adapter.maker != AdapterMaker::peft)
      return sentence("holds a product for each of ", experts, " experts, which has names in the spelling peft alone");
    if (!parameters_) parameters_ = adapter.parameters;
    if (*parameters_ == adapter.parameters) return {};
    return sentence("holds a product for each of ", experts,
                    " experts, and the adapters before it have other target_parameters", kBake);
  }

  void join(const Adapter& adapter, const AdapterModule& module, FactorSum& to, const FactorSum& from) {
    if (to.rows() != from.rows() || to.columns() != from.columns() || to.experts != from.experts)
      return faults_.add(adapter.file.path, module.name,
                         sentence("is of ", from.rows(), " x ", from.columns(), ", that of the adapters before it of ",
                                  to.rows(), " x ", to.columns(), ": they are of different models"));
    to.down_shape[0] += from.down_shape[0];
    to.up_shape[1] += from.up_shape[1];
  }

  static double factor_of(const CountedAdapter& counted, const AdapterModule& module) {
    const double strength = counted.of_encoders && is_of_encoder(module.name) ? *counted.of_encoders : counted.strength;
    return strength * module.scale * (counted.by_block.empty() ? 1 : strength_in_list(counted.by_block, module.name));
  }

  const CombinationOptions& options_;
  const bool sole_encoder_;
  std::map<std::string, FactorSum> sums_;
  std::set<AdapterSpelling> spellings_;
  std::optional<std::vector<std::string>> parameters_;  // of the first adapter that has experts
  bool is_mixed_ = false;
  CombinationFaults faults_;
};

}  // namespace

AdapterSpelling spelling_of(const Adapter& adapter) {
  switch (adapter.maker) {
    case AdapterMaker::kohya:
    case AdapterMaker::lycoris: return AdapterSpelling::kohya;
    case AdapterMaker::diffusers: return AdapterSpelling::diffusers;
    case AdapterMaker::peft: return AdapterSpelling::peft;
  }
  return AdapterSpelling::kohya;
}

std::vector<MadeModule> combination(std::span<const CountedAdapter> adapters, const CombinationOptions& options) {
  expect_one_model(adapters, options.spelling);
  Gathering gathering(options, has_sole_encoder(adapters));
  for (const CountedAdapter& counted : adapters) gathering.add(counted);
  return gathering.finish();
}

}  // namespace ckmerge
