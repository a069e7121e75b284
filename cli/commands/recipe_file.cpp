// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/recipe_file.h"

#include <algorithm>
#include <filesystem>
#include <span>

#include "cli/commands/formula_inputs.h"
#include "cli/commands/recipe_rules.h"
#include "cli/commands/registry_access.h"
#include "cli/options/option_table.h"
#include "cli/system/text.h"
#include "core/formula/recipe_graph.h"
#include "io/file/input_file.h"
#include "io/text/yaml_value.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;
using Kind = YamlValue::Kind;

constexpr uint64_t kLargest = 1 << 20;  // bytes

const std::vector<std::string> kMembers = {"ckmerge", "checkpoints", "let", "merge", "weights", "rules", "options"};

// Those of merge that are about what comes out, not about where it goes and how the work is done.
const std::vector<std::string> kOptions = {
    "add-prefix",     "copy-codes",    "discard",      "dtype",     "exclude", "expand",
    "first-channels", "extra",         "format",       "half",      "hash",    "key",
    "mend",           "merge-buffers", "metadata",     "missing",   "nan",     "only",
    "rename",         "set-metadata",  "strip-prefix", "underflow", "vae"};

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
  explicit RecipeFile(const std::string& path) : path_(path), root_(parse_yaml(text_of(path), path)) {
    expect(root_, Kind::map, "a recipe is a map: ckmerge: 1, checkpoints, merge");
    for (const YamlValue& key : root_.keys)
      if (std::ranges::find(kMembers, key.text) == kMembers.end())
        refuse(key, "'" + key.text + "' is unknown" + suggestion_of(key.text, kMembers));
    const YamlValue& version = member("ckmerge");
    if (version.text != "1") refuse(version, "'ckmerge' is 1 in recipes that this ckmerge knows");
  }

  const std::string& path() const { return path_; }

  /// NAME=FILE of each checkpoint; a path that is relative begins in the recipe's folder.
  std::vector<std::string> checkpoints() const {
    const YamlValue& all = member("checkpoints");
    expect(all, Kind::map, "'checkpoints' are names and files, as in A: base.safetensors");
    std::vector<std::string> words;
    for (size_t k = 0; k < all.keys.size(); ++k) {
      const std::string file = scalar(all.items[k], "a checkpoint is a file");
      words.push_back(all.keys[k].text + "=" + beside_recipe(file));
    }
    return words;
  }

  Formula formula() const {
    Formula formula{.text = scalar(member("merge"), "'merge' is a formula")};
    if (const YamlValue* let = root_.find("let")) {
      expect(*let, Kind::map, "'let' is names and formulas, as in style: B - C");
      for (size_t i = 0; i < let->keys.size(); ++i)
        formula.defined.emplace_back(let->keys[i].text, scalar(let->items[i], "a name stands for a formula"));
    }
    return formula;
  }

  /// `weights` and `rules`, into a recipe that has the formula and the names of its checkpoints.
  void read_parts(Recipe& recipe) const {
    if (const YamlValue* const rules = root_.find("rules")) read_rules(*rules, path_, recipe);
    if (const YamlValue* const weights = root_.find("weights")) read_weights(*weights, path_, recipe);
  }

  /// What the options say; each is read by itself first, so that a fault is told with its place.
  Settings settings() const {
    CommandLine line{.command = Command::merge, .operands = {}, .options = {}};
    const YamlValue* const all = root_.find("options");
    if (!all || all->kind == Kind::null) return read_request(line).settings;
    expect(*all, Kind::map, "'options' are options of merge and their values, as in dtype: f16");
    for (size_t i = 0; i < all->keys.size(); ++i) {
      const std::string name = option_name(all->keys[i]);
      if (!line.options.try_emplace(name, words(name, all->items[i])).second)
        refuse(all->keys[i], "'" + all->keys[i].text + "' is given twice");
      try {
        read_request({.command = Command::merge, .operands = {}, .options = {{name, line.options.at(name)}}})
            .refused.raise();
      } catch (const Error& error) {
        refuse(all->items[i], error.what());
      }
    }
    return read_request(line).settings;
  }

  [[noreturn]] void refuse(const YamlValue& place, const std::string& sentence) const {
    refuse_at(path_, place, sentence);
  }

  static std::string suggestion_of(const std::string& typed, const std::vector<std::string>& known) {
    const std::string near = did_you_mean(typed, known);
    return near.empty() ? "; there can be " + joined(known, ", ") : near;
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

  std::string beside_recipe(const std::string& file) const {
    if (file.starts_with('@')) return file;
    return (fs::path(path_).parent_path() / file).string();
  }

  // With _ as in programs, or - as on the command line.
  std::string option_name(const YamlValue& key) const {
    std::string name = key.text;
    std::ranges::replace(name, '_', '-');
    if (std::ranges::find(kOptions, name) == kOptions.end())
      refuse(key, "'" + key.text + "' is no option of a recipe" + suggestion_of(name, kOptions));
    return name;
  }

  // A word, a list of words, or a map for words such as vae=f32.
  std::vector<std::string> words(const std::string& name, const YamlValue& value) const {
    constexpr const char* kWanted = "an option has a value, a list of values, or a map of names and values";
    const auto word = [&](const YamlValue& item) {
      const std::string text = scalar(item, kWanted);
      return name == "vae" ? beside_recipe(text) : text;
    };
    if (value.kind != Kind::list && value.kind != Kind::map) return {word(value)};
    std::vector<std::string> all;
    for (size_t i = 0; i < value.items.size(); ++i)
      all.push_back((value.kind == Kind::map ? value.keys[i].text + "=" : "") + word(value.items[i]));
    if (all.empty()) refuse(value, kWanted);
    return all;
  }

  std::string path_;
  YamlValue root_;
};

