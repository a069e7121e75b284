// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/mergekit.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "cli/commands/commands.h"
#include "cli/commands/recipe_file.h"
#include "cli/operands/hub_access.h"
#include "cli/operands/registry_access.h"
#include "cli/options/output_name.h"
#include "cli/report/mergekit_advice.h"
#include "cli/system/text.h"
#include "core/mergekit/mergekit_methods.h"
#include "core/mergekit/mergekit_recipe.h"
#include "core/mergekit/tensor_union.h"
#include "io/file/input_file.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

constexpr uint64_t kLargest = 1 << 20;  // bytes
constexpr const char* kUsage = "`ckmerge mergekit CONFIG.yml OUT` merges what a configuration of mergekit says";

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::string text_of(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) refuse(path, path + ": is a folder and no configuration; " + kUsage);
  const InputFile file(path);
  if (file.size() > kLargest)
    refuse(path,
           sentence(path, ": is no configuration of mergekit: it has ", file.size(), " bytes, more than ", kLargest));
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

// CONFIG OUT, OUT as an operand or an option; of `plan` OUT alone, if anything.
std::string take_operands(Request& request) {
  std::vector<std::string> words = std::exchange(request.operands, {});
  Settings& settings = request.settings;
  if (settings.mergekit.config) words.insert(words.begin(), *settings.mergekit.config);
  if (words.empty()) refuse("", std::string("no configuration is given; ") + kUsage);
  if (words.size() > 2 || (words.size() == 2 && settings.output))
    refuse(words.back(), std::string("one configuration and one output are given, and no more; ") + kUsage);
  if (words.size() == 2) settings.output = words[1];
  if (!settings.output && !settings.only_plan && request.command == Command::mergekit)
    refuse("", std::string("no output is given; ") + kUsage);
  if (settings.output && settings.output->empty()) refuse("--output", "the output has an empty name");
  return words[0];
}

// A folder's own files of its tokenizer, and what mergekit copies with them.
constexpr auto kTokenizerFiles = std::to_array<const char*>(
    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer.model", "added_tokens.json",
     "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "chat_template.jinja", "chat_template.json"});

// A shard counts as one, though it stands for all of its model.
bool is_file(const Checkpoint& checkpoint) {
  std::error_code error;
  return !checkpoint.folder || std::filesystem::is_regular_file(checkpoint.path, error);
}

// What lies beside the weights of the result.
ModelChanges changes_of(const MergekitFile& file, const MergekitSettings& settings, const Recipe& recipe) {
  ModelChanges changes{.has_card = settings.writes_card};
  if (settings.writes_card) changes.texts.emplace("mergekit_config.yml", file.text);
  const bool is_made = recipe.vocabulary || !recipe.chat_template.empty();  // and not copied
  if (!settings.copy_tokenizer && !is_made) changes.without.assign(kTokenizerFiles.begin(), kTokenizerFiles.end());
  return changes;
}

// Where models lie: files and folders as they are called, others in Hugging Face's cache, or in the registry.
std::vector<std::string> places_of(std::vector<std::string> words, const Request& request, Caller& caller) {
  Request models{.command = Command::merge, .operands = std::move(words)};
  models.settings.registry = request.settings.registry;
  Environment environment = caller.environment;
  std::vector<std::string>& caches = environment.hub_caches;
  if (request.settings.mergekit.cache) caches.insert(caches.begin(), *request.settings.mergekit.cache);
  return with_hub_paths(with_registered_paths(models, caller), environment).operands;
}

// The tokens of a model that is none of those that are merged.
void find_vocabulary(std::optional<VocabularyRequest>& vocabulary, const Request& request, Caller& caller) {
  if (!vocabulary || vocabulary->kind != VocabularyRequest::Kind::folder) return;
  vocabulary->folder = places_of({vocabulary->folder}, request, caller).at(0);
}

// Names that some models lack, as mergekit-pytorch has it.
void set_policies(const MergekitSettings& settings, bool is_flat, Recipe& recipe) {
  const bool both = settings.tensor_union && settings.tensor_intersection;
  if (both) refuse("--tensor-union", "--tensor-union and --tensor-intersection are two ways; give one");
  if (!is_flat && (settings.tensor_union || settings.tensor_intersection))
    refuse(
        settings.tensor_union ? "--tensor-union" : "--tensor-intersection",
        "--tensor-union and --tensor-intersection are of 'models' that are files, not of folders, slices and modules");
  if (!is_flat) return;
  recipe.missing = settings.tensor_union          ? MissingPolicy::keep
                   : settings.tensor_intersection ? MissingPolicy::drop
                                                  : MissingPolicy::error;
  recipe.extra = settings.tensor_union          ? ExtraPolicy::add
                 : settings.tensor_intersection ? ExtraPolicy::drop
                                                : ExtraPolicy::error;
}

// Who gives a seed wants what it gives there.
MergekitLikeness likeness_of(const MergekitSettings& settings) {
  return {.masks = settings.mergekit_masks.value_or(settings.random_seed.has_value()),
          .order = settings.mergekit_order};
}

// "METHODS: WHAT", of those that do so; empty where a document has one of these.
std::string without_effect(const MergekitFile& file, bool MergekitMethod::*does, const char* option) {
  std::vector<std::string> here, others;
  for (const MergekitConfig& document : file.documents) {
    const MergekitMethod& method = mergekit_method(document.method, document.method_place, file.where);
    if (method.*does) return "";
    const std::string name(method.name);
    if (std::ranges::find(here, name) == here.end()) here.push_back(name);
  }
  for (const MergekitMethod& method : mergekit_methods())
    if (method.*does) others.emplace_back(method.name);
  return sentence(option, " changes nothing for ", joined(here, ", "), ": it is of ", joined(others, ", "));
}

// Options of a run like mergekit's that no document has a use for.
std::vector<std::string> unused_likeness(const MergekitFile& file, const MergekitSettings& settings) {
  std::vector<std::string> warnings;
  if (settings.random_seed) warnings.push_back(without_effect(file, &MergekitMethod::draws, "--random-seed"));
  if (settings.mergekit_masks.value_or(false))
    warnings.push_back(without_effect(file, &MergekitMethod::draws, "--masks mergekit"));
  if (settings.mergekit_order) warnings.push_back(without_effect(file, &MergekitMethod::ranks, "--order mergekit"));
  std::erase(warnings, "");
  return warnings;
}

// What the options of the command say of the recipe, which is not theirs otherwise.
void take_options(const Settings& asked, Recipe& recipe) {
  recipe.hash = asked.recipe.hash || asked.run.hash;
  recipe.nan = asked.recipe.nan;
  recipe.underflow = asked.recipe.underflow;
  recipe.rounding = asked.recipe.rounding;
  recipe.seed = asked.recipe.seed;
  recipe.vocab = asked.recipe.vocab;
  recipe.form = asked.recipe.form;
}

}  // namespace

