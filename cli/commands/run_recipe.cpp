// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/run_recipe.h"

#include <algorithm>
#include <filesystem>

#include "cli/commands/recipe_file.h"
#include "cli/options/faults.h"
#include "cli/recipes/run_recipe_models.h"
#include "cli/report/report.h"
#include "cli/system/text.h"
#include "core/blocks/block_selector.h"
#include "core/formula/recipe_graph.h"
#include "core/inputs/renames.h"
#include "core/plan/selection.h"
#include "core/recipe/dtype_rules.h"
#include "core/recipe/weighted_graph.h"
#include "io/folder/component_files.h"
#include "io/folder/model_folder.h"
#include "io/folder/pipeline_entries.h"
#include "io/input_forms.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBindings = "give each as LETTER=PATH, or a folder to look in as --models DIR";

[[noreturn]] void refuse(const std::string& where, const std::string& sentence, const RecordedRecipe& recorded) {
  throw Error(ErrorCode::usage, where, sentence, input_lines(recorded));
}

// Index of the input with this letter, or this name in the formula; or the number of inputs.
size_t input_called(const RecordedRecipe& recorded, const std::string& name) {
  const size_t inputs = recorded.recipe.input_names.size();
  size_t k = 0;
  while (k < inputs && letter(k) != name && formula_name(recorded.recipe, k, inputs) != name) ++k;
  return k;
}

const std::string* field(const Checkpoint& checkpoint, std::string_view key) {
  const auto found = std::ranges::find(checkpoint.metadata, key, [](const auto& entry) { return entry.first; });
  return found == checkpoint.metadata.end() ? nullptr : &found->second;
}

// What no file has is in none that could be found.
void expect_found_in_files(const RecordedRecipe& recorded, size_t k) {
  const std::string& name = recorded.recipe.input_names[k];
  if (names_memory(name) && recorded.sha256[k].empty())
    refuse(letter(k),
           letter(k) + " was in memory when it was merged (" + name + "), not in a file; give one that holds it as " +
               letter(k) + "=PATH",
           recorded);
}

// Looks for the inputs that nothing was bound to. Those found are known to be right, or the request is warned.
void find_inputs(const RecordedRecipe& recorded, const std::string& folder, MergeRequest& request, Faults& faults) {
  ModelsFolder models(folder, request.settings.run);
  for (size_t k = 0; k < request.inputs.size(); ++k) {
    if (!request.inputs[k].empty()) continue;
    const std::string &name = recorded.recipe.input_names[k], &sha256 = recorded.sha256[k];
    faults.check([&] {
      expect_found_in_files(recorded, k);
      request.inputs[k] = sha256.empty() ? models.find_by_name(letter(k), name)  //
                                         : models.find_by_hash(letter(k), name, sha256);
      if (sha256.empty())
        request.warnings.push_back(letter(k) + " is taken to be " + request.inputs[k] +
                                   " by its name alone: no hash of it was recorded");
    });
  }
}

void expect_all_bound(const RecordedRecipe& recorded, const std::vector<std::string>& inputs) {
  std::vector<std::string> missing;
  for (size_t k = 0; k < inputs.size(); ++k)
    if (inputs[k].empty()) missing.push_back(letter(k));
  if (missing.empty()) return;
  if (missing.size() == 1)
    expect_found_in_files(recorded, static_cast<size_t>(std::ranges::find(inputs, std::string()) - inputs.begin()));
  refuse(missing[0],
         "no file is given for " + joined(missing, ", ") + " of the recorded merge; " + std::string(kBindings),
         recorded);
}