// Other files in place of the recipe's.
void bind(std::vector<std::string>& checkpoints, std::span<const std::string> bindings) {
  std::vector<std::string> names;
  for (const std::string& word : checkpoints) names.push_back(word.substr(0, word.find('=')));
  for (const std::string& binding : bindings) {
    const std::string name = binding.substr(0, binding.find('='));
    const auto found = std::ranges::find(names, name);
    if (name.size() + 1 >= binding.size())
      throw Error(ErrorCode::usage, binding, "'" + binding + "' binds no checkpoint; give it as NAME=FILE");
    if (found == names.end())
      throw Error(ErrorCode::usage, binding,
                  "the recipe has no checkpoint '" + name + "'" + RecipeFile::suggestion_of(name, names));
    checkpoints[static_cast<size_t>(found - names.begin())] = binding;
  }
}

// As merge_request() will find it wrong, but with the file's name. Adds what it has beside the formula.
void complete_recipe(const RecipeFile& file, Recipe& recipe, std::vector<std::string> checkpoints) {
  Recipe named = recipe;
  try {
    name_inputs_of_formula(checkpoints, *named.formula);
    file.read_parts(named);
    check_recipe(named, checkpoints.size() + named.bake_vae);
  } catch (const Error& error) {
    const std::string prefix = std::string(error.what()).starts_with(file.path()) ? "" : file.path() + ": ";
    throw Error(ErrorCode::usage, error.where(), prefix + error.what(), error.details());
  }
  named.formula->names = recipe.formula->names;
  recipe = std::move(named);
}

}  // namespace

bool is_recipe_file(const std::string& path) { return path.ends_with(".yaml") || path.ends_with(".yml"); }

MergeRequest recipe_file_request(const Request& asked, const Environment& environment) {
  const RecipeFile file(asked.operands[0]);
  if (asked.settings.models)
    throw Error(ErrorCode::usage, "--models", "--models is for recorded merges; a recipe file names its checkpoints");
  Request merge = asked;
  merge.command = Command::merge;
  merge.operands = file.checkpoints();
  bind(merge.operands, std::span(asked.operands).subspan(1));
  const Settings written = file.settings();
  Settings& settings = merge.settings;
  settings.recipe = written.recipe;
  settings.recipe.wrap = asked.settings.recipe.wrap;
  settings.recipe.method = kFormulaMethod;
  settings.recipe.formula = file.formula();
  settings.components = written.components;
  settings.keys = written.keys;
  if (!settings.form) settings.form = written.form;
  complete_recipe(file, settings.recipe, merge.operands);
  return merge_request(with_registered_paths(merge, environment), environment);
}

}  // namespace ckmerge::cli