MergeRequest mergekit_request(const Request& asked, Caller& caller) {
  Request request = asked;
  const std::string path = take_operands(request);
  expect_another_file(path, "the configuration", request.settings);
  const MergekitFile file = parse_mergekit(text_of(path), path);
  const std::vector<MergekitModel> models = mergekit_models(file);
  std::vector<std::string> words;
  for (const MergekitModel& model : models) words.push_back(model.text);
  const std::vector<std::string> places = places_of(std::move(words), request, caller);
  const std::vector<Checkpoint> checkpoints =
      open_checkpoints(places, caller, {.allow_expanded = request.settings.allow_expanded});
  const auto is_of_models = [](const MergekitConfig& document) {
    return document.modules.size() == 1 && document.modules[0].name.empty() && document.modules[0].of_models;
  };
  const bool is_flat = std::ranges::all_of(checkpoints, is_file) && std::ranges::all_of(file.documents, is_of_models);
  const MergekitInputs inputs{.file = file,
                              .models = models,
                              .checkpoints = checkpoints,
                              .is_flat = is_flat,
                              .seed = request.settings.mergekit.random_seed.value_or(0),
                              .likeness = likeness_of(request.settings.mergekit)};
  MergekitMerge made = mergekit_recipe(inputs);
  for (const uint32_t input : made.inputs) request.operands.push_back(places[input]);
  find_vocabulary(made.recipe.vocabulary, request, caller);
  set_policies(asked.settings.mergekit, is_flat, made.recipe);
  if (asked.settings.mergekit.tensor_union)
    for (std::string& warning : tensor_union_warnings(inputs)) made.warnings.push_back(std::move(warning));
  MergeRequest merge = merge_request(request, caller.environment);
  take_options(merge.settings, made.recipe);
  merge.settings.recipe = std::move(made.recipe);
  merge.changes = changes_of(file, asked.settings.mergekit, merge.settings.recipe);
  merge.asks_for_folder = !merge.output.empty();
  if (promised_form(merge.output))
    merge.warnings.push_back(merge.output +
                             " is one file by its name, without config, tokenizer and card; mergekit makes "
                             "folders of any name");
  for (std::string& warning : made.warnings) merge.warnings.push_back(std::move(warning));
  for (std::string& warning : unused_likeness(file, asked.settings.mergekit))
    merge.warnings.push_back(std::move(warning));
  for (const std::string& note : asked.settings.mergekit.without_meaning) merge.warnings.push_back(note);
  merge.words_warnings = take_mergekit_advice;
  return merge;
}

void mergekit_command(const Request& asked, Caller& caller) try {
  merge_command(mergekit_request(asked, caller), caller);
} catch (const Error& error) {
  rethrow_with_mergekit_advice(error);
}

}  // namespace ckmerge::cli
