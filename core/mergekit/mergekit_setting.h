// SPDX-License-Identifier: Apache-2.0
// What a configuration of mergekit gives for a parameter: a number or flag, a gradient over layers, or some of them for
// names in which a text is found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/text/yaml_value.h"

namespace ckmerge {

enum class MergekitKind : uint8_t { number, flag };

class MergekitSetting {
 public:
  /// Throws Error(usage) of `where` with line and column for what is no value, no gradient and no list of filters.
  MergekitSetting(const YamlValue& name, const YamlValue& value, const std::string& where);

  const std::string& name() const { return name_; }
  const YamlValue& place() const { return place_; }  ///< of the name

  /// A number, or 1 and 0, for names that contain `filter`; empty: for all.
  struct Value {
    std::string filter;
    double number = 0;
  };
  /// The values at `t`, from 0 at the first layer to 1 at the last; the first whose filter a name contains holds, and
  /// behind one without a filter there is none. Throws Error(usage) for words that are none of `kind`.
  std::vector<Value> at(double t, MergekitKind kind) const;
  /// A filter as it is written, and its place.
  struct Filter {
    std::string text;
    YamlValue place = {};  ///< line and column
  };
  /// Of all its values that have one.
  std::vector<Filter> filters() const;
  /// Whether a value is a gradient.
  bool has_gradient() const;

 private:
  struct Entry {
    std::string filter;
    std::vector<std::string> words;  // several: a gradient
    YamlValue place = {};            // of the filter
  };
  void add_entry(const YamlValue& entry);
  std::vector<std::string> words_of(const YamlValue& value) const;
  double number_of(const std::string& word, MergekitKind kind) const;

  std::string name_, where_;
  YamlValue place_;
  std::vector<Entry> entries_;
};

using MergekitSettings = std::vector<MergekitSetting>;

/// A map of names and values. Throws as the constructor.
MergekitSettings read_mergekit_settings(const YamlValue& map, const std::string& where);

}  // namespace ckmerge
