// SPDX-License-Identifier: Apache-2.0
// DoRA: a weight V = W + what another kind adds, whose rows (or columns) are brought to the lengths that the adapter
// has, W' = m V / |V|. Read in three ways, which agree at strength 1 but for the weights that are measured:
// - PEFT's `lora_magnitude_vector`: one length per output; the strength is inside of V.
// - LyCORIS's `dora_scale`: one per output (out, 1..), or per input (1, in, 1..), whose |V| is over all other axes and
//   has f32's epsilon added; V has all of what is added, and V (1 + strength (m / |V| - 1)) is the result.
// - ComfyUI's of the same tensor, where it is asked for: per output it measures W, not V; W + strength (W' - W).
// Lengths are sums of squares in f64 in one order (row_sums.h; down a column row by row), V and products f32.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/acting/all_rows.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "core/adapters/turning/row_sums.h"
#include "core/layouts/reshaping.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kOfPeft = "lora_magnitude_vector", kOfLycoris = "dora_scale";
constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

enum class Reading : uint8_t { peft, lycoris, comfy };

Reading reading(const AdapterModule& module) {
  if (find_factor(module, kOfPeft)) return Reading::peft;
  return has_flag(module, "dora_comfy") ? Reading::comfy : Reading::lycoris;
}

const Factor& magnitude(const AdapterModule& module) {
  return factor(module, find_factor(module, kOfPeft) ? kOfPeft : kOfLycoris);
}

AdapterModule without_magnitude(const AdapterModule& module, const AdapterKind& kind) {
  AdapterModule plain = module;
  std::erase_if(plain.factors, [](const Factor& f) { return f.name == kOfPeft || f.name == kOfLycoris; });
  plain.kind = &kind;
  return plain;
}

// Which elements of a weight a length is about: those of a row, or `width` neighbours in every row.
struct Axis {
  bool by_rows = true;
  uint64_t width = 1, lengths = 0;
};

Axis axis_of(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const Shape shape = factor_tensor(adapter, magnitude(module)).shape;
  if (reading(module) == Reading::peft) {
    const bool by_rows = !weight.is_embedding && !weight.transposed;
    return {.by_rows = by_rows, .lengths = by_rows ? weight.rows() : weight.columns()};
  }
  if (rows_of(shape) == weight.rows() && columns_of(shape) == 1) return {.lengths = weight.rows()};
  return {
      .by_rows = false, .width = weight.columns() / std::max<uint64_t>(1, weight.shape[1]), .lengths = weight.shape[1]};
}

template <const AdapterKind& plain>
std::string dora_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const bool of_peft = find_factor(module, kOfPeft), of_lycoris = find_factor(module, kOfLycoris);
  if (of_peft == of_lycoris) return sentence("it has not one of ", kOfPeft, " and ", kOfLycoris);
  if (of_peft && has_flag(module, "dora_comfy"))
    return sentence("ComfyUI takes no DoRA from ", kOfPeft, ", so that there is no such reading of it");
  if (weight.experts != 1) return "DoRA of experts is not known";
  if (!weight.is_bias) {
    if (weight.shape.size() < 2) return "DoRA is of matrices, and this weight is none";
    if (of_lycoris && (weight.transposed || weight.is_embedding))
      return sentence(kOfLycoris, " of an embedding or a transposed weight is not known");
    const Tensor tensor = factor_tensor(adapter, magnitude(module));
    const Axis axis = axis_of(adapter, module, weight);
    if (tensor.count != axis.lengths)
      return sentence(tensor.name.substr(tensor.name.size() - magnitude(module).name.size()), " has the shape ",
                      shape_text(tensor.shape), ", the weight ", shape_text(weight.shape));
  }
  return plain.fault(adapter, without_magnitude(module, plain), weight);
}

// What a row or column is multiplied by. One of nothing but zeros has no direction, and stays.
double multiplier(Reading reading, double magnitude, double length, double strength) {
  if (reading == Reading::peft) return length == 0 ? 1 : magnitude / length;
  const double whole = magnitude / (length + kEpsilon);
  return reading == Reading::comfy ? whole : 1 + strength * (whole - 1);
}

class Dora : public ModuleChange {
 public:
  Dora(Reading reading, Axis axis, std::unique_ptr<ModuleChange> added, std::vector<float> magnitudes, uint64_t columns,
       double strength)
      : reading_(reading),
        axis_(axis),
        added_(std::move(added)),
        multipliers_(std::move(magnitudes)),
        columns_(columns),
        strength_(strength) {}

