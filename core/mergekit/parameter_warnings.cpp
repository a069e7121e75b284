// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/parameter_warnings.h"

#include <algorithm>

#include "core/mergekit/mergekit_methods.h"
#include "core/names/near_name.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

class Judge {
 public:
  Judge(const MergekitFile& file, const MergekitConfig& document, std::vector<std::string>& warnings)
      : where_(file.where),
        method_(mergekit_method(document.method, document.method_place, file.where)),
        warnings_(warnings) {}

  void judge(const MergekitSettings& settings, bool at_model) const {
    for (const MergekitSetting& setting : settings) {
      const auto row = std::ranges::find(method_.parameters, setting.name(), &MergekitParameter::name);
      if (row == method_.parameters.end())
        warn(setting, sentence("is none of ", method_.name, "'s parameters and changes nothing", near(setting.name())));
      else if (at_model && row->scope == MergekitParameter::Scope::shared)
        warn(setting,
             sentence("is one for all models and changes nothing at one of them; mergekit does not look there, "
                      "so give it under the 'parameters' of all"));
    }
  }

 private:
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
  std::vector<std::string>& warnings_;
};

}  // namespace

std::vector<std::string> parameter_warnings(const MergekitFile& file) {
  std::vector<std::string> warnings;
  for (const MergekitConfig& document : file.documents) {
    const Judge judge(file, document, warnings);
    judge.judge(document.settings, false);
    for (const MergekitModule& module : document.modules) {
      judge.judge(module.settings, false);
      for (const MergekitSlice& slice : module.slices) {
        judge.judge(slice.settings, false);
        for (const MergekitSource& source : slice.sources) judge.judge(source.settings, true);
      }
    }
  }
  return warnings;
}

}  // namespace ckmerge
