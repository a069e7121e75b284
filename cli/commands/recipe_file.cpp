// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/recipe_file.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <span>

#include "cli/operands/component_paths.h"
#include "cli/operands/hub_access.h"
#include "cli/operands/registry_access.h"
#include "cli/options/recipe_options.h"
#include "cli/recipes/formula_inputs.h"
#include "cli/recipes/recipe_rules.h"
#include "cli/recipes/recipe_slices.h"
#include "cli/recipes/recipe_vocabulary.h"
#include "cli/system/text.h"
#include "core/formula/recipe_graph.h"
#include "core/formula/tokens.h"
#include "core/recipe/method_defaults.h"
#include "io/file/input_file.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;
using Kind = YamlValue::Kind;

constexpr uint64_t kLargest = 1 << 20;  // bytes

const std::vector<std::string> kMembers = {"ckmerge", "checkpoints", "slices", "vocabulary", "let",
                                           "merge",   "weights",     "rules",  "options"};

std::string text_of(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kLargest)
    throw Error(ErrorCode::usage, path,
                path + ": is no recipe: it has " + std::to_string(file.size()) + " bytes, more than " +
                    std::to_string(kLargest));
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

class RecipeFile {
 public:
  explicit RecipeFile(const std::string& path) : RecipeFile(path, text_of(path)) {}

  RecipeFile(const std::string& path, const std::string& text) : path_(path), root_(parse_yaml(text, path)) {
    expect(root_, Kind::map, "a recipe is a map: ckmerge: 1, checkpoints, merge");
    if (const YamlValue* const version = root_.find("ckmerge"); version && version->text != "1")
      refuse(*version, "'ckmerge' is 1 in recipes that this ckmerge knows");  // first: another version has other keys
    if (root_.find("merge_method"))
      refuse(root_,
             "this is a configuration of mergekit and no recipe; `ckmerge mergekit " + path_ + " OUT` merges it");
    for (const YamlValue& key : root_.keys)
      if (std::ranges::find(kMembers, key.text) == kMembers.end())
        refuse(key, "'" + key.text + "' is unknown" + suggestion_of(key.text, kMembers));
    static_cast<void>(member("ckmerge"));
  }

  const std::string& path() const { return path_; }

  /// NAME=FILE of each checkpoint; a path that is relative begins in the recipe's folder.
  std::vector<std::string> checkpoints() const {
    const YamlValue& all = member("checkpoints");
    expect(all, Kind::map, "'checkpoints' are names and files, as in A: base.safetensors");
    if (all.keys.empty()) refuse(all, "'checkpoints' are names and files, as in A: base.safetensors, at least one");
    std::vector<std::string> words;
    for (size_t k = 0; k < all.keys.size(); ++k) {
      if (!is_formula_name(all.keys[k].text))
        refuse(all.keys[k],
               "'" + visible(all.keys[k].text) +
                   "' cannot name a checkpoint: names are letters, digits and underscores, no digit first");
      const std::string file = scalar(all.items[k], "a checkpoint is a file");
      words.push_back(all.keys[k].text + "=" + beside_recipe(file, path_));
    }
    return words;
  }

  Formula formula() const {
    Formula formula{.text = scalar(member("merge"), "'merge' is a formula")};
    if (const YamlValue* let = root_.find("let"); let && let->kind != Kind::null) {
      expect(*let, Kind::map, "'let' is names and formulas, as in style: B - C");
      for (size_t i = 0; i < let->keys.size(); ++i)
        formula.defined.emplace_back(let->keys[i].text, scalar(let->items[i], "a name stands for a formula"));
    }
    return formula;
  }

