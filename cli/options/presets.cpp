// SPDX-License-Identifier: Apache-2.0
#include "cli/options/presets.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/options/method_options.h"
#include "cli/options/numbers.h"
#include "cli/options/option_table.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

struct Preset {
  std::string name;
  std::vector<std::string> words;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      // AUTOMATIC1111's merger tab: only names that hold "model" are merged, what B lacks stays A's, M is 0.3.
      {"a1111",
       {"--alpha", "0.3", "--only", "model", "--missing", "keep", "--extra", "drop", "--expand", "copy", "--metadata",
        "last", "--merge-buffers"}},
      // ArtVenture's AVCheckpointMerge: w1 * A + w2 * B over the diffusion model; what B lacks is zero.
      {"artventure",
       {"--method", "linear", "--weights", "1,1", "--no-normalize", "--only", R"(^model\.diffusion_model\.)",
        "--missing", "zero", "--extra", "drop", "--expand", "zero", "--merge-buffers"}},
  };
  return all;
}

// `--param weights=...` gives weights as well as --weights does, and `--param t=...` what --alpha is to slerp.
bool is_given_as_parameter(const GivenOptions& given, const ParameterSpec& parameter) {
  const auto names_it = [&](const std::string& pair) {
    const std::string name = pair.substr(0, pair.find('='));
    return name == parameter.name || name == parameter.option_name();
  };
  return std::ranges::any_of(std::array{"param", "sweep"}, [&](const char* option) {
    const auto pairs = given.find(option);
    return pairs != given.end() && std::ranges::any_of(pairs->second, names_it);
  });
}

// A parameter of a set is a default for the methods that have it.
bool is_wanted(const GivenOptions& given, const OptionSpec& option) {
  if (given.contains(option.name) || (given.contains("formula") && option.says_what_is_computed())) return false;
  if (!option.of_method) return true;
  const auto method = given.find("method");
  const ParameterSpec* const parameter =
      parameter_of_option(method == given.end() ? Recipe().method : method->second[0], option.name);
  return parameter && !is_given_as_parameter(given, *parameter);
}

void append_words(std::vector<std::string>& words, const OptionSpec& option, const std::vector<std::string>& texts) {
  if (!option.takes_value()) return words.push_back((texts[0] == "true" ? "--" : "--no-") + option.name);
  for (const std::string& text : texts) words.insert(words.end(), {"--" + option.name, text});
}

const Preset& preset_called(const std::string& name) {
  const auto found = std::ranges::find(presets(), name, &Preset::name);
  if (found != presets().end()) return *found;
  const std::string near = did_you_mean(name, preset_names());
  throw Error(
      ErrorCode::usage, "--like",
      "--like: '" + name + "' is unknown" + (near.empty() ? "; the sets are " + joined(preset_names(), ", ") : near));
}

}  // namespace

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) names.emplace_back(preset.name);
  return names;
}

std::vector<std::string> apply_preset(Command command, GivenOptions& given) {
  const auto name = given.find("like");
  if (name == given.end()) return {};
  const GivenOptions set = parse_command_line(command, preset_called(name->second[0]).words).options;
  std::vector<std::string> effective;
  const std::vector<OptionSpec> options = options_of(command);
  // The method first: which parameters are wanted depends on it.
  for (const bool of_method : {false, true})
    for (const OptionSpec& option : options)
      if (option.of_method == of_method && set.contains(option.name) && is_wanted(given, option)) {
        given[option.name] = set.at(option.name);
        append_words(effective, option, set.at(option.name));
      }
  return effective;
}

std::vector<std::string> preset_warnings(const std::string& name, const Recipe& recipe) {
  std::vector<std::string> warnings;
  const auto weights = recipe.parameters.find("weights");
  if (name != "artventure" || weights == recipe.parameters.end()) return warnings;
  for (const double weight : weights->second)
    if (std::fabs(weight) > 1)
      warnings.push_back("weight " + number_text(weight) + " is outside of ArtVenture's range, -1 to 1");
  return warnings;
}

}  // namespace ckmerge::cli
