// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/save_recipe.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <optional>
#include <type_traits>
#include <utility>

#include "cli/commands/recipe_file.h"
#include "cli/options/adapter_option.h"
#include "cli/options/numbers.h"
#include "cli/recipes/checkpoint_path.h"
#include "cli/recipes/recipe_slices.h"
#include "cli/recipes/recipe_vocabulary.h"
#include "cli/system/text.h"
#include "core/formula/adapter_names.h"
#include "core/formula/sole_call.h"
#include "core/read/staging.h"
#include "core/recipe/recipe_members.h"
#include "io/text/utf8.h"
#include "io/text/yaml_text.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::usage, "--save-recipe", "--save-recipe: " + what);
}

std::vector<std::string> dtype_words(const Recipe& recipe) {
  std::vector<std::string> words;
  if (recipe.dtype) words.push_back(dtype_text(recipe.dtype));
  for (size_t i = 0; i < kPartCount; ++i)
    if (const auto& part = recipe.part_dtypes[i])
      words.push_back(std::string(kPartNames[i]) + "=" + dtype_text(part->dtype));
  words.insert(words.end(), recipe.dtype_rules.begin(), recipe.dtype_rules.end());
  return words;
}

std::vector<std::string> metadata_words(const Recipe& recipe) {
  std::vector<std::string> words;
  for (const auto& [key, value] : recipe.set_metadata) words.push_back(key + "=" + value);
  return words;
}

std::string numbers_text(const std::vector<double>& numbers, bool as_list) {
  std::vector<std::string> texts;
  for (const double number : numbers) texts.push_back(number_text(number));
  return numbers.size() == 1 && !as_list ? texts[0] : yaml_list(texts);
}

// As people write it, where nothing in it is YAML's.
std::string formula_scalar(const std::string& formula) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ +-*/().,=[]";
  const bool begins_plain = kPlain.substr(0, 52).find(formula[0]) != kPlain.npos || formula[0] == '(';
  const bool has_operand = formula.find('(') != formula.npos || formula.find(' ') != formula.npos;
  const bool is_plain = begins_plain && has_operand && formula.find_first_not_of(kPlain) == formula.npos;
  return is_plain ? formula : yaml_scalar(formula);
}

class Writer {
 public:
  Writer(const MergeRequest& request, const Recipe& recipe, const Environment& environment)
      : request_(request),
        recipe_(recipe),
        place_{.file = *request.settings.save_recipe, .hub_caches = environment.hub_caches} {}

  std::string text() {
    write_checkpoints();
    write_slices();
    write_formula();
    write_weights();
    write_rules();
    write_options();
    return out_;
  }

 private:
  void line(size_t depth, const std::string& text) { out_ += std::string(2 * depth, ' ') + text + "\n"; }

  size_t merged() const { return merged_inputs(recipe_, request_.inputs.size()); }
  size_t given() const { return given_inputs(recipe_, request_.inputs.size()); }

  std::string name_of(size_t k) const {
    return recipe_.formula && k < recipe_.formula->names.size() ? recipe_.formula->names[k] : place_name(k);
  }

  // Of one component of a pipeline the option says it, so that a pipeline can be put in its place.
  std::string checkpoint(size_t k) const {
    const std::optional<std::string>& component = request_.settings.component;
    const std::string& path = request_.inputs[k];
    return checkpoint_in_recipe(component ? without_component(path, *component) : path, place_);
  }

  void write_checkpoints() {
    line(0, "ckmerge: 1");
    line(0, "checkpoints:");
    for (size_t k = 0; k < given(); ++k) line(1, yaml_scalar(name_of(k)) + ": " + yaml_scalar(checkpoint(k)));
    for (size_t i = 0; i < named_adapters(); ++i)
      line(1, yaml_scalar(recipe_.formula->names[merged() + i]) + ": " +
                  yaml_scalar(
                      path_in_recipe(request_.inputs[first_adapter(recipe_, request_.inputs.size()) + i], place_)));
  }

  // Those that the formula has names for.
  size_t named_adapters() const { return recipe_.formula ? adapter_names(*recipe_.formula, recipe_.rules).size() : 0; }

  // Of the other adapters.
  std::vector<std::string> adapter_words() const {
    std::vector<std::string> words;
    for (size_t i = named_adapters(); i < recipe_.adapters.size(); ++i)
      words.push_back(
          adapter_text({path_in_recipe(request_.inputs[first_adapter(recipe_, request_.inputs.size()) + i], place_),
                        recipe_.adapters[i]}));
    return words;
  }

  void write_slices() {
    std::vector<std::string> names;
    for (size_t k = 0; k < given(); ++k) names.push_back(name_of(k));
    out_ += slices_text(recipe_.operands, names);
    const std::optional<VocabularyRequest>& vocabulary = recipe_.vocabulary;
    const bool has_folder = vocabulary && !vocabulary->folder.empty();
    out_ += vocabulary_text(recipe_, names, has_folder ? path_in_recipe(vocabulary->folder, place_) : "");
  }

