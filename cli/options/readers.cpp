// SPDX-License-Identifier: Apache-2.0
#include "cli/options/readers.h"

#include <algorithm>
#include <utility>

#include "cli/options/choices.h"
#include "cli/options/numbers.h"
#include "cli/options/output_name.h"
#include "cli/options/pair_text.h"
#include "cli/options/sizes.h"
#include "core/inputs/asked_layout.h"
#include "core/inputs/pipeline_layout.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const Word& word, const std::string& rest) {
  throw Error(ErrorCode::usage, word.option, word.option + rest);
}

std::vector<std::string> between_commas(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

Reader read_flag(Place<bool> place, bool value) {
  const auto read = [place, value](Settings& settings, const Word& word) {
    place.in(settings) = (word.text == "true") == value;
  };
  return {.kind = OptionKind::flag, .type = ValueType::flag, .read = read};
}

Reader read_text(Place<Text> place, ValueType type) {
  return {.type = type, .read = [place](Settings& settings, const Word& word) { place.in(settings) = word.text; }};
}

Reader read_filled_text(Place<Text> place, ValueType type, const char* refusal) {
  const auto read = [place, refusal](Settings& settings, const Word& word) {
    place.in(settings) = word.text;  // an empty one as well: that it was given is known
    if (word.text.empty()) refuse(word, refusal);
  };
  return {.type = type, .read = read};
}

Reader read_texts(Place<std::vector<std::string>> place, ValueType type) {
  const auto read = [place](Settings& settings, const Word& word) { place.in(settings).push_back(word.text); };
  return {.kind = OptionKind::list, .type = type, .read = read};
}

Reader read_formula() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.recipe.method = kFormulaMethod;
    settings.recipe.formula.emplace().text = word.text;  // the inputs name what is in it
  };
  return {.read = read};
}

Reader read_number(Place<std::optional<double>> place) {
  const auto read = [place](Settings& settings, const Word& word) {
    place.in(settings) = parse_number(word.option, word.text);
  };
  return {.type = ValueType::number, .read = read};
}

Reader read_count(Place<unsigned> place, unsigned least, unsigned most) {
  const auto read = [=](Settings& settings, const Word& word) {
    place.in(settings) = static_cast<unsigned>(parse_count(word.option, word.text, least, most));
  };
  return {.type = ValueType::count, .read = read};
}

Reader read_size(Place<uint64_t> place) {
  const auto read = [place](Settings& settings, const Word& word) {
    place.in(settings) = parse_size(word.option, word.text);
  };
  return {.type = ValueType::size, .read = read};
}

Reader read_given_size(Place<std::optional<uint64_t>> place) {
  const auto read = [place](Settings& settings, const Word& word) {
    place.in(settings) = parse_size(word.option, word.text);
  };
  return {.type = ValueType::size, .read = read};
}

Reader read_format() {
  const std::vector<std::string> names = form_names();
  const auto read = [names](Settings& settings, const Word& word) {
    settings.form = &output_forms()[choice_index(word.option, word.text, names)];
  };
  return {.type = ValueType::choice, .choices = names, .read = read};
}

Reader read_wrap() {
  const std::vector<std::string> names{"state_dict", "model_state_dict", "model", "params_ema", "params"};
  const auto read = [names](Settings& settings, const Word& word) {
    settings.recipe.wrap = names[choice_index(word.option, word.text, names)];
  };
  return {.type = ValueType::choice, .choices = names, .read = read};
}

Reader read_component(Part part) {
  const auto read = [part](Settings& settings, const Word& word) { settings.components.push_back({part, word.text}); };
  return {.type = ValueType::checkpoint, .read = read};
}

Reader read_vae_to_bake() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.components.push_back({Part::vae, word.text});
    if (word.text.empty()) refuse(word, " has an empty value");
  };
  return {.type = ValueType::checkpoint, .read = read};
}

Reader read_parts() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.recipe.parts = between_commas(word.text);
    for (const std::string& part : settings.recipe.parts) parse_part(word.option.c_str(), part);
  };
  return {.type = ValueType::text, .read = read};
}

Reader read_layout() {
  const auto read = [](Settings& settings, const Word& word) {
    parse_layout(word.text);
    settings.recipe.layout = word.text;
  };
  return {.type = ValueType::choice, .choices = layout_names(), .read = read};
}

Reader read_asked_layout() {
  const auto read = [](Settings& settings, const Word& word) {
    parse_asked_layout(word.text);
    settings.recipe.layout = word.text;
  };
  return {.type = ValueType::choice, .choices = asked_layout_names(), .read = read};
}

Reader read_added_metadata() {
  const auto read = [](Settings& settings, const Word& word) {
    const auto [key, value] = read_pair(word);
    Metadata& fields = settings.recipe.set_metadata;
    if (std::ranges::any_of(fields, [&key = key](const auto& entry) { return entry.first == key; }))
      refuse(word, " gives '" + key + "' twice");
    fields.emplace_back(key, value);
  };
  return {.kind = OptionKind::list, .type = ValueType::pair, .read = read};
}

Reader read_hash_cache() {
  const auto read = [](Settings& settings, const Word& word) {
    if (word.text.empty()) refuse(word, " has an empty value");
    settings.hash_cache = word.text == "none" ? "" : word.text;
  };
  return {.type = ValueType::file, .read = read};
}

Reader read_notify_url() {
  const auto read = [](Settings& settings, const Word& word) { settings.notify = parse_notify_url(word.text); };
  return {.type = ValueType::url, .read = read};
}

std::pair<std::string, std::string> read_pair(const Word& word) {
  std::optional<std::pair<std::string, std::string>> pair = parse_pair(word.text);
  if (!pair) refuse(word, ": '" + word.text + "' is not of the form name=value");
  return std::move(*pair);
}

}  // namespace ckmerge::cli
