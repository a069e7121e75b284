// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/place_number.h"

#include <algorithm>

namespace ckmerge {
namespace {

// A filter is looked for in the whole name, of which `prefixes` are known: it may lie in one, or across its end.
PlaceNumber::Value value_behind(std::span<const std::string> prefixes, const MergekitSetting::Value& value) {
  PlaceNumber::Value out{.number = value.number};
  const std::string& filter = value.filter;
  const auto lies_in = [&](const std::string& prefix) { return prefix.find(filter) != prefix.npos; };
  if (filter.empty() || std::ranges::any_of(prefixes, lies_in)) return out;
  out.contains = filter;
  for (size_t k = 1; k < filter.size(); ++k)
    if (std::ranges::any_of(prefixes, [&](const auto& prefix) { return prefix.ends_with(filter.substr(0, k)); }))
      out.begins.push_back(filter.substr(k));
  return out;
}

}  // namespace

bool PlaceNumber::Value::fits(std::string_view rest) const {
  return contains.empty() || rest.find(contains) != rest.npos ||
         std::ranges::any_of(begins, [&](const std::string& begin) { return rest.starts_with(begin); });
}

size_t PlaceNumber::value_for(std::span<const std::string> rests) const {
  const auto found = std::ranges::find_if(values, [&](const Value& value) {
    return std::ranges::any_of(rests, [&](const std::string& rest) { return value.fits(rest); });
  });
  return static_cast<size_t>(found - values.begin());
}

PlaceNumber place_number(const MergekitParameter& parameter, std::span<const MergekitSettings* const> scopes,
                         std::span<const std::string> prefixes, double t) {
  PlaceNumber out{.name = std::string(parameter.name), .kind = parameter.kind};
  for (const MergekitSettings* const scope : scopes) {
    const auto setting = std::ranges::find(*scope, parameter.name, &MergekitSetting::name);
    if (setting == scope->end()) continue;
    for (const MergekitSetting::Value& value : setting->at(t, parameter.kind)) {
      out.values.push_back(value_behind(prefixes, value));
      out.given.push_back(PlaceNumber::Given{.place = setting->place(), .is_gradient = setting->has_gradient()});
      if (out.values.back().is_of_all()) return out;
    }
  }
  if (parameter.is_required) return out;
  out.values.push_back({.number = parameter.default_value});
  out.given.emplace_back();
  return out;
}

}  // namespace ckmerge
