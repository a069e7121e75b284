// SPDX-License-Identifier: Apache-2.0
#include "core/folders/model_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/folders/layer_fields.h"
#include "core/folders/stored_dtypes.h"
#include "io/text/error.h"
#include "io/text/json_members.h"
#include "io/text/json_text.h"
#include "io/text/python_json.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view kQuantization = "quantization_config";
constexpr std::string_view kNativeQuantization = "quantization";  // of Mistral's params.json and of MLX
constexpr std::string_view kTied = "tie_word_embeddings";

// Whatever is said of codes is of other weights, and may name dtypes of its own.
void set_dtypes(JsonValue& value, const std::string& name) {
  for (size_t i = 0; i < value.items.size(); ++i) {
    const std::string_view key = i < value.keys.size() ? value.keys[i] : std::string_view();
    JsonValue& item = value.items[i];
    if (key == kQuantization || key == kNativeQuantization) continue;
    if ((key == "dtype" || key == "torch_dtype") && item.kind == Kind::string)
      item.text = name;
    else
      set_dtypes(item, name);
  }
}

// In each object, since parts of a model have configs of their own.
bool take_out(JsonValue& value, std::string_view key) {
  const JsonValue* const own = find_member(value, key);
  const bool is_meant = key != kNativeQuantization || (own && own->kind == Kind::object);
  bool found = is_meant && take_out_member(value, key);
  for (JsonValue& item : value.items) found |= take_out(item, key);
  return found;
}

void set_where_it_is(JsonValue& config, std::string_view key, const JsonValue& value) {
  JsonValue& language = language_config(config);
  const bool is_inside = &language != &config && find_member(language, key);
  if (is_inside) set_member(language, key, value);
  if (!is_inside || find_member(config, key)) set_member(config, key, value);
}

// Old versions tie and untie by this field alone, new ones where the files leave it open. Where files and field already
// differed in A by a head that lacks, it is not known of what class A is.
void follow_head(JsonValue& config, Head before, Head after) {
  if (after == Head::unknown || (before == Head::tied && after == Head::tied)) return;
  const bool is_tied = after == Head::tied;
  bool found = false;
  for (JsonValue* const object : {&config, &language_config(config)})
    if (JsonValue* const field = find_member(*object, kTied); field && field->kind == Kind::boolean) {
      field->boolean = is_tied;
      found = true;
    }
  if (!found && before != Head::unknown && before != after)
    set_member(config, kTied, {.kind = Kind::boolean, .boolean = is_tied});
}

// "modeling_x.Class", or "org/name--modeling_x.Class" of code that lies elsewhere.
void add_code(const JsonValue& names, std::vector<std::string>& files) {
  if (names.kind == Kind::string && names.text.find("--") == std::string::npos &&
      names.text.find('.') != std::string::npos) {
    std::string file = names.text.substr(0, names.text.find('.')) + ".py";
    if (std::ranges::find(files, file) == files.end()) files.push_back(std::move(file));
  }
  for (const JsonValue& item : names.items) add_code(item, files);
}

void change(JsonValue& config, const ConfigFacts& facts, const ModelChanges& changes, ChangedConfig& out) {
  const auto leave_out = [&](std::string_view key) {
    if (take_out(config, key)) out.left_out.emplace_back(key);
  };
  leave_out("transformers_weights");
  if (facts.is_plain) leave_out(kQuantization);
  if (facts.is_plain) leave_out(kNativeQuantization);
  if (facts.dtype) set_dtypes(config, torch_name(*facts.dtype));
  follow_head(config, changes.head, facts.head);
  for (const ModelChanges::Run& run : changes.runs)
    for (std::string& text : follow_layers(config, run)) out.sentences.push_back(std::move(text));
  if (changes.vocabulary)
    set_where_it_is(config, "vocab_size", {.kind = Kind::number, .text = std::to_string(*changes.vocabulary)});
  for (const auto& [key, value] : changes.config) set_where_it_is(config, key, value);
}

}  // namespace

ChangedConfig changed_config(std::string_view text, const ConfigFacts& facts, const ModelChanges& changes) {
  JsonValue config = parse_python_json(text);
  if (config.kind != Kind::object) throw Error(ErrorCode::malformed, "", "it is no JSON object");
  ChangedConfig out;
  if (const JsonValue* const code = find_member(config, "auto_map")) add_code(*code, out.code);
  const std::string before = python_json_text(config);
  change(config, facts, changes, out);
  out.text = python_json_text(config);
  if (out.text == before) out.text = text;  // with its blanks
  return out;
}

}  // namespace ckmerge