  /// `slices`, `vocabulary`, `weights` and `rules`, into a recipe that has the formula and the names of its
  /// checkpoints.
  void read_parts(Recipe& recipe, Places& places) const {
    if (const YamlValue* const slices = root_.find("slices"))
      recipe.operands = read_slices(*slices, path_, recipe.formula->names);
    if (const YamlValue* const vocabulary = root_.find("vocabulary"))
      read_vocabulary(*vocabulary, path_, recipe.formula->names, recipe);
    leave_operands_named(recipe);
    const auto add = [&](const Places& more) { places.insert(places.end(), more.begin(), more.end()); };
    if (const YamlValue* const rules = root_.find("rules")) add(read_rules(*rules, path_, recipe));
    if (const YamlValue* const weights = root_.find("weights")) add(read_weights(*weights, path_, recipe));
  }

  /// What the options say.
  Settings settings(Places& places) const {
    const YamlValue* const all = root_.find("options");
    const bool has_vae = all != nullptr && all->find("vae") != nullptr;
    return read_recipe_options(all, path_, member("checkpoints").items.size() + has_vae, places);
  }

  [[noreturn]] void refuse(const YamlValue& place, const std::string& sentence) const {
    refuse_at(path_, place, sentence);
  }

 private:
  void expect(const YamlValue& value, Kind kind, const char* sentence) const {
    if (value.kind != kind) refuse(value, sentence);
  }

  const YamlValue& member(const char* name) const {
    const YamlValue* const found = root_.find(name);
    if (!found) refuse(root_, std::string("'") + name + "' is missing");
    return *found;
  }

  std::string scalar(const YamlValue& value, const char* sentence) const {
    if (value.kind != Kind::scalar || value.text.empty()) refuse(value, sentence);
    return value.text;
  }

  std::string path_;
  YamlValue root_;
};

// Other files in place of the recipe's.
void bind(std::vector<std::string>& checkpoints, std::span<const std::string> bindings) {
  std::vector<std::string> names;
  for (const std::string& word : checkpoints) names.push_back(word.substr(0, word.find('=')));
  std::set<std::string> bound;
  for (const std::string& binding : bindings) {
    const std::string name = binding.substr(0, binding.find('='));
    const auto found = std::ranges::find(names, name);
    if (name.size() + 1 >= binding.size())
      throw Error(ErrorCode::usage, binding, "'" + binding + "' binds no checkpoint; give it as NAME=FILE");
    if (found == names.end())
      throw Error(ErrorCode::usage, binding,
                  "the recipe has no checkpoint '" + name + "'" + suggestion_of(name, names));
    if (!bound.insert(name).second) throw Error(ErrorCode::usage, binding, name + " is given twice");
    checkpoints[static_cast<size_t>(found - names.begin())] = binding;
  }
}

// As merge_request() will find it wrong, but with the file's name. Adds what it has beside the formula.
void complete_recipe(const RecipeFile& file, Recipe& recipe, std::vector<std::string> checkpoints, Places& places) {
  Recipe named = recipe;
  try {
    name_inputs_of_formula(checkpoints, *named.formula);
    file.read_parts(named, places);
    recipe.rules = named.rules;
    Recipe checked = named;
    const std::vector<std::string> adapters = take_adapters_of_formula(checkpoints, checked);
    check_recipe(checked, checkpoints.size() + adapters.size() + named.bake_vae);
  } catch (const Error& fault) {
    const Error error = placed(fault, places);
    const std::string prefix = std::string(error.what()).starts_with(file.path()) ? "" : file.path() + ": ";
    throw Error(ErrorCode::usage, error.where(), prefix + error.what(), error.details());
  }
  named.formula->names = recipe.formula->names;
  recipe = std::move(named);
}

// What the same merge is on the command line, with the options of `asked` and its operands behind the recipe. What the
// recipe says of a folder that is written goes into `of_folder`.
Request request_of(const RecipeFile& file, const Request& asked, Places& places, FolderSettings& of_folder) {
  Request merge = asked;
  merge.command = Command::merge;
  merge.operands = file.checkpoints();
  bind(merge.operands, std::span(asked.operands).subspan(1));
  const Settings written = file.settings(places);
  Settings& settings = merge.settings;
  settings.recipe = written.recipe;
  settings.run.hash = written.run.hash;
  if (!asked.settings.recipe.wrap.empty()) settings.recipe.wrap = asked.settings.recipe.wrap;
  settings.recipe.method = kFormulaMethod;
  settings.recipe.formula = file.formula();
  settings.components = written.components;
  settings.adapters = written.adapters;
  settings.keys = written.keys;
  settings.component = written.component;
  of_folder = {.shard_size = written.shard_size, .config_from = written.config_from, .copy_code = written.copy_code};
  if (!settings.form) settings.form = written.form;
  complete_recipe(file, settings.recipe, merge.operands, places);
  return merge;
}

