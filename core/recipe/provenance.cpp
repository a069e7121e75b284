// SPDX-License-Identifier: Apache-2.0
// The fields of __metadata__, and A1111's two among them. Their texts are what Python's json.dumps would write, because
// it is A1111 (modules/extras.py) and its descendants that read them.
#include "core/recipe/provenance.h"

#include <algorithm>
#include <cassert>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>

#include "core/recipe/inherited_metadata.h"
#include "core/recipe/layout_fields.h"
#include "core/recipe/python_text.h"
#include "io/hash/sha256.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

constexpr std::string_view kFormat = "format", kRecipe = "ckmerge.recipe", kWebRecipe = "sd_merge_recipe",
                           kWebModels = "sd_merge_models";

// A file of 1 MiB of ancestors has some two thousand. A parent's recipe is written one level into an entry of its
// child's models, so that what we write we read again.
constexpr JsonLimits kModelsLimits{.depth = 32}, kRecipeLimits{.depth = 16};

// A dict as json.dumps writes it; a key that is set again keeps its place, as in Python.
class PythonDict {
 public:
  void set(const std::string& key, std::string json) {
    const auto [place, is_new] = places_.emplace(key, members_.size());
    if (is_new)
      members_.emplace_back(key, std::move(json));
    else
      members_[place->second].second = std::move(json);
  }

  std::string text() const {
    std::string out = "{";
    for (const auto& [key, json] : members_) {
      if (out.size() > 1) out += ", ";
      append_python_string(out, key);
      out += ": ";
      out += json;
    }
    return out + "}";
  }

 private:
  std::vector<std::pair<std::string, std::string>> members_;
  std::unordered_map<std::string, size_t> places_;
};

std::string string_json(std::string_view text) {
  std::string out;
  append_python_string(out, text);
  return out;
}

std::string value_json(const JsonValue& value) {
  std::string out;
  append_python_json(out, value);
  return out;
}

std::string string_or_null(std::string_view text) { return text.empty() ? "null" : string_json(text); }
std::string bool_json(bool value) { return value ? "true" : "false"; }

struct Record {
  std::optional<JsonValue> object;
  std::string fault;  // why there is none; empty where the parent has no such field
};

// The object in a parent's field. What is not one is left out, with a warning: the file is untrusted, and the field
// says nothing about weights.
Record record_in(const Checkpoint& parent, std::string_view key, const JsonLimits& limits) {
  for (const auto& [name, text] : parent.metadata) {
    if (name != key) continue;
    try {
      JsonValue value = parse_json(text, limits);
      if (value.kind == JsonValue::Kind::object) return {std::move(value), ""};
      return {std::nullopt, "it is no JSON object"};
    } catch (const Error& error) {
      return {std::nullopt, error.what()};
    }
  }
  return {};
}

Record recipe_in(const Checkpoint& parent) { return record_in(parent, kWebRecipe, kRecipeLimits); }
Record models_in(const Checkpoint& parent) { return record_in(parent, kWebModels, kModelsLimits); }

// ---- A1111's recipe

std::string interp_method(const Recipe& recipe) {
  if (recipe.formula) return recipe.formula->text;
  const std::string& method = recipe.method;
  if (method == "weighted_sum") return "Weighted sum";
  if (method == "add_difference") return "Add difference";
  if (method == "copy") return "No interpolation";
  return method;
}

// The one number that says how far, in methods that have one and where it is one for all tensors.
std::optional<double> multiplier(const Recipe& recipe) {
  const Method* const method = find_method(recipe.method);
  if (!method || !recipe.weights.empty() || !recipe.rules.empty()) return std::nullopt;
  for (const ParameterSpec& parameter : method->spec->parameter_list()) {
    const std::string name = parameter.name;
    if (parameter.kind != ParameterKind::number || (name != "alpha" && name != "t")) continue;
    const auto given = recipe.parameters.find(name);
    return given == recipe.parameters.end() || given->second.empty() ? parameter.default_value : given->second[0];
  }
  return std::nullopt;
}

// Whether a pattern means the same beside others: it sets no flags, names no group, and quotes nothing (\Q) that
// might not end.
bool can_be_joined(std::string_view pattern) {
  for (size_t i = 0; i + 1 < pattern.size(); ++i) {
    const char next = pattern[i + 1];
    if (pattern[i] == '\\') {
      if (next == 'Q') return false;
      ++i;
    } else if (pattern[i] == '(' && next == '?') {
      if (i + 2 >= pattern.size() || pattern[i + 2] != ':') return false;
    }
  }
  return true;
}

