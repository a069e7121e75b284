// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/permuted_units.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/matrices/unit_rules.h"

namespace ckmerge {
namespace {

// Of CLIP's text encoders and of UNets that read texts of more than 768 channels.
constexpr uint64_t kHeadChannels = 64;

class UnitFinder {
 public:
  UnitFinder(const TensorTable& tensors, const TensorTable& others, uint64_t head_channels)
      : tensors_(tensors), others_(others), head_channels_(head_channels) {}

  // The unit of `rule` whose first tensor is in `row`.
  std::optional<PermutedUnit> unit(const UnitRule& rule, size_t row) const {
    const std::string_view name = tensors_.name(row), sign = rule.axes[0].name;
    const std::string module(name.substr(0, name.size() - sign.size()));
    if (!knows_all(rule, module)) return std::nullopt;
    PermutedUnit unit;
    for (const RuledAxis& axis : rule.axes)
      if (!add(unit, axis, module)) return std::nullopt;
    if (!set_blocks(unit, rule.count, module)) return std::nullopt;
    return unit;
  }

  static bool has_sign(const UnitRule& rule, std::string_view name) {
    const std::string_view sign = rule.axes[0].name;
    if (!name.ends_with(sign)) return false;
    name.remove_suffix(sign.size());
    if (!name.ends_with(rule.scope)) return false;
    name.remove_suffix(rule.scope.size());
    const auto holds = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
    return (name.empty() || name.ends_with('.')) && (rule.within.empty() || std::ranges::any_of(rule.within, holds));
  }

 private:
  // Another tensor of the module might have these channels, too.
  bool knows_all(const UnitRule& rule, const std::string& module) const {
    for (const TensorTable* const table : {&tensors_, &others_}) {
      for (size_t row = first_of(*table, module); row < table->size() && table->name(row).starts_with(module); ++row) {
        const std::string_view rest = table->name(row).substr(module.size());
        if (std::ranges::find(rule.beside, rest) == rule.beside.end() &&
            std::ranges::find(rule.axes, rest, &RuledAxis::name) == rule.axes.end())
          return false;
      }
    }
    return true;
  }

  static size_t first_of(const TensorTable& table, std::string_view beginning) {
    size_t first = 0, end = table.size();
    while (first < end) {
      const size_t middle = first + (end - first) / 2;
      (table.name(middle) < beginning ? first : end) = table.name(middle) < beginning ? middle + 1 : middle;
    }
    return first;
  }

  bool add(PermutedUnit& unit, const RuledAxis& axis, const std::string& module) const {
    const std::string name = module + std::string(axis.name);
    const size_t row = tensors_.find(name), other = others_.find(name);
    if (row == TensorTable::npos || other == TensorTable::npos)
      return axis.optional && row == TensorTable::npos && other == TensorTable::npos;
    const Tensor tensor = tensors_[row];
    if (!is_real(tensor.dtype) || !is_real(others_[other].dtype) ||
        !std::ranges::equal(tensor.shape, others_[other].shape) || axis.axis >= tensor.shape.size() ||
        tensor.count == 0 || tensor.shape[axis.axis] % axis.of != 0)
      return false;
    const uint64_t count = tensor.shape[axis.axis] / axis.of;
    uint64_t& extent = unit.extents[axis.part];
    if (extent == 0) extent = count;
    unit.windows.push_back({static_cast<uint32_t>(row), axis.axis, axis.part, axis.share * count});
    return extent == count;
  }

  bool set_blocks(PermutedUnit& unit, BlockCount count, const std::string& module) const {
    switch (count) {
      case BlockCount::one: unit.blocks = 1; break;
      case BlockCount::of_groups: unit.blocks = 32; break;
      case BlockCount::of_cross_attention: unit.blocks = blocks_of_attention(unit, module); break;
      case BlockCount::of_clip:
        unit.blocks = is_clip_width(unit.extents[0]) ? unit.extents[0] / kHeadChannels : 0;
        break;
      case BlockCount::of_rotary: return set_rotary(unit, module);
    }
    const auto is_divided = [&](uint64_t extent) { return extent % unit.blocks == 0; };
    return unit.blocks > 0 && std::ranges::all_of(unit.extents, is_divided);
  }

  static bool is_clip_width(uint64_t channels) {
    return channels == 512 || channels == 768 || channels == 1024 || channels == 1280;
  }

  uint64_t blocks_of_attention(const PermutedUnit& unit, const std::string& module) const {
    if (tensors_.find(module + "group_norm.weight") != TensorTable::npos) return 1;  // of a VAE
    if (!module.ends_with(".attn1.") && !module.ends_with(".attn2.")) return 0;
    const size_t row = tensors_.find(module.substr(0, module.size() - 6) + "attn2.to_k.weight");
    if (row == TensorTable::npos || tensors_[row].shape.size() != 2) return 0;
    const uint64_t text = tensors_[row].shape[1];
    if (text == 768) return 8;
    return text == 1024 || text == 1280 || text == 2048 ? unit.extents[0] / kHeadChannels : 0;
  }

  bool set_rotary(PermutedUnit& unit, const std::string& module) const {
    const auto [queries, keys, values, outputs] = unit.extents;
    if (head_channels_ == 0 || queries % head_channels_ != 0 || keys % head_channels_ != 0 || keys != values ||
        queries != outputs || queries % keys != 0)
      return false;
    for (const char* const norm : {"q_norm.weight", "k_norm.weight"})  // of a head, the same for all
      if (const size_t row = tensors_.find(module + norm);
          row != TensorTable::npos && tensors_[row].count != head_channels_)
        return false;
    unit.arrangement = Arrangement::rotary;
    unit.blocks = keys / head_channels_;
    unit.head_channels = head_channels_;
    return true;
  }

  const TensorTable& tensors_;
  const TensorTable& others_;
  uint64_t head_channels_;
};

}  // namespace

std::vector<PermutedUnit> permuted_units(const TensorTable& tensors, const TensorTable& others,
                                         uint64_t head_channels) {
  const UnitFinder finder(tensors, others, head_channels);
  std::vector<PermutedUnit> units;
  for (size_t row = 0; row < tensors.size(); ++row)
    for (const UnitRule& rule : unit_rules()) {
      if (!UnitFinder::has_sign(rule, tensors.name(row))) continue;
      std::optional<PermutedUnit> unit = finder.unit(rule, row);
      if (!unit) continue;
      units.push_back(std::move(*unit));
      break;
    }
  return units;
}

}  // namespace ckmerge
