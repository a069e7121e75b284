// SPDX-License-Identifier: Apache-2.0
// Recipes are untrusted: what cannot be read is no recipe, and the tree is bounded in depth and size.
#include "core/recipe/lineage.h"

#include <algorithm>
#include <optional>

#include "core/recipe/provenance.h"
#include "core/recipe/python_text.h"
#include "io/text/json_value.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kDeepest = 32, kLargest = 1000;  // generations, files
constexpr JsonLimits kLimits{.size = size_t{4} << 20, .depth = 32, .values = size_t{1} << 17};

std::optional<JsonValue> object_of(std::string_view text) {
  try {
    JsonValue value = parse_json(text, kLimits);
    if (value.kind == JsonValue::Kind::object) return value;
  } catch (const Error&) {
  }
  return std::nullopt;
}

const JsonValue* member(const JsonValue& object, std::string_view key) {
  const auto found = std::ranges::find(object.keys, key);
  return found == object.keys.end() ? nullptr : &object.items[static_cast<size_t>(found - object.keys.begin())];
}

std::string text_in(const JsonValue& object, std::string_view key) {
  const JsonValue* const value = member(object, key);
  return value && value->kind == JsonValue::Kind::string ? value->text : "";
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// A recipe of either form.
struct KnownRecipe {
  std::string made_by;
  std::vector<std::string> names, hashes;  // of the inputs; empty where not recorded
};

std::string parameters_text(const Recipe& recipe) {
  std::string out = recipe.formula ? " " + recipe.formula->text : "";
  for (const auto& [name, values] : recipe.parameters) {
    out += sentence(", ", name, " ");
    for (size_t i = 0; i < values.size(); ++i) out += (i > 0 ? "," : "") + python_float(values[i]);
  }
  if (!recipe.weights.empty()) out += sentence(", ", counted(recipe.weights.size(), "weight"), " by block or name");
  return out;
}

std::optional<KnownRecipe> own_recipe(std::string_view text) {
  try {
    const RecordedRecipe recorded = parse_recipe(text);
    return KnownRecipe{recorded.recipe.method + parameters_text(recorded.recipe), recorded.recipe.input_names,
                       recorded.sha256};
  } catch (const Error&) {
    return std::nullopt;  // damaged, or a newer ckmerge's
  }
}

// `models`: what is known of ancestors, by hash.
std::optional<KnownRecipe> web_recipe(const JsonValue& recipe, const JsonValue* models) {
  if (recipe.kind != JsonValue::Kind::object) return std::nullopt;
  KnownRecipe out{.made_by = text_in(recipe, "interp_method"), .names = {}, .hashes = {}};
  if (out.made_by.empty()) return std::nullopt;
  if (const JsonValue* number = member(recipe, "multiplier"); number && number->kind == JsonValue::Kind::number)
    out.made_by += sentence(", multiplier ", number->text);
  for (const char* const key : {"primary_model_hash", "secondary_model_hash", "tertiary_model_hash"}) {
    const std::string hash = text_in(recipe, key);
    if (!is_sha256(hash)) continue;
    const JsonValue* const model = models ? member(*models, hash) : nullptr;
    out.names.push_back(model && model->kind == JsonValue::Kind::object ? text_in(*model, "name") : "");
    out.hashes.push_back(hash);
  }
  return out;
}

class Tree {
 public:
  explicit Tree(const std::function<std::vector<RegisteredFile>(const std::string&)>& find) : find_(find) {}

  Lineage of_file(const RegisteredFile& file) {
    Lineage node{.name = file.name, .sha256 = file.sha256, .path = file.path, .made_by = {}, .inputs = {}};
    follow_file(file, node);
    return node;
  }

 private:
  void follow_file(const RegisteredFile& file, Lineage& node) {
    const std::optional<JsonValue> metadata = object_of(file.metadata.empty() ? "{}" : file.metadata);
    if (!metadata) return;
    const std::optional<JsonValue> models = object_of(text_in(*metadata, "sd_merge_models"));
    const std::optional<JsonValue> web = object_of(text_in(*metadata, "sd_merge_recipe"));
    std::optional<KnownRecipe> recipe = own_recipe(text_in(*metadata, "ckmerge.recipe"));
    if (!recipe && web) recipe = web_recipe(*web, models ? &*models : nullptr);
    if (recipe) follow(*recipe, models ? &*models : nullptr, node);
  }

  void follow(const KnownRecipe& recipe, const JsonValue* models, Lineage& node) {
    node.made_by = recipe.made_by;
    for (size_t k = 0; k < recipe.hashes.size(); ++k) {
      if (chain_.size() >= kDeepest || ++size_ > kLargest) {
        node.cut = true;
        return;
      }
      Lineage& input = node.inputs.emplace_back();
      input.name = recipe.names[k];
      input.sha256 = recipe.hashes[k];
      if (is_sha256(input.sha256)) follow_hash(models, input);
    }
  }

  // The file itself knows best; what a descendant recorded of it comes second.
  void follow_hash(const JsonValue* models, Lineage& input) {
    if (std::ranges::find(chain_, input.sha256) != chain_.end()) {
      input.cut = true;
      return;
    }
    chain_.push_back(input.sha256);
    const std::vector<RegisteredFile> registered = find_(input.sha256);
    if (!registered.empty()) {
      input.path = registered[0].path;
      if (input.name.empty()) input.name = registered[0].name;
      follow_file(registered[0], input);
    } else if (const JsonValue* model = models ? member(*models, input.sha256) : nullptr;
               model && model->kind == JsonValue::Kind::object) {
      const JsonValue* const recipe = member(*model, "sd_merge_recipe");
      if (const auto known = recipe ? web_recipe(*recipe, models) : std::nullopt) follow(*known, models, input);
    }
    chain_.pop_back();
  }

  const std::function<std::vector<RegisteredFile>(const std::string&)>& find_;
  std::vector<std::string> chain_;
  size_t size_ = 0;
};

}  // namespace

Lineage lineage_of(const RegisteredFile& file,
                   const std::function<std::vector<RegisteredFile>(const std::string& sha256)>& find) {
  return Tree(find).of_file(file);
}

}  // namespace ckmerge