// A1111 has one pattern. Where several cannot be one the field is empty: `ckmerge.recipe` has them all.
std::string as_one_pattern(const std::vector<std::string>& patterns) {
  if (patterns.size() > 1 && !std::ranges::all_of(patterns, can_be_joined)) return "";
  std::string out;
  for (const std::string& pattern : patterns) out += (&pattern == patterns.data() ? "" : "|") + pattern;
  return out;
}

std::string web_recipe(const Recipe& recipe, ResultKind kind, std::span<const std::string> names,
                       std::span<const InputHash> hashes) {
  const std::string baked_vae = recipe.bake_vae ? names[vae_input(recipe, names.size())] : "None";
  hashes = hashes.first(std::min(hashes.size(), first_adapter(recipe, names.size()) - recipe.bake_vae));
  const auto hash = [&](size_t k) { return string_or_null(k < hashes.size() ? hashes[k].sha256 : ""); };
  const std::optional<double> number = multiplier(recipe);
  PythonDict dict;
  dict.set("type", string_json("ckmerge"));
  dict.set("primary_model_hash", hash(0));
  dict.set("secondary_model_hash", hash(1));
  dict.set("tertiary_model_hash", hash(2));
  dict.set("interp_method", string_json(interp_method(recipe)));
  dict.set("multiplier", number ? python_float(*number) : "null");
  dict.set("save_as_half", bool_json(recipe.half || recipe.dtype == Dtype::F16));
  dict.set("custom_name", string_json(""));
  dict.set("config_source", "3");  // "Don't": no .yaml is copied
  dict.set("bake_in_vae", string_json(baked_vae));
  dict.set("discard_weights", string_json(as_one_pattern(recipe.discard)));
  dict.set("is_inpainting", bool_json(kind.inpainting));
  dict.set("is_instruct_pix2pix", bool_json(kind.instruct_pix2pix));
  return dict.text();
}

// ---- A1111's list of ancestors

std::string model_entry(const Checkpoint& parent, const std::string& name, const InputHash& hash) {
  const std::optional<JsonValue> recipe = recipe_in(parent).object;
  PythonDict entry;
  entry.set("name", string_json(name));
  entry.set("legacy_hash", string_json(hash.legacy_hash));
  entry.set("sd_merge_recipe", recipe ? value_json(*recipe) : "null");
  return entry.text();
}

// A key that is no sum names no file, and might be a stand-in's (stand_in_hashes()).
bool is_ancestor(const JsonValue& models, size_t i) {
  return models.items[i].kind == JsonValue::Kind::object && is_sha256(models.keys[i]);
}

std::string web_models(std::span<const Checkpoint> checkpoints, std::span<const std::string> names,
                       std::span<const InputHash> hashes) {
  PythonDict models;
  for (size_t k = 0; k < checkpoints.size() && k < hashes.size(); ++k) {
    if (!hashes[k].sha256.empty()) models.set(hashes[k].sha256, model_entry(checkpoints[k], names[k], hashes[k]));
    const std::optional<JsonValue> ancestors = models_in(checkpoints[k]).object;
    if (!ancestors) continue;
    for (size_t i = 0; i < ancestors->items.size(); ++i)
      if (is_ancestor(*ancestors, i)) models.set(ancestors->keys[i], value_json(ancestors->items[i]));
  }
  return models.text();
}

// ---- fields

bool written_by_us(std::string_view key) {
  return key == kFormat || key == kRecipe || key == kWebRecipe || key == kWebModels || key == kAveragesField;
}

// Fields that say something of the parent's bytes or looks would lie about the result.
bool true_of_parent_only(std::string_view key) {
  return written_by_us(key) || key == "modelspec.hash_sha256" || key == "modelspec.thumbnail" ||
         key.starts_with("sshs_");
}

void check_set_metadata(const Recipe& recipe) {
  const auto refuse = [](const std::string& key, const std::string& reason) {
    throw Error(ErrorCode::usage, key, "the metadata field '" + valid_utf8(key) + "' cannot be set: " + reason);
  };
  std::set<std::string_view> keys;
  for (const auto& [key, value] : recipe.set_metadata) {
    if (recipe.metadata == MetadataPolicy::none) refuse(key, "with metadata none the format is all that is written");
    if (written_by_us(key) && recipe.metadata != MetadataPolicy::set) refuse(key, "ckmerge writes it itself");
    if (!is_utf8(key) || !is_utf8(value)) refuse(key, "it is not UTF-8");
    if (!keys.insert(key).second) refuse(key, "it is set twice");
  }
}

