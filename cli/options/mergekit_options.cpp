// SPDX-License-Identifier: Apache-2.0
#include "cli/options/mergekit_options.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "cli/options/choices.h"
#include "cli/options/numbers.h"
#include "cli/options/readers.h"
#include "cli/options/sizes.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// ---- what means nothing here

struct Unused {
  const char* name;
  OptionKind kind;
  const char* value_name;
  const char* why;  // behind "--NAME changes nothing: "
};

constexpr auto kUnused = std::to_array<Unused>({
    {"allow-crimes", OptionKind::toggle, "",
     "models are merged by the names and shapes of their tensors, and told apart by these"},
    {"clone-tensors", OptionKind::toggle, "", "layers may occur as often as is asked"},
    {"lazy-unpickle", OptionKind::toggle, "",
     "pickles are read and never run, and only what is merged is read of a file"},
    {"low-cpu-memory", OptionKind::toggle, "", "the memory is that of --memory, whatever the size of the models"},
    {"read-to-gpu", OptionKind::toggle, "", "a GPU is sent what it computes, tile by tile"},
    {"multi-gpu", OptionKind::toggle, "", "which GPUs compute is said by --device cuda:0,1"},
    {"async-write", OptionKind::toggle, "", "results are written while others are computed"},
    {"write-threads", OptionKind::value, "N", "results are written by the threads that compute them"},
    {"trust-remote-code", OptionKind::toggle, "", "no code of a model is run"},
    {"lora-merge-cache", OptionKind::value, "DIR", "nothing is stored between"},
    {"lora-merge-dtype", OptionKind::value, "D", "nothing is stored between"},
    {"cuda", OptionKind::toggle, "", "a GPU computes where that is faster; --device cuda asks for it"},
    {"gpu-rich", OptionKind::flag, "", "a GPU computes where that is faster; --device cuda asks for it"},
    {"intermediate-dir", OptionKind::value, "DIR", "documents are computed in each other, with no files between"},
    {"lazy", OptionKind::toggle, "", "documents are computed in each other, with no files between"},
});

OptionSpec unused_option(const Unused& row) {
  const auto read = [row](Settings& settings, const Word& word) {
    // What is off is so here, too.
    if (row.kind != OptionKind::toggle || word.text == "true")
      settings.mergekit.without_meaning.push_back(word.option + " changes nothing: " + row.why);
  };
  return {
      .name = row.name,
      .letter = std::string_view(row.name) == "intermediate-dir" ? 'I' : '\0',
      .value_name = row.value_name,
      .meaning = std::string("mergekit's; changes nothing: ") + row.why,
      .reader = {
          .kind = row.kind, .type = row.kind == OptionKind::value ? ValueType::text : ValueType::flag, .read = read}};
}

// ---- what means something

Reader read_mergekit_toggle(bool MergekitSettings::*member) {
  return {.kind = OptionKind::toggle, .type = ValueType::flag, .read = [member](Settings& settings, const Word& word) {
            settings.mergekit.*member = word.text == "true";
          }};
}

Reader read_mergekit_flag(bool MergekitSettings::*member) {
  Reader reader = read_mergekit_toggle(member);
  reader.kind = OptionKind::flag;
  return reader;
}

// mergekit's K, M and B; its help speaks of parameters, but it counts bytes.
Reader read_shard_size() {
  return {.type = ValueType::size, .read = [](Settings& settings, const Word& word) {
            std::string text = word.text;
            const bool is_of_bytes = text.size() > 1 && (text.back() == 'B' || text.back() == 'b') &&
                                     text.find_first_not_of("0123456789") == text.size() - 1;
            if (is_of_bytes) text.back() = 'G';
            settings.shard_size = parse_size(word.option, text);
          }};
}

Reader read_seed() {
  return {.type = ValueType::count, .read = [](Settings& settings, const Word& word) {
            constexpr uint64_t kMost = UINT32_MAX;
            settings.mergekit.random_seed = parse_count(word.option, word.text, 0, kMost);
          }};
}

Reader read_likeness(void (*take)(MergekitSettings& settings, bool is_mergekits)) {
  const std::vector<std::string> names = {"own", "mergekit"};
  return {.type = ValueType::choice, .choices = names, .read = [=](Settings& settings, const Word& word) {
            take(settings.mergekit, choice_index(word.option, word.text, names) == 1);
          }};
}

