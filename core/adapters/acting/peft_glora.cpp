// SPDX-License-Identifier: Apache-2.0
// GLoRA as PEFT has it, which is not LyCORIS's: element by element W' = W + W A + B, and the bias b + b D + E + W C. A
// and B are each a product (`.Xd` times `.Xu`), a number per output or one number (`.X`), or nothing (`.zeros`); D and
// E one of the latter three. C is a column, a number per input or a product, by which the weight as it was comes into
// the bias. PEFT has no strengths for it; here they go from W to W'.
#include <algorithm>
#include <optional>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/all_rows.h"
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

// As path_fault(), of C, which has a number for each column.
std::string column_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Names name = names('C');
  if (!has_path(module, 'C')) return {};
  const bool is_product = !find_factor(module, name.numbers);
  if (is_product)
    if (std::string lacking = lacking_factor(module, {name.down, name.up}); !lacking.empty()) return lacking;
  const Shape down = factor_tensor(adapter, factor(module, is_product ? name.down : name.numbers)).shape;
  if (rows_of(down) != weight.columns())
    return misfit(is_product ? name.down : name.numbers, rows_of(down), "rows", "the weight's inputs are",
                  weight.columns());
  if (!is_product) return columns_of(down) == 1 ? "" : sentence(name.numbers, " is no column of numbers");
  const Shape up = factor_tensor(adapter, factor(module, name.up)).shape;
  if (columns_of(up) != 1) return sentence(name.up, " has ", columns_of(up), " columns, where one is meant");
  return columns_of(down) == rows_of(up) ? "" : misfit(name.down, columns_of(down), "columns", name.up, rows_of(up));
}

std::string peft_glora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (!weight.is_bias) {
    if (std::string other = no_matrix(weight, "GLoRA"); !other.empty()) return other;
    if (std::string found = column_fault(adapter, module, weight); !found.empty()) return found;
  }
  for (const char path : {weight.is_bias ? 'D' : 'A', weight.is_bias ? 'E' : 'B'})
    if (std::string found = path_fault(adapter, module, weight, path); !found.empty()) return found;
  return {};
}

// The weight that C brings into a bias of so many rows.
ModuleWeight seen_weight(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& bias) {
  const Names name = names('C');
  const Factor& column = factor(module, find_factor(module, name.numbers) ? name.numbers : name.down);
  return {.shape = {bias.rows(), rows_of(factor_tensor(adapter, column).shape)}};
}

uint64_t bias_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& bias) {
  const uint64_t own = 4 * bias.rows() * sizeof(float);
  if (!has_path(module, 'C')) return own;
  const ModuleWeight seen = seen_weight(adapter, module, bias);
  const Factor* const down = find_factor(module, names('C').down);
  const uint64_t read = down ? factor_tensor(adapter, *down).count * sizeof(float) : 0;
  return own + AllRows::memory(seen) + read + (bias.rows() + seen.columns()) * (sizeof(double) + sizeof(float));
}

uint64_t peft_glora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (weight.is_bias) return bias_memory(adapter, module, weight);
  uint64_t sum = 2 * (weight.rows() + weight.columns()) * sizeof(float);
  for (const char path : {'A', 'B'})
    if (const Factor* const up = find_factor(module, names(path).up))
      sum += FactorProduct::memory(weight.rows(), rows_of(factor_tensor(adapter, *up).shape), weight.columns());
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
  /// `further`: what is added to each row besides; empty: nothing.
  ScaledAndMoved(Path scale, Path move, std::vector<double> further, uint64_t columns, double strength)
      : scale_(std::move(scale)),
        move_(std::move(move)),
        further_(std::move(further)),
        columns_(columns),
        strength_(strength) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    std::vector<float> scales(columns_), moves(columns_);
    for (uint64_t i = 0; i < count; ++i) {
      scale_.read_row(first + i, scales);
      move_.read_row(first + i, moves);
      const std::span<float> row = row_of(weight, i, columns_);
      const double further = further_.empty() ? 0 : further_[first + i];
      for (size_t k = 0; k < row.size(); ++k) {
        const double old{row[k]};
        row[k] = static_cast<float>(old + strength_ * (old * double{scales[k]} + double{moves[k]} + further));
      }
    }
  }
  uint64_t memory() const override {
    return sizeof(*this) + scale_.memory() + move_.memory() + further_.size() * sizeof(double);
  }

 private:
  Path scale_, move_;
  std::vector<double> further_;
  uint64_t columns_;
  double strength_;
};

std::vector<double> read_column(const Adapter& adapter, const AdapterModule& module) {
  const Names name = names('C');
  if (const Factor* const numbers = find_factor(module, name.numbers)) {
    const std::vector<float> values = read_factor(adapter, *numbers);
    return {values.begin(), values.end()};
  }
  const FactorMatrix down = read_matrix(adapter, factor(module, name.down));
  const std::vector<float> up = read_factor(adapter, factor(module, name.up));
  std::vector<double> column(down.rows);
  for (uint64_t i = 0; i < down.rows; ++i)
    for (uint64_t k = 0; k < down.columns; ++k) column[i] += double{down.row(i)[k]} * double{up[k]};
  return column;
}

// W C, in f64 and in order.
std::vector<double> weight_in_bias(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& bias,
                                   const ReadRows& weight) {
  if (!has_path(module, 'C')) return {};
  const std::vector<double> column = read_column(adapter, module);
  std::vector<double> sums(bias.rows());
  AllRows(seen_weight(adapter, module, bias), weight).visit([&](uint64_t row, std::span<const float> values) {
    for (size_t j = 0; j < values.size(); ++j) sums[row] += double{values[j]} * column[j];
  });
  return sums;
}

std::unique_ptr<ModuleChange> open_peft_glora(const Adapter& adapter, const AdapterModule& module,
                                              const ModuleWeight& weight, double strength, const ReadRows& base) {
  if (!weight.is_bias)
    return std::make_unique<ScaledAndMoved>(Path(adapter, module, 'A'), Path(adapter, module, 'B'),
                                            std::vector<double>(), weight.columns(), strength);
  return std::make_unique<ScaledAndMoved>(Path(adapter, module, 'D'), Path(adapter, module, 'E'),
                                          weight_in_bias(adapter, module, weight, base), 1, strength);
}

// C looks at the weight, which is therefore found even where nothing changes it.
ChangedParts peft_glora_parts(const Adapter& /*adapter*/, const AdapterModule& module) {
  return {.weight = has_path(module, 'A') || has_path(module, 'B') || has_path(module, 'C'),
          .bias = has_path(module, 'C') || has_path(module, 'D') || has_path(module, 'E')};
}

}  // namespace

const AdapterKind kGloraKind = {.name = "GLoRA",
                                .adds = false,
                                .bias_sees_weight = true,
                                .fault = peft_glora_fault,
                                .memory = peft_glora_memory,
                                .open = open_peft_glora,
                                .parts = peft_glora_parts};

}  // namespace ckmerge
