// SPDX-License-Identifier: Apache-2.0
#include "cli/options/dtype_option.h"

#include <algorithm>

#include "cli/system/text.h"
#include "core/recipe/dtype_rules.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

const std::vector<std::string>& dtype_names() {
  static const std::vector<std::string> names{"keep", "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2"};
  return names;
}

[[noreturn]] void refuse(const std::string& option, const std::string& sentence) {
  throw Error(ErrorCode::usage, option, sentence);
}

std::optional<Dtype> dtype_called(const std::string& option, const std::string& name) {
  if (name == "keep") return std::nullopt;
  try {
    return parse_dtype(name);
  } catch (const Error& e) {
    refuse(option, option + ": " + e.what() + did_you_mean(name, dtype_names()));
  }
}

void read_dtype_of_all(Recipe& recipe, const Word& word) {
  if (std::ranges::any_of(word.before, [](const std::string& text) { return text.find('=') == text.npos; }))
    refuse(word.option, word.option + " is given twice for all tensors; name a part, as in --dtype vae=f32");
  recipe.dtype = dtype_called(word.option, word.text);
}

void read_dtype_of_part(Recipe& recipe, const Word& word, size_t equals) {
  const std::string name = word.text.substr(0, equals);
  auto& part = recipe.part_dtypes[static_cast<size_t>(parse_part(word.option.c_str(), name))];
  if (part) refuse(word.option, word.option + " is given twice for " + name);
  part = {dtype_called(word.option, word.text.substr(equals + 1))};
}

}  // namespace

Reader read_dtype() {
  const auto read = [](Settings& settings, const Word& word) {
    if (is_dtype_rule(word.text)) {
      const DtypeRules checked({word.text});  // throws where it is none
      return settings.recipe.dtype_rules.push_back(word.text);
    }
    const size_t equals = word.text.find('=');
    equals == word.text.npos ? read_dtype_of_all(settings.recipe, word)
                             : read_dtype_of_part(settings.recipe, word, equals);
  };
  return {.kind = OptionKind::list, .type = ValueType::dtype, .choices = dtype_names(), .read = read};
}

Reader read_half() {
  const auto read = [](Settings& settings, const Word& word) {
    settings.recipe.half = word.text == "true";
    if (settings.recipe.half && settings.recipe.dtype)
      refuse(word.option,
             word.option + " and --dtype both say how all tensors are stored; give one, or --dtype of parts");
  };
  return {.kind = OptionKind::flag, .type = ValueType::flag, .read = read};
}

}  // namespace ckmerge::cli
