// SPDX-License-Identifier: Apache-2.0
#include "cli/options/method_options.h"

#include <algorithm>
#include <span>

#include "cli/options/method_name.h"
#include "cli/options/numbers.h"
#include "cli/options/readers.h"
#include "cli/system/text.h"
#include "core/formula/tokens.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::string options_of_method(const MethodSpec& spec) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : spec.parameter_list())
    names.push_back(std::string("--") + parameter.option_name());
  return names.empty() ? "it has no options" : "its options are " + joined(names, ", ");
}

std::vector<double> parameter_value(const ParameterSpec& parameter, const std::string& option,
                                    const std::string& text) {
  switch (parameter.kind) {
    case ParameterKind::number: return {parse_number(option, text)};
    case ParameterKind::numbers: return parse_numbers(option, text);
    case ParameterKind::flag: return {flag_value(option, text)};
  }
  return {};
}

void set_parameter(Recipe& recipe, const ParameterSpec& parameter, const Word& word, std::vector<double> value) {
  if (!recipe.parameters.emplace(parameter.name, std::move(value)).second)
    refuse(word.option, std::string("the parameter ") + parameter.name + " is given twice");
}

// Of a formula.
void set_number(Recipe& recipe, const Word& word) {
  const auto [name, text] = read_pair(word);
  if (!is_formula_name(name))
    refuse(word.option, word.option + ": '" + visible(name) +
                            "' cannot stand in a formula: names are letters, digits and underscores, no digit first");
  if (!recipe.parameters.emplace(name, std::vector{parse_number(word.option + " " + name, text)}).second)
    refuse(word.option, "the number " + name + " is given twice");
}

// --alpha 0.3 and the like.
void read_method_option(Settings& settings, const Word& word) {
  const Method* const method = find_method(settings.recipe.method);
  if (!method) return;
  const ParameterSpec* const parameter = parameter_of_option(settings.recipe.method, word.option.substr(2));
  if (!parameter)
    refuse(word.option,
           std::string(method->spec->name) + " has no option " + word.option + "; " + options_of_method(*method->spec));
  set_parameter(settings.recipe, *parameter, word, parameter_value(*parameter, word.option, word.text));
}

struct Form {
  OptionKind kind;
  ValueType type;
  const char* value_name;
};

Form form_of(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::number: return {OptionKind::value, ValueType::number, "X"};
    case ParameterKind::numbers: return {OptionKind::value, ValueType::numbers, "X1,X2,..."};
    case ParameterKind::flag: break;
  }
  return {OptionKind::toggle, ValueType::flag, ""};
}

std::string meaning_of(const MethodSpec& spec, const ParameterSpec& parameter) {
  return std::string(spec.name) + ": " + parameter.meaning + " (default " + parameter.default_text + ")";
}

// Of an option that many methods have each default is told, and where to read the rest.
std::string meaning_of_all(const char* option) {
  std::string out;
  for (const Method& method : ckmerge::methods())
    for (const ParameterSpec& parameter : method.spec->parameter_list())
      if (std::string_view(parameter.option_name()) == option)
        out += (out.empty() ? "of these methods, with these defaults: " : ", ") + std::string(method.spec->name) +
               " (" + parameter.default_text + ")";
  return out + "; `ckmerge methods NAME` says what it does there";
}

// Which is one for all random numbers, in the table.
constexpr std::string_view kSeed = "seed";

void add_option(std::vector<OptionSpec>& options, const MethodSpec& spec, const ParameterSpec& parameter) {
  if (parameter.option_name() == kSeed) return;
  const auto same = std::ranges::find(options, parameter.option_name(), &OptionSpec::name);
  if (same != options.end()) {
    same->meaning = meaning_of_all(parameter.option_name());
    return;
  }
  const Form form = form_of(parameter.kind);
  options.push_back({.name = parameter.option_name(),
                     .value_name = form.value_name,
                     .meaning = meaning_of(spec, parameter),
                     .reader = {.kind = form.kind, .type = form.type, .read = read_method_option},
                     .of_method = true});
}

}  // namespace

const ParameterSpec& parameter_called(const MethodSpec& spec, const Word& word, const std::string& name) {
  std::vector<std::string> names;
  for (const ParameterSpec& parameter : spec.parameter_list()) {
    if (parameter.is_called(name)) return parameter;
    names.emplace_back(parameter.name);
  }
  const std::string near = did_you_mean(name, names);
  refuse(word.option, std::string(spec.name) + " has no parameter '" + name + "'" +
                          (!near.empty()   ? near
                           : names.empty() ? "; it has none"
                                           : "; its parameters are " + joined(names, ", ")));
}

double flag_value(const std::string& option, const std::string& text) {
  for (const char* const on : {"true", "on", "yes", "1"})
    if (text == on) return 1;
  for (const char* const off : {"false", "off", "no", "0"})
    if (text == off) return 0;
  refuse(option, option + ": '" + text + "' is not true or false");
}

std::vector<OptionSpec> method_options() {
  std::vector<OptionSpec> options;
  for (const Method& method : ckmerge::methods())
    for (const ParameterSpec& parameter : method.spec->parameter_list()) add_option(options, *method.spec, parameter);
  return options;
}

Reader read_method() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.recipe.method = word.text;
    settings.recipe.method = method_called(word.option, word.text).name;
  };
  return {.type = ValueType::method, .read = read};
}

Reader read_param() {
  const auto read = [](Settings& settings, const Word& word) {
    if (settings.recipe.formula) return set_number(settings.recipe, word);
    const Method* const method = find_method(settings.recipe.method);
    if (!method) return;
    const auto [name, text] = read_pair(word);
    const ParameterSpec& parameter = parameter_called(*method->spec, word, name);
    set_parameter(settings.recipe, parameter, word, parameter_value(parameter, word.option + " " + name, text));
  };
  return {.kind = OptionKind::list, .type = ValueType::pair, .read = read};
}

Reader read_seed() {
  const auto read = [](Settings& settings, const Word& word) {
    const uint64_t seed = parse_count(word.option, word.text, 0, kMostSeed);
    const ParameterSpec* const parameter = parameter_of_option(settings.recipe.method, std::string(kSeed));
    if (parameter) set_parameter(settings.recipe, *parameter, word, {static_cast<double>(seed)});
    if (!parameter || settings.recipe.rounding == RoundingPolicy::stochastic) settings.recipe.seed = seed;
  };
  return {.type = ValueType::count, .read = read};
}

const ParameterSpec* parameter_of_option(const std::string& method, const std::string& option) {
  const Method* const found = find_method(method);
  if (!found) return nullptr;
  for (const ParameterSpec& parameter : found->spec->parameter_list())
    if (option == parameter.option_name()) return &parameter;
  return nullptr;
}

}  // namespace ckmerge::cli