  // Makes multipliers of the magnitudes, where columns are measured.
  void measure_columns(const ModuleWeight& weight, const ReadRows& base) {
    std::vector<double> sums(axis_.lengths);
    AllRows(weight, base, added_->row_group()).visit_parts([&](uint64_t first, uint64_t count, std::span<float> v) {
      added_->apply(first, count, v);
      for (uint64_t row = 0; row < count; ++row)
        for (uint64_t k = 0; k < columns_; ++k) {
          const double value{v[row * columns_ + k]};
          sums[k / axis_.width] += value * value;
        }
    });
    for (size_t i = 0; i < sums.size(); ++i)
      multipliers_[i] =
          static_cast<float>(multiplier(reading_, double{multipliers_[i]}, std::sqrt(sums[i]), strength_));
  }

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    const bool is_mixed = reading_ == Reading::comfy && strength_ != 1;
    std::vector<float> old(is_mixed ? weight.size() : 0);
    std::copy_n(weight.begin(), old.size(), old.begin());
    std::vector<double> lengths(axis_.by_rows ? count : 0);
    if (reading_ == Reading::comfy) measure_rows(weight, lengths);
    added_->apply(first, count, weight);
    if (reading_ != Reading::comfy) measure_rows(weight, lengths);
    for (uint64_t i = 0; i < count; ++i) {
      const std::span<float> row = row_of(weight, i, columns_);
      if (axis_.by_rows)
        multiply(row, multiplier(reading_, double{multipliers_[first + i]}, lengths[i], strength_));
      else
        for (uint64_t k = 0; k < columns_; ++k) row[k] *= multipliers_[k / axis_.width];
    }
    for (size_t i = 0; i < old.size(); ++i) weight[i] = blended(old[i], double{weight[i]}, strength_);
  }

  uint64_t row_group() const override { return added_->row_group(); }
  uint64_t memory() const override { return sizeof(*this) + added_->memory() + multipliers_.size() * sizeof(float); }

 private:
  void measure_rows(std::span<float> weight, std::span<double> lengths) const {
    for (size_t i = 0; i < lengths.size(); ++i) lengths[i] = norm(std::span<const float>(row_of(weight, i, columns_)));
  }
  static void multiply(std::span<float> row, double by) {
    const auto factor = static_cast<float>(by);
    for (float& value : row) value *= factor;
  }

  Reading reading_;
  Axis axis_;
  std::unique_ptr<ModuleChange> added_;
  std::vector<float> multipliers_;  // by rows: the magnitudes
  uint64_t columns_;
  double strength_;
};

template <const AdapterKind& plain>
uint64_t dora_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t added = plain.memory(adapter, without_magnitude(module, plain), weight);
  if (weight.is_bias) return added;
  const Axis axis = axis_of(adapter, module, weight);
  const uint64_t measured = axis.by_rows ? 0 : axis.lengths * sizeof(double) + AllRows::memory(weight);
  return sizeof(Dora) + added + axis.lengths * sizeof(float) + measured;
}

template <const AdapterKind& plain>
std::unique_ptr<ModuleChange> open_dora(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& base) {
  const AdapterModule added = without_magnitude(module, plain);
  if (weight.is_bias) return plain.open(adapter, added, weight, strength, base);
  const Reading how = reading(module);
  const Axis axis = axis_of(adapter, module, weight);
  auto result =
      std::make_unique<Dora>(how, axis, plain.open(adapter, added, weight, how == Reading::peft ? strength : 1, base),
                             read_factor(adapter, magnitude(module)), weight.columns(), strength);
  if (!axis.by_rows) result->measure_columns(weight, base);
  return result;
}

template <const AdapterKind& plain>
ChangedParts dora_parts(const Adapter& adapter, const AdapterModule& module) {
  return plain.parts ? plain.parts(adapter, without_magnitude(module, plain)) : ChangedParts{};
}

template <const AdapterKind& plain>
constexpr AdapterKind dora_of(std::string_view name) {
  return {.name = name,
          .adds = false,
          .fault = dora_fault<plain>,
          .memory = dora_memory<plain>,
          .open = open_dora<plain>,
          .parts = dora_parts<plain>};
}

}  // namespace

const AdapterKind kLoraWithDoraKind = dora_of<kLoraKind>("LoRA with DoRA");
const AdapterKind kLohaWithDoraKind = dora_of<kLohaKind>("LoHa with DoRA");
const AdapterKind kLokrWithDoraKind = dora_of<kLokrKind>("LoKr with DoRA");

}  // namespace ckmerge
