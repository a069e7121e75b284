// SPDX-License-Identifier: Apache-2.0
#include "cli/options/lora_options.h"

#include <iterator>
#include <string>

#include "cli/options/numbers.h"
#include "cli/options/readers.h"
#include "core/recipe/recipe.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

constexpr uint64_t kHighestRank = 1 << 16;

Reader read_rank(std::optional<uint64_t> LoraSettings::*member, uint64_t least) {
  const auto read = [member, least](Settings& settings, const Word& word) {
    settings.lora.*member = parse_count(word.option, word.text, least, kHighestRank);
  };
  return {.type = ValueType::count, .read = read};
}

Reader read_share(std::optional<double> LoraSettings::*member) {
  const auto read = [member](Settings& settings, const Word& word) {
    const double share = parse_number(word.option, word.text);
    if (share <= 0 || share > 1)
      throw Error(ErrorCode::usage, word.option, word.option + " is a share, above 0 and at most 1; got " + word.text);
    settings.lora.*member = share;
  };
  return {.type = ValueType::number, .read = read};
}

// Half of the elements lie below the least of these, and about as many are below 0: less would hold them to nothing.
Reader read_quantile() {
  constexpr double kLeast = 0.5;
  const auto read = [](Settings& settings, const Word& word) {
    const double quantile = parse_number(word.option, word.text);
    if (quantile < kLeast || quantile > 1)
      throw Error(ErrorCode::usage, word.option,
                  word.option + " is a quantile, 0.5 or more and at most 1, such as 0.99; got " + word.text);
    settings.lora.clamp = quantile;
  };
  return {.type = ValueType::number, .read = read};
}

Reader read_concat() {
  const auto read = [](Settings& settings, const Word& word) { settings.lora.concat = word.text == "true"; };
  return {.kind = OptionKind::flag, .type = ValueType::flag, .read = read};
}

Reader read_save_dtype() {
  const auto read = [](Settings& settings, const Word& word) { settings.recipe.dtype = parse_dtype(word.text); };
  return {.type = ValueType::dtype, .read = read};
}

Reader read_spelling() {
  const std::vector<std::string> names(std::begin(kAdapterSpellings), std::end(kAdapterSpellings));
  const auto read = [names](Settings& settings, const Word& word) {
    settings.lora.spelling = static_cast<AdapterSpelling>(choice_index(word.option, word.text, names));
  };
  return {.type = ValueType::choice, .choices = names, .read = read};
}

}  // namespace

std::vector<OptionSpec> lora_options() {
  return {
      {"rank", 0, "N",
       "of extract (default 32), resize and merge: the rank of each module, or what its weight can have at most",
       read_rank(&LoraSettings::rank, 1)},
      {"conv-rank", 0, "N",
       "of extract: the rank of convolutions of 3 x 3 points and more (default: that of --rank); 0 leaves them out",
       read_rank(&LoraSettings::conv_rank, 0)},
      {"clamp", 0, "Q",
       "of extract: hold the factors' elements to this quantile of them, such as 0.99, as kohya's script does",
       read_quantile()},
      {"energy", 0, "X",
       "of resize: the lowest rank of each module that has this share of its energy, such as 0.95; --rank is then the "
       "highest",
       read_share(&LoraSettings::energy)},
      {"concat", 0, "", "of merge: add ranks up, which is exact (the default)", read_concat()},
      {"save-dtype", 0, "D", "store the factors as this dtype: f16 (default), bf16, f32, f64, f8_e4m3 or f8_e5m2",
       read_save_dtype()},
      {"spelling", 0, "S",
       "how modules are called: kohya (of extract the default for files), diffusers, or peft (for folders); of merge "
       "and "
       "resize as the first LoRA has it",
       read_spelling()},
  };
}

}  // namespace ckmerge::cli
