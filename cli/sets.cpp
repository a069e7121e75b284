// SPDX-License-Identifier: Apache-2.0
#include "cli/sets.h"

#include <algorithm>
#include <cmath>

#include "cli/numbers.h"
#include "cli/text.h"
#include "io/error.h"
#include "kernels/method.h"

namespace ckmerge::cli {
namespace {

struct OptionSet {
  const char* name;
  std::vector<std::string> words;
};

const std::vector<OptionSet>& sets() {
  static const std::vector<OptionSet> all{
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

// A parameter option of a set is a default for the methods that have it.
bool applies(const OptionSpec& option, const CommandLine& line) {
  if (!option.of_method) return true;
  const std::string* const word = line.value("method");
  const Method* const method = find_method(word ? *word : "weighted_sum");
  if (!method) return true;  // the unknown method is told later
  const auto parameters = std::span(method->spec->parameters).first(method->spec->parameter_count);
  return std::ranges::any_of(parameters,
                             [&](const ParameterSpec& parameter) { return option.name == parameter.option_name(); });
}

bool is_given(const CommandLine& line, const std::string& name) {
  return line.values.contains(name) || line.lists.contains(name) || line.flags.contains(name);
}

// `--param weights=...` gives weights as well as --weights does.
bool is_given_as_parameter(const CommandLine& line, const std::string& name) {
  const std::vector<std::string> given = line.list("param");
  return std::ranges::any_of(given, [&](const std::string& word) { return word.starts_with(name + "="); });
}

}  // namespace

std::vector<std::string> set_words(const std::string& name) {
  std::vector<std::string> names;
  for (const OptionSet& set : sets()) {
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
  if (!is_given(line, "method") && set.value("method")) line.values["method"] = *set.value("method");
  for (const OptionSpec& option : options_of(line.command)) {
    if (!is_given(set, option.name)) continue;
    const bool given =
        option.name != "method" && (is_given(line, option.name) || is_given_as_parameter(line, option.name));
    if (given || !applies(option, line)) continue;
    if (option.name == "method" && *line.value("method") != *set.value("method")) continue;
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