void expect_recorded_hash(const RecordedRecipe& recorded, size_t k, const std::string& path, const RunOptions& run) {
  const std::string& expected = recorded.sha256[k];
  if (expected.empty()) return;
  if (names_memory(path))
    throw Error(ErrorCode::usage, path,
                letter(k) + " was a file when it was merged, " + recorded.recipe.input_names[k] + " with the SHA-256 " +
                    expected + ", which nothing in memory can be compared with; give the file");
  const std::string found = sha256_of_checkpoint(path, run);
  if (found == expected) return;
  throw Error(ErrorCode::mismatch, path,
              letter(k) + " is not the file that was merged: " + path + " has the SHA-256 " + found + ", that of " +
                  recorded.recipe.input_names[k] + " was " + expected);
}

// An input without a recorded hash can only be known by its name.
void warn_of_other_names(const RecordedRecipe& recorded, MergeRequest& request) {
  for (size_t k = 0; k < request.inputs.size(); ++k) {
    const std::string &path = request.inputs[k], &name = recorded.recipe.input_names[k];
    if (recorded.sha256[k].empty() && !path.empty() && recorded_name(path) != name)
      request.warnings.push_back(letter(k) + " is taken to be " + path + ", which was called " + name +
                                 " when it was merged: no hash of it was recorded");
  }
}

void check_inputs(const RecordedRecipe& recorded, MergeRequest& request) {
  Faults faults;
  warn_of_other_names(recorded, request);
  for (size_t k = 0; k < request.inputs.size(); ++k)
    if (!request.inputs[k].empty())
      faults.check([&] { expect_recorded_hash(recorded, k, request.inputs[k], request.settings.run); });
  if (request.settings.models) faults.check([&] { find_inputs(recorded, *request.settings.models, request, faults); });
  faults.raise();
}

// What a merge would find out when it looks for the tensors of weights and rules.
void check_parts(const Recipe& recipe, size_t inputs) {
  check_renames(recipe, inputs);
  check_weights(recipe, inputs);
  const std::vector<std::string> labels = labels_of(recipe.rules);
  for (size_t i = 0; i < recipe.rules.size(); ++i) {
    const RecipeRule& rule = recipe.rules[i];
    const std::string where = shortened(labels[i], kSentenceWidth);
    for (const std::string& selector : rule.match) check_selector(selector, where);
    if (!rule.dtype.empty() && rule.dtype != "keep") try {
        parse_dtype(rule.dtype);
      } catch (const Error& error) {
        throw Error(ErrorCode::usage, where, where + ": " + error.what());
      }
  }
}

void expect_hashes(const RecordedRecipe& recorded) {
  for (size_t k = 0; k < recorded.sha256.size() && recorded.recipe.hash; ++k)
    if (recorded.sha256[k].empty() && !names_memory(recorded.recipe.input_names[k]))
      throw Error(ErrorCode::malformed, "inputs", "an input has no sha256, though they were hashed");
}

std::string hash_text(const RecordedRecipe& recorded, size_t k) {
  if (!recorded.sha256[k].empty()) return ", sha256 " + recorded.sha256[k];
  return names_memory(recorded.recipe.input_names[k]) ? ", in memory" : ", its hash was not recorded";
}

// Of a folder, which is made again in as many files: of a pipeline, of which a file may be named, by all components.
std::optional<uint64_t> shard_size_made(const std::string& path, Caller& caller) {
  const fs::path above = fs::absolute(path).lexically_normal().parent_path().parent_path();
  const bool is_inside = !names_memory(path) && !is_folder_path(path) && holds_pipeline(above.string());
  const Checkpoint checkpoint = caller.open(is_inside ? above.string() : path, {.as_stored = true});
  return checkpoint.folder ? std::optional(shard_size_of(checkpoint)) : std::nullopt;
}

}  // namespace

std::vector<std::string> input_lines(const RecordedRecipe& recorded) {
  std::vector<std::string> lines;
  for (size_t k = 0; k < recorded.sha256.size(); ++k)
    lines.push_back(letter(k) + name_behind_letter(recorded.recipe, k, recorded.sha256.size()) + " was " +
                    recorded.recipe.input_names[k] + hash_text(recorded, k));
  return lines;
}

