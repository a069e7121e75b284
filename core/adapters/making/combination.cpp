// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/combination.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>

#include "core/adapters/adapter_kind.h"
#include "core/adapters/factors.h"
#include "core/adapters/making/module_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// A module of one of the adapters, and what its product counts.
struct Part {
  const Adapter* adapter = nullptr;
  const AdapterModule* module = nullptr;
  double factor = 1;
};

// A module of the sum.
struct Sum {
  std::string name;
  std::vector<Part> parts;
  std::vector<uint64_t> up_shape, down_shape;  // with the sum of the ranks
  uint64_t rank() const { return down_shape.front(); }
};

// Empty, or why a module has no two factors whose product is all of it.
std::string why_no_product(const AdapterModule& module) {
  if (module.kind->name != "LoRA") return sentence("is ", module.kind->name);
  for (const Factor& factor : module.factors)
    if (factor.name != "lora_A" && factor.name != "lora_B" && factor.name != "lora_mid" && factor.name != "alpha")
      return sentence("has ", factor.name);
  if (!find_factor(module, "lora_A") || !find_factor(module, "lora_B")) return "has no lora_A or lora_B";
  return {};
}

std::vector<uint64_t> shape_of(const Adapter& adapter, const Factor& factor) {
  const Shape shape = factor_tensor(adapter, factor).shape;
  return {shape.begin(), shape.end()};
}

// Of tucker's three factors the two on the right are one.
std::vector<uint64_t> down_shape(const Adapter& adapter, const AdapterModule& module) {
  std::vector<uint64_t> shape = shape_of(adapter, *find_factor(module, "lora_A"));
  if (const Factor* const mid = find_factor(module, "lora_mid")) {
    const std::vector<uint64_t> middle = shape_of(adapter, *mid);
    shape[0] = middle[0];
    for (size_t i = 2; i < shape.size() && i < middle.size(); ++i) shape[i] = middle[i];
  }
  return shape;
}

Matrix widened(const FactorMatrix& from, double factor) {
  Matrix out(from.rows, from.columns);
  for (size_t i = 0; i < out.elements.size(); ++i) out.elements[i] = factor * double{from.elements[i]};
  return out;
}

// down'[i][r, k] = sum over j of mid[i][j, k] * down[j][r].
Matrix with_middle(const Adapter& adapter, const AdapterModule& module, const Matrix& down) {
  const Factor* const mid = find_factor(module, "lora_mid");
  if (!mid) return down;
  const FactorMatrix middle = read_matrix(adapter, *mid);
  const uint64_t points = middle.columns / down.rows;
  Matrix out(middle.rows, down.columns * points);
  for (uint64_t i = 0; i < middle.rows; ++i)
    for (uint64_t j = 0; j < down.rows; ++j)
      for (uint64_t r = 0; r < down.columns; ++r)
        for (uint64_t k = 0; k < points; ++k)
          out.row(i)[r * points + k] += double{middle.row(i)[j * points + k]} * down.row(j)[r];
  return out;
}

struct WideFactors {
  Matrix up, down;
};

// The factors of all parts beside each other; what a part counts is in both of its factors alike.
WideFactors factors_of(const Sum& sum) {
  WideFactors out;
  for (const Part& part : sum.parts) {
    const double root = std::sqrt(std::fabs(part.factor)), sign = part.factor < 0 ? -1 : 1;
    const Matrix up = widened(read_matrix(*part.adapter, *find_factor(*part.module, "lora_B")), sign * root);
    const Matrix down = with_middle(*part.adapter, *part.module,
                                    widened(read_matrix(*part.adapter, *find_factor(*part.module, "lora_A")), root));
    if (out.up.rows == 0) out.up = Matrix(up.rows, sum.rank());
    const uint64_t first = out.down.rows;
    for (uint64_t i = 0; i < up.rows; ++i) std::copy_n(up.row(i), up.columns, out.up.row(i) + first);
    out.down.elements.insert(out.down.elements.end(), down.elements.begin(), down.elements.end());
    out.down.rows += down.rows;
    out.down.columns = down.columns;
  }
  return out;
}

std::vector<float> rounded(const Matrix& matrix) {
  std::vector<float> out;
  out.reserve(matrix.elements.size());
  for (const double element : matrix.elements) out.push_back(static_cast<float>(element));
  return out;
}

Svd svd_of(const Sum& sum) {
  const WideFactors factors = factors_of(sum);
  return product_svd(factors.up, factors.down);
}

FactorPair joined_factors(const Sum& sum) {
  const WideFactors factors = factors_of(sum);
  FactorPair out{.up = rounded(factors.up), .down = rounded(factors.down)};
  // Of the product, by the factors' own products, which are small.
  const Matrix of_up = row_products(transposed(factors.up), transposed(factors.up)),
               of_down = row_products(factors.down, factors.down);
  out.energy = std::max(0.0, dot(of_up.elements.data(), of_down.elements.data(), of_up.elements.size()));
  return out;
}

MadeModule made(Sum sum, std::optional<uint64_t> rank) {
  MadeModule module{.name = sum.name, .up_shape = sum.up_shape, .down_shape = sum.down_shape, .make = {}};
  if (rank) module.up_shape[1] = module.down_shape[0] = *rank;
  module.make = [sum = std::move(sum), rank] {
    return rank ? balanced_factors(svd_of(sum), *rank) : joined_factors(sum);
  };
  return module;
}

