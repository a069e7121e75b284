// SPDX-License-Identifier: Apache-2.0
#include "cli/report/mergekit_advice.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "cli/options/faults.h"
#include "cli/options/option_table.h"
#include "cli/system/text.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

struct Wording {
  std::string_view there, here;
};
constexpr auto kWordings = std::to_array<Wording>(
    {{"--discard it, or keep A's (--missing keep), zero it or drop it", "-u takes it, -i leaves it out"},
     {"--discard it, or drop it (--extra drop) or add it", "-u takes it, -i leaves it out"},
     {"give others, or --no-normalize", "give others, or 'normalize_weights: false'"},
     {"leave --normalize out", "give others, or 'normalize: false'"},
     {"keep them as they are with --no-normalize, in a formula with normalize=false",
      "give others, or 'normalize: false'"},
     {"--vocab crop merges", "--unsafe-truncate-embeddings merges"},
     {"mergekit's tokenizer_source (`ckmerge mergekit`) joins", "'tokenizer_source: union' in the configuration joins"},
     {"(--dtype bf16 or f32)", "(dtype: bfloat16 or float32)"},
     {"(--dtype f32)", "(dtype: float32)"},
     {"(--dtype f64)", "(dtype: float64)"}});

std::string in_words_of_mergekit(std::string sentence) {
  for (const Wording& wording : kWordings)
    for (size_t at = sentence.find(wording.there); at != sentence.npos; at = sentence.find(wording.there, at))
      sentence.replace(at, wording.there.size(), wording.here), at += wording.here.size();
  return sentence;
}

using Names = std::set<std::string, std::less<>>;

Names options_named(Command command) {
  Names names;
  for (const OptionSpec& option : options_of(command))
    for (std::string& spelling : option.spellings()) names.insert(std::move(spelling));
  return names;
}

// Whether the command that has the option stands before it, as in "`ckmerge convert --mend`".
bool has_its_command(std::string_view before) {
  const std::string_view near = before.substr(std::min(before.find_last_of("`(;:"), before.size()));
  return near.find("convert ") != near.npos || near.find("ckmerge ") != near.npos;
}

// --NAME, each once, in their order.
std::vector<std::string> options_in(std::string_view sentence) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz-";
  std::vector<std::string> options;
  for (size_t at = sentence.find("--"); at != sentence.npos;) {
    const size_t end = std::min(sentence.find_first_not_of(kLetters, at), sentence.size());
    const bool begins = at == 0 || kLetters.find(sentence[at - 1]) == kLetters.npos;
    std::string option(sentence.substr(at, end - at));
    if (begins && !has_its_command(sentence.substr(0, at)) && std::ranges::find(options, option) == options.end())
      options.push_back(std::move(option));
    at = sentence.find("--", end);
  }
  return options;
}

std::string are_options(const std::vector<std::string>& options) {
  const bool is_one = options.size() == 1;
  return joined(options, ", ") + (is_one ? " is an option" : " are options");
}

// "; --discard, --mend are options of `ckmerge convert`, ..." of those that this command lacks.
std::string where_others_are(const std::string& sentence) {
  static const Names here = options_named(Command::mergekit), converting = options_named(Command::convert),
                     merging = options_named(Command::merge);
  std::vector<std::string> of_convert, of_merge;
  for (std::string& option : options_in(sentence)) {
    if (here.contains(option)) continue;
    if (converting.contains(option))
      of_convert.push_back(std::move(option));
    else if (merging.contains(option))
      of_merge.push_back(std::move(option));
  }
  std::string out;
  if (!of_convert.empty())
    out += "; " + are_options(of_convert) + " of `ckmerge convert`, which makes one model from another";
  if (!of_merge.empty())
    out += "; " + are_options(of_merge) +
           " of `ckmerge merge` and of recipes, as --save-recipe makes one of a configuration";
  return out;
}

}  // namespace

std::string mergekit_advice(const std::string& sentence) {
  const std::string worded = in_words_of_mergekit(sentence);
  return worded + where_others_are(worded);
}

void take_mergekit_advice(std::vector<std::string>& warnings) {
  for (std::string& warning : warnings) warning = mergekit_advice(warning);
}

void rethrow_with_mergekit_advice(const Error& error) {
  const std::string sentence = mergekit_advice(error.what());
  std::vector<std::string> lines;
  const auto* const gathered = dynamic_cast<const GatheredFaults*>(&error);
  for (size_t i = 0; i < error.details().size(); ++i) lines.push_back(in_words_of_mergekit(error.details()[i]));
  if (gathered) {
    for (size_t i = 0; i < lines.size(); ++i)
      if (!gathered->nested()[i]) lines[i] += where_others_are(lines[i]);
    throw GatheredFaults(error, sentence, std::move(lines), gathered->nested());
  }
  throw Error(error.code(), error.where(), sentence, std::move(lines));
}

}  // namespace ckmerge::cli
