// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/parameter_warnings.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/mergekit/mergekit_methods.h"
#include "core/names/near_name.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Scope = MergekitParameter::Scope;

// What mergekit does not look at where all elements are kept.
struct MuteParameter {
  std::string_view name, at_one;
};
constexpr std::array<MuteParameter, 2> kMute = {{{"gamma", "density"}, {"epsilon", "density"}}};

// It sets the memory of masks there, and no result.
constexpr std::string_view kMaskDtype = "int8_mask";

// A model with the settings that hold for it, those that count first.
struct SettledSource {
  const MergekitSource* source = nullptr;
  bool is_base = false;
  std::array<const MergekitSettings*, 4> levels = {};
};

std::vector<SettledSource> sources_of(const MergekitConfig& document) {
  std::vector<SettledSource> all;
  for (const MergekitModule& module : document.modules)
    for (const MergekitSlice& slice : module.slices)
      for (const MergekitSource& source : slice.sources)
        all.push_back({.source = &source,
                       .is_base = source.model == slice.base || source.model == document.base,
                       .levels = {&source.settings, &slice.settings, &module.settings, &document.settings}});
  return all;
}

// fn(settings) for all of a document.
template <typename Fn>
void for_each_settings(const MergekitConfig& document, const Fn& fn) {
  fn(document.settings);
  for (const MergekitModule& module : document.modules) {
    fn(module.settings);
    for (const MergekitSlice& slice : module.slices) {
      fn(slice.settings);
      for (const MergekitSource& source : slice.sources) fn(source.settings);
    }
  }
}

bool gives(const MergekitConfig& document, std::string_view name) {
  bool found = false;
  for_each_settings(document, [&](const MergekitSettings& settings) {
    for (const MergekitSetting& setting : settings) found = found || setting.name() == name;
  });
  return found;
}

class Judge {
 public:
  Judge(const MergekitFile& file, const MergekitConfig& document, std::vector<std::string>& warnings)
      : where_(file.where),
        method_(mergekit_method(document.method, document.method_place, file.where)),
        sources_(sources_of(document)),
        flattens_(!gives(document, "nuslerp_flatten")),
        warnings_(warnings) {}

  void judge(const MergekitSettings& settings) const {
    for (const MergekitSetting& setting : settings) {
      const MergekitParameter* const row = row_of(setting.name());
      const bool at_model =
          std::ranges::any_of(sources_, [&](const SettledSource& source) { return source.levels[0] == &settings; });
      if (!row)
        warn(setting, sentence("is none of ", method_.name, "'s parameters and changes nothing", near(setting.name())));
      else if (at_model && (row->scope == Scope::shared || row->name == kMaskDtype))
        warn(setting,
             sentence("is one for all models and changes nothing at one of them; mergekit does not look there, "
                      "so give it under the 'parameters' of all"));
      else if (row->scope == Scope::no_effect && row->name != kMaskDtype)
        warn(setting, sentence("changes nothing in ", method_.name, ", as in mergekit"));
      else if (row->scope == Scope::non_base && is_of_base(settings))
        warn(setting, "is given for the base, from which the others are seen, and changes nothing");
      else if (const std::string_view other = muted_by(setting.name(), settings); !other.empty())
        warn(setting, sentence("changes nothing where ", other, " is 1, as it is here"));
      else if (flattens_ && setting.name() == "nuslerp_row_wise")
        warn(setting, "changes nothing without 'nuslerp_flatten: false', in mergekit as here");
    }
  }

 private:
  const MergekitParameter* row_of(std::string_view name) const {
    const auto row = std::ranges::find(method_.parameters, name, &MergekitParameter::name);
    return row == method_.parameters.end() ? nullptr : &*row;
  }

  bool is_of_base(const MergekitSettings& settings) const {
    return method_.base != MergekitMethod::Base::counts &&
           std::ranges::any_of(
               sources_, [&](const SettledSource& source) { return source.is_base && source.levels[0] == &settings; });
  }

  // The parameter because of which that of this name has no effect on any model that `settings` hold for; empty: none.
  std::string_view muted_by(std::string_view name, const MergekitSettings& settings) const {
    const auto mute = std::ranges::find(kMute, name, &MuteParameter::name);
    if (mute == kMute.end() || !row_of(mute->at_one)) return {};
    const auto has_effect = [&](const SettledSource& source) {
      return !source.is_base && std::ranges::find(source.levels, &settings) != source.levels.end() &&
             !is_one(source, *row_of(mute->at_one));
    };
    return std::ranges::any_of(sources_, has_effect) ? std::string_view() : mute->at_one;
  }

  static bool is_one(const SettledSource& source, const MergekitParameter& parameter) {
    for (const MergekitSettings* const settings : source.levels) {
      const auto setting = std::ranges::find(*settings, parameter.name, &MergekitSetting::name);
      if (setting == settings->end()) continue;
      if (setting->has_gradient()) return false;
      const std::vector<MergekitSetting::Value> values = setting->at(0, parameter.kind);
      if (std::ranges::any_of(values, [](const auto& value) { return value.number != 1; })) return false;
      if (std::ranges::any_of(values, [](const auto& value) { return value.filter.empty(); })) return true;
    }
    return parameter.default_value == 1;
  }

  std::string near(const std::string& name) const {
    std::vector<std::string> known;
    for (const MergekitParameter& parameter : method_.parameters) known.emplace_back(parameter.name);
    const std::string found = nearest_name(name, known);
    return found.empty() ? "" : "; did you mean '" + found + "'?";
  }

  void warn(const MergekitSetting& setting, const std::string& what) const {
    warnings_.push_back(sentence(where_, ":", setting.place().line, ": '", valid_utf8(setting.name()), "' ", what));
  }

  const std::string& where_;
  const MergekitMethod& method_;
  const std::vector<SettledSource> sources_;
  const bool flattens_;
  std::vector<std::string>& warnings_;
};

}  // namespace

std::vector<std::string> parameter_warnings(const MergekitFile& file) {
  std::vector<std::string> warnings;
  for (const MergekitConfig& document : file.documents) {
    const Judge judge(file, document, warnings);
    for_each_settings(document, [&](const MergekitSettings& settings) { judge.judge(settings); });
  }
  return warnings;
}

}  // namespace ckmerge
