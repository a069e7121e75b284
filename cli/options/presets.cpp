// SPDX-License-Identifier: Apache-2.0
#include "cli/options/presets.h"

#include <algorithm>
#include <cmath>

#include "cli/options/numbers.h"
#include "cli/system/text.h"
#include "io/text/error.h"
#include "kernels/method.h"

namespace ckmerge::cli {
namespace {

struct Preset {
  const char* name;
  std::vector<std::string> words;
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all{
      // AUTOMATIC1111's merger tab: only names that hold "model" are merged, what B lacks stays A's, M is 0.3.
      {"a1111",
       {"--alpha", "0.3", "--only", "model", "--missing", "keep", "--extra", "drop", "--expand", "copy", "--metadata",
        "keep"}},
      // ArtVenture's AVCheckpointMerge: w1 * A + w2 * B over the diffusion model; what B lacks is zero.
      {"artventure",
       {"--method", "linear", "--weights", "1,1", "--no-normalize", "--only", R"(^model\.diffusion_model\.)",
        "--missing", "zero", "--extra", "drop", "--expand", "zero"}},
  };
  return all;
}

// The parameter that `option` sets in the line's method, or null.
const ParameterSpec* parameter_of(const CommandLine& line, const std::string& option) {
  const std::string* const word = line.value("method");
  const Method* const method = find_method(word ? *word : "weighted_sum");
  if (!method) return nullptr;
  for (const ParameterSpec& parameter : std::span(method->spec->parameters).first(method->spec->parameter_count))
    if (option == parameter.option_name()) return &parameter;
  return nullptr;
}

bool is_given(const CommandLine& line, const std::string& name) {
  return line.values.contains(name) || line.lists.contains(name) || line.flags.contains(name);
}

// `--param weights=...` gives weights as well as --weights does, and `--param t=...` what --alpha is to slerp.
bool is_given_as_parameter(const CommandLine& line, const ParameterSpec& parameter) {
  const std::vector<std::string> given = line.list("param");
  return std::ranges::any_of(given, [&](const std::string& word) {
    const std::string name = word.substr(0, word.find('='));
    return name == parameter.name || name == parameter.option_name();
  });
}

// A parameter of a set is a default for the methods that have it.
bool is_wanted(const CommandLine& line, const OptionSpec& option) {
  if (is_given(line, option.name)) return false;
  if (!option.of_method) return true;
  const ParameterSpec* const parameter = parameter_of(line, option.name);
  return parameter && !is_given_as_parameter(line, *parameter);
}

void take(CommandLine& line, const CommandLine& set, const OptionSpec& option, std::vector<std::string>& effective) {
  const std::string dashed = "--" + option.name;
  if (const std::string* const value = set.value(option.name)) {
    line.values[option.name] = *value;
    effective.insert(effective.end(), {dashed, *value});
  } else if (option.kind == OptionKind::list) {
    line.lists[option.name] = set.lists.at(option.name);
    for (const std::string& word : set.lists.at(option.name)) effective.insert(effective.end(), {dashed, word});
  } else {
    line.flags[option.name] = set.flags.at(option.name);
    effective.push_back(set.flags.at(option.name) ? dashed : "--no-" + option.name);
  }
}

}  // namespace

std::vector<std::string> set_words(const std::string& name) {
  std::vector<std::string> names;
  for (const Preset& set : presets()) {
    if (name == set.name) return set.words;
    names.emplace_back(set.name);
  }
  const std::string near = did_you_mean(name, names);
  throw Error(ErrorCode::usage, "--like",
              "--like: '" + name + "' is unknown" + (near.empty() ? "; the sets are " + joined(names, ", ") : near));
}

std::vector<std::string> apply_set(CommandLine& line) {
  const std::string* const name = line.value("like");
  if (!name) return {};
  const CommandLine set = parse_command_line(line.command, set_words(*name));
  std::vector<std::string> effective;
  const std::vector<OptionSpec> options = options_of(line.command);
  // The method first: which parameters are wanted depends on it.
  for (const bool of_method : {false, true})
    for (const OptionSpec& option : options)
      if (option.of_method == of_method && is_given(set, option.name) && is_wanted(line, option))
        take(line, set, option, effective);
  return effective;
}

std::vector<std::string> set_warnings(const std::string& name, const Recipe& recipe) {
  std::vector<std::string> warnings;
  const auto weights = recipe.parameters.find("weights");
  if (name != "artventure" || weights == recipe.parameters.end()) return warnings;
  for (const double weight : weights->second)
    if (std::fabs(weight) > 1)
      warnings.push_back("weight " + number_text(weight) + " is outside of ArtVenture's range, -1 to 1");
  return warnings;
}

}  // namespace ckmerge::cli
