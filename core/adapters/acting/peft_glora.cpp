// SPDX-License-Identifier: Apache-2.0
// GLoRA as PEFT has it, which is not LyCORIS's: element by element W' = W + W A + B, and the bias b + b D + E. A and B
// are each a product (`.Xd` times `.Xu`), a number per output or one number (`.X`), or nothing (`.zeros`); D and E one
// of the latter three. C, which brings the weight into the bias, is refused where there is a bias. PEFT has no
// strengths for it; here they go from W to W'.
#include <algorithm>
#include <optional>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factor_product.h"
#include "core/adapters/kind_rows.h"

namespace ckmerge {
namespace {

struct Names {
  std::string down, up, numbers;
};

Names names(char path) {
  const std::string base = sentence("glora_", std::string_view(&path, 1));
  return {base + ".Xd", base + ".Xu", base + ".X"};
}

bool has_path(const AdapterModule& module, char path) {
  const Names name = names(path);
  return find_factor(module, name.down) || find_factor(module, name.up) || find_factor(module, name.numbers);
}

std::string path_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight, char path) {
  const Names name = names(path);
  if (!has_path(module, path)) return {};
  if (find_factor(module, name.numbers)) {
    const uint64_t count = factor_tensor(adapter, factor(module, name.numbers)).count;
    if (count == 1 || count == weight.rows()) return {};
    return misfit(name.numbers, count, "numbers", "rows of the weight", weight.rows());
  }
  if (std::string lacking = lacking_factor(module, {name.down, name.up}); !lacking.empty()) return lacking;
  const Shape down = factor_tensor(adapter, factor(module, name.down)).shape;
  const Shape up = factor_tensor(adapter, factor(module, name.up)).shape;
  if (columns_of(down) != rows_of(up)) return misfit(name.down, columns_of(down), "columns", name.up, rows_of(up));
  if (rows_of(down) != weight.rows()) return misfit(name.down, rows_of(down), "rows", "the weight", weight.rows());
  return columns_of(up) == weight.columns()
             ? ""
             : misfit(name.up, columns_of(up), "columns", "the weight", weight.columns());
}

std::string peft_glora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (weight.is_bias && has_path(module, 'C')) return "glora_C brings the weight into the bias, which is not computed";
  if (!weight.is_bias)
    if (std::string other = no_matrix(weight, "GLoRA"); !other.empty()) return other;
  for (const char path : {weight.is_bias ? 'D' : 'A', weight.is_bias ? 'E' : 'B'})
    if (std::string found = path_fault(adapter, module, weight, path); !found.empty()) return found;
  return {};
}

uint64_t peft_glora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  uint64_t sum = 2 * (weight.rows() + weight.columns()) * sizeof(float);
  for (const char path : {'A', 'B'}) {
    const Factor* const up = find_factor(module, names(path).up);
    if (up && !weight.is_bias)
      sum += FactorProduct::memory(weight.rows(), rows_of(factor_tensor(adapter, *up).shape), weight.columns());
  }
  return sum;
}

// One of the five.
class Path {
 public:
  Path(const Adapter& adapter, const AdapterModule& module, char path) {
    const Names name = names(path);
    if (find_factor(module, name.down))
      product_.emplace(read_matrix(adapter, factor(module, name.down)), read_matrix(adapter, factor(module, name.up)));
    else if (find_factor(module, name.numbers))
      numbers_ = read_factor(adapter, factor(module, name.numbers));
  }

  void read_row(uint64_t row, std::span<float> out) const {
    const float number = numbers_.empty() ? 0 : numbers_.size() == 1 ? numbers_.front() : numbers_[row];
    std::ranges::fill(out, number);
    if (product_) product_->add(row, 1, 1, out);
  }
  uint64_t memory() const { return (product_ ? product_->memory() : 0) + numbers_.size() * sizeof(float); }

 private:
  std::optional<FactorProduct> product_;
  std::vector<float> numbers_;
};

class ScaledAndMoved : public ModuleChange {
 public:
  ScaledAndMoved(Path scale, Path move, uint64_t columns, double strength)
      : scale_(std::move(scale)), move_(std::move(move)), columns_(columns), strength_(strength) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<float> scales(columns_), moves(columns_);
    for (uint64_t i = 0; i < count; ++i) {
      scale_.read_row(first + i, scales);
      move_.read_row(first + i, moves);
      const std::span<float> row = row_of(weight, i, columns_);
      for (size_t k = 0; k < row.size(); ++k) {
        const double old{row[k]};
        row[k] = static_cast<float>(old + strength_ * (old * double{scales[k]} + double{moves[k]}));
      }
    }
  }
  uint64_t memory() const override { return sizeof(*this) + scale_.memory() + move_.memory(); }

 private:
  Path scale_, move_;
  uint64_t columns_;
  double strength_;
};

std::unique_ptr<ModuleChange> open_peft_glora(const Adapter& adapter, const AdapterModule& module,
                                              const ModuleWeight& weight, double strength, const ReadRows& /*base*/) {
  return std::make_unique<ScaledAndMoved>(Path(adapter, module, weight.is_bias ? 'D' : 'A'),
                                          Path(adapter, module, weight.is_bias ? 'E' : 'B'),
                                          weight.is_bias ? 1 : weight.columns(), strength);
}

ChangedParts peft_glora_parts(const Adapter& /*adapter*/, const AdapterModule& module) {
  return {.weight = has_path(module, 'A') || has_path(module, 'B'),
          .bias = has_path(module, 'C') || has_path(module, 'D') || has_path(module, 'E')};
}

}  // namespace

const AdapterKind kGloraKind = {.name = "GLoRA",
                                .adds = false,
                                .fault = peft_glora_fault,
                                .memory = peft_glora_memory,
                                .open = open_peft_glora,
                                .parts = peft_glora_parts};

}  // namespace ckmerge