// As merge_request() completes it.
Recipe completed(Request& merge) {
  Recipe recipe = merge.settings.recipe;
  name_inputs_of_formula(merge.operands, *recipe.formula);
  const std::vector<std::string> adapters = take_adapters_of_formula(merge.operands, recipe);
  leave_operands_named(recipe);
  for (const Component& vae : merge.settings.components) merge.operands.push_back(vae.path);
  recipe.bake_vae = !merge.settings.components.empty();
  merge.operands.insert(merge.operands.end(), adapters.begin(), adapters.end());
  for (const AdapterWord& adapter : merge.settings.adapters) {
    merge.operands.push_back(adapter.path);
    recipe.adapters.push_back(adapter.use);
  }
  recipe.hash |= merge.settings.run.hash;
  const size_t inputs = merge.operands.size();
  return with_defaults(canonical_recipe(recipe, inputs), inputs);
}

bool are_same_files(std::span<const std::string> some, std::span<const std::string> others) {
  const auto whole = [](const std::string& path) {
    return fs::absolute(path.substr(0, path.find_last_not_of('/') + 1)).lexically_normal();
  };
  return std::ranges::equal(some, others,
                            [&](const std::string& a, const std::string& b) { return whole(a) == whole(b); });
}

}  // namespace

bool is_recipe_file(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

void expect_another_file(const std::string& read, const char* read_as, const Settings& settings) {
  std::error_code error;
  if (settings.save_recipe && fs::equivalent(read, *settings.save_recipe, error))
    throw Error(ErrorCode::usage, "--save-recipe",
                "--save-recipe: " + *settings.save_recipe + " is " + read_as + " itself; give another file");
}

MergeRequest recipe_file_request(const Request& asked, Caller& caller) {
  expect_another_file(asked.operands[0], "the recipe", asked.settings);
  const RecipeFile file(asked.operands[0]);
  if (asked.settings.models)
    throw Error(ErrorCode::usage, "--models", "--models is for recorded merges; a recipe file names its checkpoints");
  Places places;
  FolderSettings of_folder;
  const Request named = with_registered_paths(request_of(file, asked, places, of_folder), caller);
  MergeRequest merge =
      merge_request(with_component_paths(with_hub_paths(named, caller.environment)), caller.environment);
  merge.places = std::move(places);
  merge.recorded = std::move(of_folder);
  return merge;
}

void check_recipe_text(const std::string& path, const std::string& text, const std::vector<std::string>& inputs,
                       Recipe recipe, const Environment& environment) {
  std::string fault = "this merge has something that a recipe file cannot say";
  try {
    if (text.size() > kLargest) throw Error(ErrorCode::usage, path, "the recipe has more than 1 MiB");
    Places places;
    FolderSettings of_folder;
    Request merge =
        request_of(RecipeFile(path, text), {.command = Command::run, .operands = {path}}, places, of_folder);
    merge = with_component_paths(with_hub_paths(merge, environment));
    Recipe read = completed(merge);
    for (Recipe* const one : {&read, &recipe}) {
      one->form = &output_forms().front();  // the output's name says it
      one->input_keys.clear();              // in Settings::keys, as yet
      one->input_names.clear();
    }
    if (read == recipe && are_same_files(merge.operands, inputs)) return;
  } catch (const Error& error) {
    fault += std::string(": ") + error.what();
  }
  throw Error(ErrorCode::usage, "--save-recipe", "--save-recipe: " + fault);
}

}  // namespace ckmerge::cli