  // ---- what is computed

  void write_formula() {
    if (!recipe_.formula) return line(0, "merge: " + formula_scalar(method_call()));
    if (!recipe_.parameters.empty()) line(0, "let:");
    for (const auto& [name, values] : recipe_.parameters)
      line(1, yaml_scalar(name) + ": " + numbers_text(values, false));
    line(0, "merge: " + formula_scalar(recipe_.formula->text));
  }

  std::string method_call() const {
    const MethodSpec& spec = *find_method(recipe_.method)->spec;
    std::string out = recipe_.method + "(";
    for (size_t k = 0; k < merged(); ++k) out += (k ? ", " : "") + name_of(k);
    for (const ParameterSpec& parameter : spec.parameter_list())
      if (const auto given = recipe_.parameters.find(parameter.name); given != recipe_.parameters.end())
        out += std::string(", ") + parameter.name + "=" + value_text(parameter.kind, given->second);
    return out + ")";
  }

  static std::string value_text(ParameterKind kind, const std::vector<double>& values) {
    if (kind == ParameterKind::flag) return values[0] != 0 ? "true" : "false";
    return numbers_text(values, kind == ParameterKind::numbers);
  }

  // ---- weights

  // Those of one parameter that follow each other, each selector once.
  struct Group {
    std::string parameter;
    std::vector<std::pair<std::string, std::string>> weights = {};
  };

  void write_weights() {
    std::vector<Group> groups;
    for (const WeightRule& rule : recipe_.weights) {
      const std::string selector = selector_of(rule), parameter = parameter_of(rule);
      const auto is_same = [&](const auto& weight) { return weight.first == selector; };
      if (groups.empty() || groups.back().parameter != parameter || std::ranges::any_of(groups.back().weights, is_same))
        groups.push_back({parameter});
      groups.back().weights.emplace_back(selector, numbers_text(rule.values, rule.by == WeightRule::By::list));
    }
    if (groups.empty()) return;
    line(0, "weights:");
    const bool as_list = groups.size() > 1;
    for (const Group& group : groups) {
      line(1, (as_list ? "- " : "") + yaml_scalar(group.parameter) + ":");
      for (const auto& [selector, value] : group.weights) line(as_list ? 3 : 2, yaml_scalar(selector) + ": " + value);
    }
  }

  std::string parameter_of(const WeightRule& rule) const {
    if (rule.input < 0) return rule.parameter;
    if (rule.input >= 26)
      refuse("a weight is of the checkpoint " + letter(static_cast<size_t>(rule.input)) +
             ", for which a recipe has no letter");
    return letter(static_cast<size_t>(rule.input));
  }

  static std::string selector_of(const WeightRule& rule) {
    switch (rule.by) {
      case WeightRule::By::list: return "mbw";
      case WeightRule::By::elements: return rule.selector + ":" + rule.elements;
      case WeightRule::By::selector: break;
    }
    return rule.selector;
  }

  // ---- rules

  void write_rules() {
    if (!recipe_.rules.empty()) line(0, "rules:");
    for (const RecipeRule& rule : recipe_.rules) {
      std::vector<std::string> match;
      for (const std::string& selector : rule.match) match.push_back(yaml_scalar(selector));
      line(1, "- match: " + (match.size() == 1 ? match[0] : yaml_list(match)));
      if (!rule.formula.empty()) line(2, "formula: " + formula_scalar(rule.formula));
      if (!rule.copy.empty()) line(2, "copy: " + yaml_scalar(rule.copy));
      if (rule.drop) line(2, "drop: true");
      if (!rule.dtype.empty()) line(2, "dtype: " + yaml_scalar(rule.dtype));
    }
  }

  // ---- options

  void option(const char* name, const std::vector<std::string>& words) {
    std::vector<std::string> scalars;
    for (const std::string& word : words) {
      if (!is_utf8(word)) refuse(std::string("--") + name + " is not UTF-8, as a recipe is");
      scalars.push_back(yaml_scalar(word));
    }
    if (!words.empty())
      options_.push_back(std::string(name) + ": " + (words.size() == 1 ? scalars[0] : yaml_list(scalars)));
  }

  void option(const char* name, bool is_on) {
    if (is_on) options_.push_back(std::string(name) + ": true");
  }

  template <typename Policy>
  requires std::is_enum_v<Policy>
  void option(const char* name, Policy policy) {
    if (policy != Policy{}) options_.push_back(std::string(name) + ": " + ckmerge::name(policy));
  }