std::string base_name(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return names_memory(path) && !names_memory(name) ? std::string(kMemoryPrefix) + name : name;
}

}  // namespace

std::vector<InputHash> stand_in_hashes(size_t inputs) {
  std::vector<InputHash> hashes;
  for (size_t k = 0; k < inputs; ++k) {
    const std::string number = std::to_string(k);
    hashes.push_back({.sha256 = std::string(64 - number.size(), '!') + number, .legacy_hash = "!!!!!!!!"});
  }
  return hashes;
}

std::vector<std::string> recorded_names(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> names;
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    const bool recorded = k < recipe.input_names.size();
    names.push_back(valid_utf8(base_name(recorded ? recipe.input_names[k] : checkpoints[k].path)));
  }
  return names;
}

std::vector<std::string> metadata_warnings(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  std::vector<std::string> warnings;
  if (!recipe.hash) return warnings;
  for (const Checkpoint& parent : checkpoints)
    if (parent.lies_in_memory())
      warnings.push_back(sentence(parent.path, " is in memory: there is no file of it to hash, and none is recorded"));
  if (!writes_recipe(recipe)) return warnings;
  for (const Checkpoint& parent : checkpoints) {
    const auto left_out = [&](std::string_view key, const std::string& fault) {
      if (!fault.empty()) warnings.push_back(sentence(parent.path, ": its ", key, " is left out: ", fault));
    };
    left_out(kWebRecipe, recipe_in(parent).fault);
    const Record models = models_in(parent);
    left_out(kWebModels, models.fault);
    size_t strange = 0;
    for (size_t i = 0; models.object && i < models.object->items.size(); ++i)
      strange += !is_ancestor(*models.object, i);
    if (strange == 0) continue;
    warnings.push_back(sentence(
        parent.path, ": ", strange, strange == 1 ? " entry" : " entries", " of its ", kWebModels,
        strange == 1 ? " is left out: it is no object" : " are left out: they are no objects", " under a SHA-256"));
  }
  return warnings;
}

Metadata output_metadata(const Recipe& recipe, std::span<const Checkpoint> checkpoints, ResultKind kind,
                         std::span<const InputHash> hashes) {
  check_set_metadata(recipe);
  std::map<std::string, std::string> fields = inherited_fields(recipe, checkpoints, true_of_parent_only);
  for (const auto& [key, value] : kept_layout_fields(checkpoints)) fields[key] = value;
  for (const Checkpoint& checkpoint : checkpoints)
    for (const std::string& key : fields_by_name(checkpoint)) fields.erase(key);
  for (const auto& [key, value] : kept_fields_by_name(recipe, checkpoints)) fields[key] = value;
  for (const auto& [key, value] : recipe.set_metadata) fields[key] = value;
  if (writes_recipe(recipe)) {
    if (!recipe.hash) hashes = {};
    // A1111 counts a VAE that is baked in among no merge's models, and knows of no adapters.
    const auto ancestors = checkpoints.first(first_adapter(recipe, checkpoints.size()) - recipe.bake_vae);
    const std::vector<std::string> names = recorded_names(recipe, checkpoints);
    std::vector<std::vector<std::string>> equated;
    for (const Checkpoint& checkpoint : checkpoints) equated.push_back(checkpoint.equated);
    fields[std::string(kRecipe)] = recipe_text(recipe, names, hashes, equated);
    fields[std::string(kWebRecipe)] = web_recipe(recipe, kind, names, hashes);
    if (kind.averages) fields[std::string(kAveragesField)] = "merged";
    if (recipe.hash) fields[std::string(kWebModels)] = web_models(ancestors, names, hashes);
  }
  const bool as_set =
      recipe.metadata == MetadataPolicy::set && (fields.contains(std::string(kFormat)) || !says_format(checkpoints));
  if (!as_set) fields[std::string(kFormat)] = output_format(checkpoints);
  return {fields.begin(), fields.end()};
}

void pad_metadata(Metadata& metadata, size_t bytes) {
  const auto models = std::ranges::find(metadata, kWebModels, &Metadata::value_type::first);
  assert(models != metadata.end() && "a map without hashes is as long as it was planned");
  models->second.append(bytes, ' ');  // JSON, of which blanks may follow
}

}  // namespace ckmerge
