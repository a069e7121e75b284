// SPDX-License-Identifier: Apache-2.0
// A number of a configuration for the tensors of one layer, or of none.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/mergekit/mergekit_methods.h"
#include "core/mergekit/mergekit_setting.h"

namespace ckmerge {

/// Tensors that are merged alike, whatever the rest of their names is.
struct LayerPlace {
  enum class Side : uint8_t { before, layer, behind };
  Side side = Side::before;
  std::string module = {};  ///< before layers: the module of the configuration that has names of its own; else empty
  std::string run = {};     ///< of a layer: prefix of its run, as the first model has it
  uint32_t layer = 0;

  bool is_layer() const { return side == Side::layer; }
  /// What names begin with, as far as it is known.
  std::string prefix() const { return is_layer() ? run + "." + std::to_string(layer) + "." : ""; }
  friend bool operator==(const LayerPlace&, const LayerPlace&) = default;
};

struct PlaceNumber {
  /// For names whose rest, behind the place's prefix, contains a text or begins with another; both empty: for all.
  struct Value {
    std::string contains = {};
    std::vector<std::string> begins = {};
    double number = 0;

    bool is_of_all() const { return contains.empty(); }
    bool fits(std::string_view rest) const;
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::string name = {};  ///< of the parameter
  MergekitKind kind = MergekitKind::number;
  /// The setting of which a value is.
  struct Given {
    YamlValue place = {};  ///< of its name
    bool is_gradient = false;
  };
  std::vector<Value> values = {};                ///< the first that fits holds
  std::vector<std::optional<Given>> given = {};  ///< by value; empty: it is the default

  /// Which of the values holds for a name whose rest may be written in one of these ways; values.size(): none.
  size_t value_for(std::span<const std::string> rests) const;
  bool is_constant() const { return values.size() == 1 && values[0].is_of_all(); }
};

/// The number of `parameter` for names that begin with one of `prefixes`, which are the same in other spellings, at
/// `t`: of the first of `scopes` that has one for a name, else the default; one that is required has none. Throws
/// Error(usage) for words that are none of its kind.
PlaceNumber place_number(const MergekitParameter& parameter, std::span<const MergekitSettings* const> scopes,
                         std::span<const std::string> prefixes, double t);

}  // namespace ckmerge