// Ranks above what a matrix can have are of no use.
uint64_t full_rank(const Sum& sum) {
  uint64_t columns = 1;
  for (size_t i = 1; i < sum.down_shape.size(); ++i) columns *= sum.down_shape[i];
  return std::min({sum.rank(), sum.up_shape[0], columns});
}

std::optional<uint64_t> wanted_rank(const Sum& sum, const CombinationOptions& options) {
  if (options.energy) return std::min(svd_of(sum).rank_for(*options.energy), options.rank.value_or(UINT64_MAX));
  if (!options.rank) return std::nullopt;
  return std::min(*options.rank, full_rank(sum));
}

class Gathering {
 public:
  explicit Gathering(const CombinationOptions& options) : options_(options) {}

  void add(const CountedAdapter& counted) {
    const Adapter& adapter = *counted.adapter;
    for (const AdapterReplacement& whole : adapter.replacements)
      fault(adapter, sentence("'", whole.name, "' is a whole tensor, which no product of factors is"));
    size_t known = 0;
    for (const AdapterModule& module : adapter.modules) known += add(counted, module);
    is_mixed_ |= !spellings_.empty() && !spellings_.contains(spelling_of(adapter));
    spellings_.insert(spelling_of(adapter));
    if (is_mixed_ && known == 0)
      fault(adapter,
            "has no module in common with the adapters before it, which are spelled in another way; adapters "
            "of two spellings are merged where their modules are called alike but for dots and underscores");
  }

  std::vector<MadeModule> finish() {
    if (!faults_.empty())
      throw Error(ErrorCode::mismatch, where_,
                  faults_.size() == 1 ? faults_[0]
                                      : sentence(counted(faults_.size(), "module"), " cannot be merged: ", faults_[0]),
                  faults_.size() == 1 ? std::vector<std::string>() : faults_);
    std::vector<MadeModule> modules;
    for (auto& [folded, sum] : sums_) {
      const std::optional<uint64_t> rank = wanted_rank(sum, options_);
      modules.push_back(made(std::move(sum), rank));
    }
    std::ranges::sort(modules, {}, &MadeModule::name);
    return modules;
  }

 private:
  void fault(const Adapter& adapter, const std::string& what) {
    if (faults_.empty()) where_ = adapter.file.path;
    faults_.push_back(sentence(adapter.file.path, ": ", what));
  }

  // Whether the sum has the module already.
  bool add(const CountedAdapter& counted, const AdapterModule& module) {
    const Adapter& adapter = *counted.adapter;
    if (const std::string why = why_no_product(module); !why.empty()) {
      fault(adapter,
            sentence(
                "module '", module.name, "' ", why,
                ", and adapters are merged and resized where each module is a LoRA, a product of two factors; bake the "
                "adapters into the model, and extract a LoRA of the result"));
      return false;
    }
    const std::optional<std::string> name = respelled(module.name, spelling_of(adapter), options_.spelling);
    if (!name) {
      fault(adapter, sentence("module '", module.name, "' has no name in the spelling ",
                              kAdapterSpellings[static_cast<size_t>(options_.spelling)],
                              " that could be told without the model; leave --spelling away"));
      return false;
    }
    Sum sum{.name = *name,
            .parts = {},
            .up_shape = shape_of(adapter, *find_factor(module, "lora_B")),
            .down_shape = down_shape(adapter, module)};
    const double factor = factor_of(counted, module);
    if (factor == 0) return sums_.contains(folded_module_name(module.name));
    const auto [place, is_new] = sums_.try_emplace(folded_module_name(module.name), sum);
    if (!is_new) join(adapter, module, place->second, sum);
    place->second.parts.push_back({&adapter, &module, factor});
    return !is_new;
  }

  void join(const Adapter& adapter, const AdapterModule& module, Sum& to, const Sum& from) {
    const auto rows = [](const Sum& sum) { return sum.up_shape[0]; };
    const auto columns = [](const Sum& sum) {
      uint64_t product = 1;
      for (size_t i = 1; i < sum.down_shape.size(); ++i) product *= sum.down_shape[i];
      return product;
    };
    if (rows(to) != rows(from) || columns(to) != columns(from))
      return fault(adapter, sentence("module '", module.name, "' is of ", rows(from), " x ", columns(from),
                                     ", that of the adapters before it of ", rows(to), " x ", columns(to),
                                     ": they are of different models"));
    to.down_shape[0] += from.down_shape[0];
    to.up_shape[1] += from.up_shape[1];
  }

  static double factor_of(const CountedAdapter& counted, const AdapterModule& module) {
    const double strength = counted.of_encoders && is_of_encoder(module.name) ? *counted.of_encoders : counted.strength;
    return strength * module.scale * (counted.by_block.empty() ? 1 : strength_in_list(counted.by_block, module.name));
  }

  const CombinationOptions& options_;
  std::map<std::string, Sum> sums_;
  std::set<AdapterSpelling> spellings_;
  bool is_mixed_ = false;
  std::string where_;
  std::vector<std::string> faults_;
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
  Gathering gathering(options);
  for (const CountedAdapter& counted : adapters) gathering.add(counted);
  return gathering.finish();
}

}  // namespace ckmerge