  void write_options() {
    const Settings& settings = request_.settings;
    option("add_prefix", recipe_.add_prefix);
    option("allow_unmatched", recipe_.allow_unmatched);
    if (settings.component) option("component", std::vector<std::string>{*settings.component});
    if (settings.config_from)
      option("config_from", std::vector<std::string>{path_in_recipe(*settings.config_from, place_)});
    option("copy_code", settings.copy_code);
    option("copy_codes", recipe_.copy_codes);
    option("discard", recipe_.discard);
    option("dora", recipe_.dora);
    option("dtype", dtype_words(recipe_));
    option("exclude", recipe_.exclude);
    option("expand", recipe_.expand);
    option("extra", recipe_.extra);
    option("first_channels", recipe_.first_channels);
    if (settings.form) option("format", std::vector<std::string>{settings.form->name});
    option("half", recipe_.half);
    option(settings.run.hash ? "hash" : "hash_inputs", recipe_.hash);
    option("key", key_words());
    if (!recipe_.layout.empty()) option("layout", std::vector<std::string>{recipe_.layout});
    option("lora", adapter_words());
    option("mend", recipe_.mend);
    option("merge_buffers", recipe_.merge_buffers);
    option("metadata", recipe_.metadata);
    option("missing", recipe_.missing);
    option("nan", recipe_.nan);
    option("only", recipe_.only);
    option("rename", recipe_.rename);
    option("rounding", recipe_.rounding);
    if (recipe_.seed) option("seed", std::vector<std::string>{std::to_string(*recipe_.seed)});
    option("set_metadata", metadata_words(recipe_));
    if (const std::optional<uint64_t> size = shard_size())
      option("shard_size", std::vector<std::string>{std::to_string(*size)});
    option("strip_prefix", recipe_.strip_prefix);
    option("tied", recipe_.tied);
    option("underflow", recipe_.underflow);
    option("vocab", recipe_.vocab);
    if (recipe_.bake_vae)
      option("vae", std::vector<std::string>{checkpoint(vae_input(recipe_, request_.inputs.size()))});
    if (!recipe_.wrap.empty()) option("wrap", std::vector<std::string>{recipe_.wrap});
    if (options_.empty()) return;
    line(0, "options:");
    for (const std::string& text : options_) line(1, text);
  }

  // Of a file that became a folder it says that, too.
  std::optional<uint64_t> shard_size() const {
    const bool is_asked_for = request_.makes_model && request_.asks_for_folder;
    return !request_.settings.shard_size && is_asked_for ? kShardSize : request_.settings.shard_size;
  }

  std::vector<std::string> key_words() const {
    std::vector<std::string> words;
    for (size_t k = 0; k < recipe_.input_keys.size(); ++k)
      if (!recipe_.input_keys[k].empty()) words.push_back(letter(k) + "=" + recipe_.input_keys[k]);
    return words;
  }

  const MergeRequest& request_;
  const Recipe& recipe_;
  const RecipePlace place_;
  std::vector<std::string> options_;
  std::string out_;
};

void refuse_unsayable(const MergeRequest& request, const Recipe& recipe) {
  const std::pair<bool, const char*> unsayable[] = {
      {!recipe.roles.empty(), "put checkpoints together (compose)"},
      {!recipe.parts.empty(), "select parts (--part)"},
      {recipe.prune, "prune (--prune)"},
      {recipe.ema != EmaPolicy::keep, "choose among averages (--ema)"},
      {request.settings.from_unsafe, "take the tensors of an unsafe file (--from-unsafe)"},
      {request.settings.config != ConfigSource::none, "copy A1111's .yaml (--config)"}};
  for (const auto& [is_asked, what] : unsayable)
    if (is_asked) refuse(std::string("a recipe file cannot ") + what + "; save it without");
  for (size_t k = 0; k < recipe.input_names.size() && k < request.inputs.size(); ++k)
    if (fs::path(request.inputs[k]).filename() != recipe.input_names[k])
      refuse("the merge records " + letter(k) + " as " + visible(recipe.input_names[k]) +
             ", and a recipe by its file, " + visible(request.inputs[k]) + "; give the file that name");
}

}  // namespace

std::string recipe_file_text(const MergeRequest& request, const Plan& plan, std::span<const FileIdentity> inputs,
                             const Environment& environment) {
  const std::string& path = *request.settings.save_recipe;
  if (!is_recipe_file(path)) refuse(visible(path) + " has no name of a recipe; let it end in .yaml");
  refuse_unsayable(request, plan.recipe);
  check_target(path, inputs, request.settings.run.replace);
  std::string text = Writer(request, plan.recipe, environment).text();
  check_recipe_text(path, text, request.inputs, plan.recipe, environment);
  return text;
}

void save_recipe(const MergeRequest& request, const std::string& text, std::span<const FileIdentity> inputs) {
  const RunOptions& run = request.settings.run;
  constexpr uint64_t kUnit = OutputFile::kAlignment;
  Staging bytes((text.size() + kUnit - 1) / kUnit * kUnit);
  std::memcpy(bytes.first(text.size()).data(), text.data(), text.size());
  OutputFile file(*request.settings.save_recipe, text.size(), inputs, {.replace = run.replace, .sync = run.sync});
  clear_room_behind(bytes.first(text.size()));
  file.write_at(0, bytes.first(text.size()));
  file.commit();
}

}  // namespace ckmerge::cli