RecordedRecipe recorded_recipe(const std::string& path, Caller& caller) {
  const Checkpoint checkpoint = caller.open(path);
  const std::string* const text = field(checkpoint, "ckmerge.recipe");
  if (!text)
    throw Error(
        ErrorCode::usage, path,
        path + ": holds no recipe of ckmerge" +
            (field(checkpoint, "sd_merge_recipe") ? ", only another tool's (sd_merge_recipe), which is not enough "
                                                    "to merge again"
                                                  : ""));
  try {
    RecordedRecipe recorded = parse_recipe(*text);
    if (recorded.sha256.empty()) throw Error(ErrorCode::malformed, "inputs", "'inputs' is empty");
    expect_hashes(recorded);
    check_recipe(recorded.recipe, recorded.sha256.size());
    Selection(recorded.recipe).expect_understood();
    const DtypeRules understood(recorded.recipe.dtype_rules);
    check_parts(recorded.recipe, recorded.sha256.size());
    return recorded;
  } catch (const Error& e) {
    // Nobody typed it: what is wrong with it is the file's fault.
    throw Error(ErrorCode::malformed, path, path + ": its ckmerge.recipe cannot be used: " + e.what(), e.details());
  }
}

std::vector<std::string> bound_inputs(const RecordedRecipe& recorded, const std::vector<std::string>& bindings) {
  std::vector<std::string> inputs(recorded.sha256.size());
  for (const std::string& binding : bindings) {
    const size_t equals = binding.find('=');
    if (equals == binding.npos || equals == 0 || equals + 1 == binding.size())
      refuse(binding, "'" + binding + "' binds no input; " + kBindings, recorded);
    const std::string input = binding.substr(0, equals);
    const size_t k = input_called(recorded, input);
    if (k == inputs.size()) refuse(binding, "the recorded merge has no input " + input, recorded);
    if (!inputs[k].empty()) refuse(binding, input + " is given twice", recorded);
    inputs[k] = binding.substr(equals + 1);
  }
  return inputs;
}

MergeRequest run_request(const Request& asked, Caller& caller) {
  const std::vector<std::string>& operands = asked.operands;
  if (operands.empty())
    throw Error(ErrorCode::usage, "", "no file is given; `ckmerge run FILE A=PATH B=PATH -o OUT` repeats FILE's merge");
  if (is_recipe_file(operands[0])) return recipe_file_request(asked, caller);
  // The options mean what they mean to merge. Its inputs are set below, and its recipe, to which no option of run adds.
  Request options = asked;
  options.operands = {operands[0]};
  Faults faults, of_recipe;
  MergeRequest request;
  RecordedRecipe recorded;
  std::vector<std::string> inputs;
  of_recipe.check([&] {
    recorded = recorded_recipe(operands[0], caller);
    inputs = bound_inputs(recorded, {operands.begin() + 1, operands.end()});
    if (!asked.settings.models) expect_all_bound(recorded, inputs);
  });
  options.settings.recipe.layout = recorded.recipe.layout;  // by which an output may be a folder
  faults.check([&] { request = merge_request(options, caller.environment); });
  faults.add(of_recipe);
  faults.raise();
  request.inputs = inputs;
  if (recorded.version < kRecipeVersion)
    request.warnings.push_back("the recipe is an older ckmerge's (version " + std::to_string(recorded.version) +
                               "): today elements that are equal in all inputs are kept, schedules and other buffers "
                               "are A's, and so are fields "
                               "of metadata that differ, so the file may come out otherwise");
  Settings& settings = request.settings;
  recorded.recipe.form = settings.recipe.form;
  recorded.recipe.wrap = settings.recipe.wrap;
  settings.recipe = recorded.recipe;
  settings.run.hash = recorded.recipe.hash;
  settings.run.expected_sha256 = recorded.sha256;
  settings.run.stop = caller.stop();  // hashing can take minutes
  request.shard_size_before = shard_size_made(operands[0], caller);
  check_inputs(recorded, request);
  return request;
}

}  // namespace ckmerge::cli
