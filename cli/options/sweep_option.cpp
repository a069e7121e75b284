// SPDX-License-Identifier: Apache-2.0
#include "cli/options/sweep_option.h"

#include <algorithm>
#include <span>

#include "cli/options/method_options.h"
#include "cli/options/numbers.h"
#include "cli/options/readers.h"
#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const Word& word, const std::string& rest) {
  throw Error(ErrorCode::usage, word.option, word.option + rest);
}

std::vector<std::string> split(const std::string& text, char sign) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(sign, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<double> list_of(const std::string& option, const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& number : split(text, '/')) numbers.push_back(parse_number(option, number));
  return numbers;
}

// A formula's numbers have names of their own, and are checked where it is read.
Sweep begun(const Settings& settings, const Word& word, const std::string& name) {
  const Method* const method = find_method(settings.recipe.method);
  if (settings.recipe.formula || !method) return {.parameter = name, .kind = ParameterKind::number};
  const ParameterSpec& parameter = parameter_called(*method->spec, word, name);
  return {.parameter = parameter.name, .kind = parameter.kind};
}

std::vector<double> value_of(const Sweep& sweep, const std::string& option, const std::string& text) {
  if (sweep.kind == ParameterKind::flag) return {flag_value(option, text)};
  if (sweep.kind == ParameterKind::numbers) return list_of(option, text);
  return {parse_number(option, text)};
}

void read_one_sweep(Settings& settings, const Word& word) {
  const auto [name, text] = read_pair(word);
  Sweep sweep = begun(settings, word, name);
  const std::string where = word.option + " " + name;
  for (const std::string& value : split(text, ',')) {
    sweep.values.push_back(value_of(sweep, where, value));
    if (std::ranges::count(sweep.values, sweep.values.back()) > 1)
      refuse(word, ": " + sweep.parameter + " has the value " + value + " twice, and both would be one file");
  }
  if (settings.recipe.parameters.contains(sweep.parameter) ||
      std::ranges::find(settings.sweeps, sweep.parameter, &Sweep::parameter) != settings.sweeps.end())
    refuse(word, ": the parameter " + sweep.parameter + " is given twice");
  settings.sweeps.push_back(std::move(sweep));
}

std::string joined_numbers(const std::vector<double>& numbers, const char* sign) {
  std::vector<std::string> texts;
  for (const double number : numbers) texts.push_back(number_text(number));
  return joined(texts, sign);
}

}  // namespace

Reader read_sweep() { return {.kind = OptionKind::list, .type = ValueType::pair, .read = read_one_sweep}; }

std::string sweep_value_text(const Sweep& sweep, size_t value) {
  const std::vector<double>& numbers = sweep.values.at(value);
  if (sweep.kind == ParameterKind::flag) return numbers[0] != 0 ? "true" : "false";
  return joined_numbers(numbers, "/");
}

std::vector<SweptOutput> swept_outputs(const std::vector<Sweep>& sweeps) {
  std::vector<SweptOutput> outputs(1);
  for (const Sweep& sweep : sweeps) {
    std::vector<SweptOutput> next;
    for (const SweptOutput& before : outputs)
      for (size_t i = 0; i < sweep.values.size() && next.size() <= kMostSwept; ++i) {
        std::string value = sweep_value_text(sweep, i);
        std::ranges::replace(value, '/', '_');
        next.push_back({.values = before.values,
                        .name = before.name + (before.name.empty() ? "" : ",") + sweep.parameter + "-" + value});
        next.back().values.push_back(i);
      }
    outputs = std::move(next);
  }
  if (outputs.size() > kMostSwept)
    throw Error(ErrorCode::usage, "--sweep",
                "--sweep: these values make more than " + std::to_string(kMostSwept) +
                    " outputs, the most that one run writes; sweep in several runs");
  return outputs;
}

Recipe swept_recipe(const Recipe& recipe, const std::vector<Sweep>& sweeps, const SweptOutput& output) {
  Recipe out = recipe;
  for (size_t i = 0; i < sweeps.size(); ++i) out.parameters[sweeps[i].parameter] = sweeps[i].values[output.values[i]];
  return out;
}

}  // namespace ckmerge::cli
