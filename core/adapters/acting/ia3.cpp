// SPDX-License-Identifier: Apache-2.0
// IA3: each input or each output of a layer is multiplied by a number. PEFT's `ia3_l` holds the numbers themselves, of
// inputs where the config calls the module feed-forward, else of outputs, and then the bias is multiplied too; it has
// no strengths, here they go from 1 to the number. LyCORIS's `weight` holds what they differ from 1 by, its `on_input`
// says of what, and its biases stay.
#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kOfPeft = "ia3_l", kOfLycoris = "weight";

// Where the numbers of a module belong.
struct Place {
  bool by_rows = true;
  uint64_t count = 0;   // numbers that there have to be
  uint64_t width = 1;   // of columns: neighbours that share one
  uint64_t groups = 1;  // of columns: groups of a convolution, each of which has numbers of its own
};

bool is_of_inputs(const AdapterModule& module) {
  return find_factor(module, kOfPeft) ? has_flag(module, "is_feedforward") : has_flag(module, "on_input");
}

Place place(const AdapterModule& module, const ModuleWeight& weight, uint64_t numbers) {
  if (weight.is_bias) return {.count = weight.rows()};
  if (is_of_inputs(module) == weight.transposed) return {.count = weight.rows()};
  Place place{.by_rows = false, .count = weight.shape.size() < 2 ? 1 : weight.shape[1]};
  place.width = place.count == 0 ? 1 : weight.columns() / place.count;
  // a convolution with groups: its weight has the inputs of one of them
  const bool grouped = place.count != 0 && numbers % place.count == 0 && weight.shape.size() > 2;
  if (grouped && numbers != 0 && weight.rows() % (numbers / place.count) == 0) {
    place.groups = numbers / place.count;
    place.count = numbers;
  }
  return place;
}

std::string fault_of(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                     std::string_view name) {
  if (std::string lacking = lacking_factor(module, {name}); !lacking.empty()) return lacking;
  AdapterModule numbers_alone = module;  // on_input, a whole number, is among the module's numbers
  std::erase_if(numbers_alone.factors, [](const Factor& f) { return f.name == "on_input"; });
  if (std::string unfit = unfit_factor(adapter, numbers_alone); !unfit.empty()) return unfit;
  if (weight.experts != 1 || weight.is_embedding) return "IA3 of embeddings or experts is not known";
  const uint64_t numbers = factor_tensor(adapter, factor(module, name)).count;
  const Place where = place(module, weight, numbers);
  if (numbers == where.count) return {};
  const std::string_view of = weight.is_bias ? "the bias" : where.by_rows ? "the weight's rows" : "the weight's inputs";
  return sentence(name, " has ", counted(numbers, "number"), ", and there are ", where.count, " of ", of);
}

std::string fault_of_peft(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  return fault_of(adapter, module, weight, kOfPeft);
}

std::string fault_of_lycoris(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (weight.transposed) return "LyCORIS has no IA3 of transposed weights";
  return fault_of(adapter, module, weight, kOfLycoris);
}

class Scaled : public ModuleChange {
 public:
  Scaled(Place place, std::vector<float> factors, uint64_t rows, uint64_t columns)
      : place_(place), factors_(std::move(factors)), rows_(rows), columns_(columns) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    for (uint64_t i = 0; i < count; ++i) {
      const std::span<float> row = row_of(weight, i, columns_);
      if (place_.by_rows) {
        for (float& value : row) value *= factors_[first + i];
      } else {
        const uint64_t group = (first + i) / (rows_ / place_.groups);
        const float* factors = &factors_[group * (place_.count / place_.groups)];
        for (uint64_t k = 0; k < columns_; ++k) row[k] *= factors[k / place_.width];
      }
    }
  }
  uint64_t memory() const override { return sizeof(*this) + factors_.size() * sizeof(float); }

 private:
  Place place_;
  std::vector<float> factors_;
  uint64_t rows_, columns_;
};

uint64_t ia3_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& /*weight*/) {
  const std::string_view name = find_factor(module, kOfPeft) ? kOfPeft : kOfLycoris;
  return sizeof(Scaled) + factor_tensor(adapter, factor(module, name)).count * sizeof(float);
}

std::unique_ptr<ModuleChange> scaled(const AdapterModule& module, const ModuleWeight& weight,
                                     std::vector<float> factors) {
  const Place where = place(module, weight, factors.size());
  return std::make_unique<Scaled>(where, std::move(factors), weight.rows(), weight.is_bias ? 1 : weight.columns());
}

std::unique_ptr<ModuleChange> open_of_peft(const Adapter& adapter, const AdapterModule& module,
                                           const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  std::vector<float> factors = read_factor(adapter, factor(module, kOfPeft));
  for (float& value : factors) value = blended(1, double{value}, strength);
  return scaled(module, weight, std::move(factors));
}

std::unique_ptr<ModuleChange> open_of_lycoris(const Adapter& adapter, const AdapterModule& module,
                                              const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  std::vector<float> factors = read_factor(adapter, factor(module, kOfLycoris));
  for (float& value : factors) value = static_cast<float>(1 + strength * double{value});
  return scaled(module, weight, std::move(factors));
}

ChangedParts parts_of_peft(const Adapter& /*adapter*/, const AdapterModule& module) {
  return {.weight = true, .bias = !is_of_inputs(module)};
}

}  // namespace

const AdapterKind kIa3Kind = {.name = "IA3",
                              .adds = false,
                              .fault = fault_of_peft,
                              .memory = ia3_memory,
                              .open = open_of_peft,
                              .parts = parts_of_peft};
const AdapterKind kLycorisIa3Kind = {
    .name = "IA3 of LyCORIS", .adds = false, .fault = fault_of_lycoris, .memory = ia3_memory, .open = open_of_lycoris};

}  // namespace ckmerge
