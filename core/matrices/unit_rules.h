// SPDX-License-Identifier: Apache-2.0
// Rules by which units of channels are found: names of their tensors, as data.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/matrices/permuted_units.h"

namespace ckmerge {

/// What says how many blocks a unit has.
enum class BlockCount : uint8_t {
  one,
  of_groups,           ///< of the normalisation behind it: 32 in all VAEs and UNets of Stable Diffusion
  of_cross_attention,  ///< by the width of the text that a UNet reads: 768 is SD 1 with 8 heads, others have 64 a head
  of_clip,             ///< 64 channels a head, in CLIP's four widths
  of_rotary,           ///< as the user says
};

struct RuledAxis {
  std::string_view name;  ///< behind the module's
  uint8_t axis = 0, part = 0;
  uint8_t share = 0, of = 1;  ///< which of so many equal shares of the axis
  bool optional = false;
};

struct UnitRule {
  std::string_view scope;  ///< with which the module's name ends; empty: whatever stands before the first tensor
  BlockCount count;
  std::vector<RuledAxis> axes;           ///< the first is the sign of the unit
  std::vector<std::string_view> beside;  ///< of the module, and not of its channels
  /// One of these is in the module's name; empty: any does. Where others call tensors so and connect them otherwise.
  std::vector<std::string_view> within = {};
};

std::span<const UnitRule> unit_rules();

}  // namespace ckmerge
