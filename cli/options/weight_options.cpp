// SPDX-License-Identifier: Apache-2.0
#include "cli/options/weight_options.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <span>
#include <utility>

#include "cli/options/numbers.h"
#include "cli/system/text.h"
#include "core/formula/sole_call.h"
#include "core/names/name_pattern.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "kernels/method.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const Word& word, const std::string& rest) {
  throw Error(ErrorCode::usage, word.option, word.option + rest);
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1));
}

// Without the blanks around each that people write behind commas.
std::vector<double> numbers_of(const Word& word, std::string_view text) {
  std::string tight;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    tight += (begin ? "," : "") + trimmed(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parse_numbers(word.option, tight);
}

// Not where the method is unknown, which is told elsewhere.
bool has_numbers(const Recipe& recipe) { return recipe.formula || find_method(recipe.method); }

// The parameter that a rule is for, and for methods of one number per checkpoint which of them.
struct Target {
  std::string parameter;
  int input = -1;
};

// Of a formula: its numbers that have names, those that a sweep gives among them.
std::vector<std::string> numbers_with_names(const Settings& settings) {
  std::vector<std::string> names;
  for (const auto& [name, values] : settings.recipe.parameters) names.push_back(name);
  for (const Sweep& sweep : settings.sweeps) names.push_back(sweep.parameter);
  std::ranges::sort(names);
  return names;
}

Target only_number(const Settings& settings, const Word& word) {
  const std::vector<std::string> names = numbers_with_names(settings);
  if (names.size() == 1) return {names[0]};
  refuse(word,
         names.empty()
             ? std::string(": the formula has no number with a name; write one into it, and give it for all other "
                           "tensors, as in --param r=0.5")
             : ": say which number of the formula, as in " + names[0] + ":IN*=0.3; they are " + joined(names, ", "));
}

// The method whose parameters weights are of; of a formula that it calls and says no more, unless that has numbers with
// names. Null: weights are of a formula's numbers.
const MethodSpec* weighted_method(const Settings& settings) {
  const std::optional<Formula>& formula = settings.recipe.formula;
  if (!formula) return find_method(settings.recipe.method)->spec;
  return numbers_with_names(settings).empty() ? method_of_call(formula->text) : nullptr;
}

Target first_number(const Settings& settings, const Word& word) {
  const MethodSpec* const method = weighted_method(settings);
  if (!method) return only_number(settings, word);
  const MethodSpec& spec = *method;
  for (const ParameterSpec& parameter : spec.parameter_list())
    if (parameter.kind == ParameterKind::number) return {parameter.name};
  for (const ParameterSpec& parameter : spec.parameter_list())
    if (parameter.kind == ParameterKind::numbers)
      refuse(word, std::string(": ") + spec.name + " has one number per checkpoint; say whose, as in B:IN*=0.3");
  refuse(word, std::string(": ") + spec.name + " has no number that could differ between tensors");
}

Target number_called(const Settings& settings, const Word& word, const std::string& name) {
  const std::vector<std::string> names = numbers_with_names(settings);
  if (std::ranges::find(names, name) != names.end()) return {name};
  refuse(word, ": the formula has no number '" + visible(name) + "'; give it for all other tensors, as in --param " +
                   visible(name) + "=0.5");
}

Target target_called(const Settings& settings, const Word& word, const std::string& name) {
  const MethodSpec* const method = weighted_method(settings);
  if (!method) return number_called(settings, word, name);
  const MethodSpec& spec = *method;
  std::vector<std::string> known;
  for (const ParameterSpec& parameter : spec.parameter_list()) {
    if (parameter.kind == ParameterKind::flag) continue;
    const bool per_checkpoint = parameter.kind == ParameterKind::numbers;
    if (per_checkpoint && name.size() == 1 && name[0] >= 'A' && name[0] <= 'Z') return {parameter.name, name[0] - 'A'};
    if (!per_checkpoint && parameter.is_called(name)) return {parameter.name};
    if (!per_checkpoint) known.emplace_back(parameter.name);
  }
  refuse(word, std::string(": ") + spec.name + " has no number '" + visible(name) + "'" +
                   (known.empty() ? "" : "; its numbers are " + joined(known, ", ")));
}

// Takes PARAMETER: off the front of `text`. That of a pattern's own colons and of supermerger's is none.
Target take_target(const Settings& settings, const Word& word, std::string& text, size_t colons_behind) {
  const size_t name_end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
  const auto colons = static_cast<size_t>(std::ranges::count(text, ':'));
  const bool named = name_end != text.npos && name_end > 0 && text[name_end] == ':' && colons > colons_behind;
  if (!named) return first_number(settings, word);
  Target target = target_called(settings, word, text.substr(0, name_end));
  text.erase(0, name_end + 1);
  return target;
}

void add(Settings& settings, Target target, WeightRule rule) {
  rule.parameter = std::move(target.parameter);
  rule.input = target.input;
  settings.recipe.weights.push_back(std::move(rule));
}

// A number, or a gradient in brackets.
std::vector<double> values_of(const Word& word, std::string_view text) {
  const bool is_list = text.size() > 1 && text[0] == '[' && text.ends_with(']');
  if (is_list) return numbers_of(word, text.substr(1, text.size() - 2));
  return {parse_number(word.option, text)};
}

// ---- --weight

void add_elements(Settings& settings, const Word& word, std::string text) {
  Target target = take_target(settings, word, text, 2);
  const size_t first = text.find(':'), last = text.rfind(':');
  if (first == text.npos || first == last || std::ranges::count(text, ':') > 2)
    refuse(word, ": '" + visible(text) +
                     "' is neither SELECTOR=X, such as IN00..IN08=0.2, nor BLOCKS:ELEMENTS:X, such "
                     "as OUT03-OUT06:attn2:0.3");
  add(settings, std::move(target),
      {.by = WeightRule::By::elements,
       .selector = trimmed(text.substr(0, first)),
       .elements = trimmed(text.substr(first + 1, last - first - 1)),
       .values = values_of(word, trimmed(text.substr(last + 1)))});
}

void add_selected(Settings& settings, const Word& word, std::string text) {
  const size_t sign = text.rfind('=');
  const std::string value = trimmed(std::string_view(text).substr(sign + 1));
  text.erase(sign);
  Target target = take_target(settings, word, text, 0);
  std::string selector = trimmed(text);
  if (selector.empty()) refuse(word, ": what '" + visible(word.text) + "' selects is missing in front of the =");
  if (selector.size() > 2 && selector[0] == '/' && selector.ends_with('/'))
    NamePattern(word.option, selector.substr(1, selector.size() - 2));  // refuses what cannot be understood
  add(settings, std::move(target), {.selector = std::move(selector), .values = values_of(word, value)});
}

// Entries are separated by commas, which those of a gradient in brackets are not.
size_t end_of_entry(const std::string& text, size_t begin) {
  bool is_inside = false;
  for (size_t at = begin; at < text.size(); ++at) {
    if (text[at] == '[' || text[at] == ']') is_inside = text[at] == '[';
    if (text[at] == '\n' || (text[at] == ',' && !is_inside)) return at;
  }
  return text.size();
}

void read_one_weight(Settings& settings, const Word& word) {
  if (!has_numbers(settings.recipe)) return;
  if (!word.text.empty() && word.text.find_first_not_of("0123456789.,- ") == word.text.npos)
    refuse(word, ": '" + visible(word.text) + "' says of no tensor; a number per checkpoint is --weights" +
                     ", one for some tensors SELECTOR=X, such as IN00..IN08=0.2");
  if (word.text.find('=') != word.text.npos) return add_selected(settings, word, word.text);
  for (size_t begin = 0; begin <= word.text.size();) {
    const size_t end = end_of_entry(word.text, begin);
    std::string entry = trimmed(std::string_view(word.text).substr(begin, end - begin));
    begin = end + 1;
    if (!entry.empty() || begin > word.text.size()) add_elements(settings, word, std::move(entry));
  }
}

// ---- lists

void add_list(Settings& settings, const Word& word, std::string text) {
  if (!has_numbers(settings.recipe)) return;
  Target target = take_target(settings, word, text, 0);
  const auto same = [&](const WeightRule& rule) {
    return rule.by == WeightRule::By::list && rule.parameter == target.parameter && rule.input == target.input;
  };
  if (std::ranges::any_of(settings.recipe.weights, same))
    refuse(word, ": a list of weights by block is given twice for " + target.parameter);
  add(settings, std::move(target), {.by = WeightRule::By::list, .values = numbers_of(word, text)});
}

// A preset's name and numbers are separated by a tab or a colon.
std::pair<std::string, std::string> preset_in(const std::string& line) {
  const size_t end = line.find_first_of("\t:");
  if (end == line.npos) return {};
  return {trimmed(line.substr(0, end)), trimmed(line.substr(end + 1))};
}

struct Preset {
  std::string numbers, place;  // "presets.tsv:3"
};

Preset preset_called(const std::string& name, const std::string& path, const Word& word) {
  constexpr size_t kLongestLine = size_t{1} << 16;  // bytes; 61 numbers have some hundreds
  std::ifstream file(path);
  if (!file) throw Error(ErrorCode::io, path, path + ": cannot be read (--mbw-presets)");
  std::vector<std::string> names;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    const std::string place = sentence(path, ":", ++number);
    if (line.size() >= kLongestLine) refuse(word, sentence(": ", visible(place), ": this line is no preset's"));
    auto [known, numbers] = preset_in(line);
    if (known == name) return {std::move(numbers), place};
    if (!known.empty()) names.push_back(std::move(known));
  }
  const std::string near = did_you_mean(name, names);
  if (names.size() > kListed) names.resize(kListed);
  refuse(word, ": " + visible(path) + " has no '" + visible(name) + "'" +
                   (!near.empty()   ? near
                    : names.empty() ? ", nor any other line of a name and numbers"
                                    : "; it has " + visible(joined(names, ", "))));
}

}  // namespace

Reader read_weight() { return {.kind = OptionKind::list, .type = ValueType::pair, .read = read_one_weight}; }

Reader read_mbw() {
  const auto read = [](Settings& settings, const Word& word) { add_list(settings, word, word.text); };
  return {.kind = OptionKind::list, .type = ValueType::numbers, .read = read};
}

Reader read_mbw_preset() {
  const auto read = [](Settings& settings, const Word& word) {
    if (!settings.mbw_presets) refuse(word, " needs the file of presets: --mbw-presets FILE");
    const Preset preset = preset_called(word.text, *settings.mbw_presets, word);
    try {
      add_list(settings, word, preset.numbers);
    } catch (const Error& error) {
      throw Error(error.code(), error.where(), visible(preset.place) + ": " + error.what());
    }
  };
  return {.kind = OptionKind::value, .type = ValueType::text, .read = read};
}

Reader read_base_alpha() {
  const auto read = [](Settings& settings, const Word& word) {
    if (!has_numbers(settings.recipe)) return;
    add(settings, first_number(settings, word), {.selector = "BASE", .values = {parse_number(word.option, word.text)}});
  };
  return {.type = ValueType::number, .read = read};
}

}  // namespace ckmerge::cli