Reader read_safe_serialization() {
  return {
      .kind = OptionKind::toggle, .type = ValueType::flag, .read = [](Settings& settings, const Word& word) {
        if (word.text != "true")
          settings.mergekit.without_meaning.push_back(
              "--no-safe-serialization changes nothing: results are safetensors, for which nobody has to be trusted");
      }};
}

Reader read_quiet() {
  return {.kind = OptionKind::toggle, .type = ValueType::flag, .read = [](Settings& settings, const Word& word) {
            settings.quiet = word.text == "true";
          }};
}

Reader read_truncation() {
  return {.kind = OptionKind::toggle, .type = ValueType::flag, .read = [](Settings& settings, const Word& word) {
            settings.recipe.vocab = word.text == "true" ? VocabPolicy::crop : VocabPolicy::error;
          }};
}

Reader read_mergekit_text(std::optional<std::string> MergekitSettings::*member, ValueType type) {
  return {.type = type, .read = [member](Settings& settings, const Word& word) {
            if (word.text.empty()) throw Error(ErrorCode::usage, word.option, word.option + " has an empty value");
            settings.mergekit.*member = word.text;
          }};
}

}  // namespace

std::vector<OptionSpec> mergekit_options() {
  using Mk = MergekitSettings;
  std::vector<OptionSpec> options = {
      {"out-path", 0, "OUT", "the folder of the result, as the second operand",
       read_filled_text(&Settings::output, ValueType::output, " has an empty value")},
      {"out-shard-size", 0, "SIZE", "the most bytes in a file of the result, such as 5B, 500M (default 5B)",
       read_shard_size()},
      {"copy-tokenizer", 0, "", "carry the tokenizer of the base into the result (default on)",
       read_mergekit_toggle(&Mk::copy_tokenizer)},
      {"write-model-card", 0, "", "write README.md and mergekit_config.yml into the result (default on)",
       read_mergekit_toggle(&Mk::writes_card)},
      {"tensor-union", 'u', "", "of models that are files: merge what any of them has",
       read_mergekit_flag(&Mk::tensor_union)},
      {"tensor-intersection", 'i', "", "of models that are files: merge what all of them have, and no more",
       read_mergekit_flag(&Mk::tensor_intersection)},
      {"unsafe-truncate-embeddings", 0, "",
       "cut embeddings to the smallest vocabulary; a tokenizer in the configuration joins them by their tokens",
       read_truncation()},
      {"random-seed", 0, "N",
       "what the masks of dare_linear, dare_ties, della and della_linear are drawn from (default 0)", read_seed()},
      {"masks", 0, "WHOSE",
       "mergekit: those that mergekit-yaml draws, the default where a seed is given; own: ckmerge's, which hang on "
       "names",
       read_likeness([](MergekitSettings& settings, bool is_mergekits) { settings.mergekit_masks = is_mergekits; })},
      {"order", 0, "WHOSE",
       "of equal magnitudes ties and breadcrumbs keep, and sce of equal variances: own (default): those of the lowest "
       "indices; mergekit: those that it keeps, each tensor sorted in memory",
       read_likeness([](MergekitSettings& settings, bool is_mergekits) { settings.mergekit_order = is_mergekits; })},
      {"transformers-cache", 0, "DIR", "where org/name is looked for, in place of the user's cache",
       read_mergekit_text(&Mk::cache, ValueType::folder)},
      {"safe-serialization", 0, "", "write safetensors (on, and nothing else)", read_safe_serialization()},
      {"quiet", 'q', "", "print no report and no progress, only errors", read_quiet()},
      {"num-threads", 'j', "N", "threads to compute on, as --threads", read_count(&RunOptions::threads, 1, 1024)}};
  for (const Unused& row : kUnused) options.push_back(unused_option(row));
  return options;
}

OptionSpec planned_mergekit_option() {
  return {"mergekit", 0, "FILE",
          "plan the merge of this configuration of mergekit (.yml), as `ckmerge mergekit` does it",
          read_mergekit_text(&MergekitSettings::config, ValueType::file)};
}

}  // namespace ckmerge::cli
