// SPDX-License-Identifier: Apache-2.0
// Readers for the table of options: each says what a value looks like and where in Settings it goes.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options/choices.h"
#include "cli/options/option.h"

namespace ckmerge::cli {

/// A member of Settings, or of one of the structs in it.
template <typename T>
struct Place {
  Place(T Settings::*member) : in([=](Settings& all) -> T& { return all.*member; }) {}
  Place(T Recipe::*member) : in([=](Settings& all) -> T& { return all.recipe.*member; }) {}
  Place(T RunOptions::*member) : in([=](Settings& all) -> T& { return all.run.*member; }) {}
  Place(T DeviceOptions::*member) : in([=](Settings& all) -> T& { return all.run.device.*member; }) {}

  std::function<T&(Settings&)> in;
};

using Text = std::optional<std::string>;

Reader read_flag(Place<bool> place, bool value = true);  ///< `value` is what the flag stands for
Reader read_text(Place<Text> place, ValueType type = ValueType::text);
/// "--name" and `refusal` are the message where the text is empty.
Reader read_filled_text(Place<Text> place, ValueType type, const char* refusal = " has an empty value");
Reader read_texts(Place<std::vector<std::string>> place, ValueType type = ValueType::text);
Reader read_number(Place<std::optional<double>> place);
Reader read_count(Place<unsigned> place, unsigned least, unsigned most);
Reader read_size(Place<uint64_t> place);
Reader read_given_size(Place<std::optional<uint64_t>> place);

/// One of `names`, which are in the order of the enum T.
template <typename T>
Reader read_choice_of(Place<T> place, std::vector<std::string> names) {
  const auto read = [place, names](Settings& settings, const Word& word) {
    place.in(settings) = static_cast<T>(choice_index(word.option, word.text, names));
  };
  return {.type = ValueType::choice, .choices = std::move(names), .read = read};
}

/// One of a policy's names (core/recipe/recipe.h).
template <typename Policy, typename Owner>
Reader read_choice(Policy Owner::*member) {
  const auto names = policy_names<Policy>();
  return read_choice_of(Place<Policy>(member), {names.begin(), names.end()});
}

// What only one option is.
Reader read_format();
Reader read_formula();
Reader read_wrap();
Reader read_component(Part part);  ///< a file to compose
Reader read_vae_to_bake();
Reader read_parts();  ///< of a pipeline, separated by commas
Reader read_layout();
/// comfy, diffusers or original.
Reader read_asked_layout();
Reader read_added_metadata();  ///< KEY=VALUE; a key may be given once
Reader read_hash_cache();
Reader read_notify_url();

/// NAME=VALUE. The value may hold further signs.
std::pair<std::string, std::string> read_pair(const Word& word);

}  // namespace ckmerge::cli
