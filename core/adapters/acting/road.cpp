// SPDX-License-Identifier: Apache-2.0
// RoAd: outputs are turned and scaled in pairs, W' = R W and b' = R b. A pair is an output of the first half of a group
// and its partner in the second; each output has alpha cos(theta) of itself and -/+ alpha sin(theta) of its partner.
// The number of angles tells the variant: half as many as outputs (both of a pair share one), as many, or twice as many
// (one for itself, one for its partner). PEFT has no strengths for it; here they go from W to W'.
#include <cmath>

#include "core/adapters/acting/acting_row.h"
#include "core/adapters/factors.h"
#include "core/adapters/kind_rows.h"
#include "io/text/error.h"
#include "kernels/math.h"

namespace ckmerge {
namespace {

uint64_t group_size(const AdapterModule& module) {
  const double size = number_or(module, "group_size", 64);
  return size >= 2 && size < 0x1p32 ? static_cast<uint64_t>(size) : 0;
}

std::string road_fault(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  if (std::string lacking = lacking_factor(module, {"road_theta", "road_alpha"}); !lacking.empty()) return lacking;
  if (std::string unfit = unfit_factor(adapter, module); !unfit.empty()) return unfit;
  if (!weight.is_bias)
    if (std::string other = no_matrix(weight, "RoAd"); !other.empty()) return other;
  const uint64_t angles = factor_tensor(adapter, factor(module, "road_theta")).count;
  const uint64_t scales = factor_tensor(adapter, factor(module, "road_alpha")).count, rows = weight.rows();
  const uint64_t group = group_size(module);
  if (group == 0 || group % 2 != 0 || rows % group != 0)
    return sentence("group_size is ", number_text(number_or(module, "group_size", 64)), ", by which ", rows,
                    " outputs do not fall into halves of groups");
  if (angles != rows / 2 && angles != rows && angles != 2 * rows)
    return misfit("road_theta", angles, "angles", "outputs of the layer", rows);
  return scales == angles ? "" : misfit("road_alpha", scales, "numbers", "road_theta", angles);
}

uint64_t road_memory(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight) {
  const uint64_t angles = factor_tensor(adapter, factor(module, "road_theta")).count;
  return 2 * (angles + weight.rows()) * sizeof(double) + grouped_rows(group_size(module), weight);
}

// What an output has of itself and of its partner.
struct Turn {
  double own, other;
};

class Pairs : public ModuleChange {
 public:
  Pairs(std::vector<Turn> turns, uint64_t group, uint64_t columns, double strength)
      : turns_(std::move(turns)), group_(group), columns_(columns), strength_(strength) {}

  void apply(uint64_t first, uint64_t count, std::span<float> weight) const override {
    const uint64_t half = group_ / 2;
    for (uint64_t begin = 0; begin < count; begin += group_)
      for (uint64_t i = begin; i < begin + half; ++i) {
        const Turn upper = turns_[first + i], lower = turns_[first + i + half];
        const std::span<float> x = row_of(weight, i, columns_), y = row_of(weight, i + half, columns_);
        for (uint64_t k = 0; k < columns_; ++k) {
          const double a{x[k]}, b{y[k]};
          x[k] = blended(x[k], a * upper.own - b * upper.other, strength_);
          y[k] = blended(y[k], b * lower.own + a * lower.other, strength_);
        }
      }
  }
  uint64_t row_group() const override { return group_; }
  uint64_t memory() const override { return sizeof(*this) + turns_.size() * sizeof(Turn); }

 private:
  std::vector<Turn> turns_;
  uint64_t group_, columns_;
  double strength_;
};

// Where the angles of output `row` are among `angles`.
struct Places {
  uint64_t own, other;
};

Places places(uint64_t row, uint64_t rows, uint64_t group, uint64_t angles) {
  const uint64_t begin = row / group, within = row % group;
  if (angles == rows) return {row, row};
  if (angles < rows) return {begin * (group / 2) + within % (group / 2), begin * (group / 2) + within % (group / 2)};
  return {2 * begin * group + within, (2 * begin + 1) * group + within};
}

std::unique_ptr<ModuleChange> open_road(const Adapter& adapter, const AdapterModule& module, const ModuleWeight& weight,
                                        double strength, const ReadRows& /*base*/) {
  const std::vector<float> angles = read_factor(adapter, factor(module, "road_theta"));
  const std::vector<float> scales = read_factor(adapter, factor(module, "road_alpha"));
  const uint64_t rows = weight.rows(), group = group_size(module);
  std::vector<Turn> turns(rows);
  for (uint64_t row = 0; row < rows; ++row) {
    const Places at = places(row, rows, group, angles.size());
    turns[row] = {double{scales[at.own]} * math::cos(double{angles[at.own]}),
                  double{scales[at.other]} * math::sin(double{angles[at.other]})};
    if (!std::isfinite(turns[row].own) || !std::isfinite(turns[row].other))
      throw Error(ErrorCode::malformed, adapter.file.path,
                  sentence(adapter.file.path, ": an angle of road_theta of module '", module.name,
                           "' is beyond a million, where its sine means nothing: train or save it anew"));
  }
  return std::make_unique<Pairs>(std::move(turns), group, weight.is_bias ? 1 : weight.columns(), strength);
}

ChangedParts road_parts(const Adapter& /*adapter*/, const AdapterModule& /*module*/) {
  return {.weight = true, .bias = true};
}

}  // namespace

const AdapterKind kRoadKind = {
    .name = "RoAd", .adds = false, .fault = road_fault, .memory = road_memory, .open = open_road, .parts = road_parts};

}  // namespace ckmerge
