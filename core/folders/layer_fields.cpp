// SPDX-License-Identifier: Apache-2.0
// Fields as the configs of transformers 5.24 have them.
#include "core/folders/layer_fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "io/text/json_members.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;
using std::string_view;

// How many layers there are. Those behind the first row are of an encoder or a decoder beside the other.
constexpr auto kCounts =
    std::to_array<string_view>({"num_hidden_layers", "n_layer", "num_layers", "n_layers", "num_blocks", "depth"});
constexpr auto kDecoderCounts = std::to_array<string_view>({"num_decoder_layers", "decoder_layers"});
constexpr auto kEncoderCounts = std::to_array<string_view>({"num_layers", "encoder_layers"});

// An entry for each layer.
constexpr auto kPerLayer = std::to_array<string_view>(
    {"layer_types", "mlp_layer_types", "indexer_types", "no_rope_layers", "layer_rope_theta", "attention_layers",
     "layers_block_type", "block_types", "block_configs", "attn_type_list", "ffn_multipliers", "num_kv_heads",
     "num_query_heads", "moe_layer_freq"});

// Numbers of layers.
constexpr auto kNumbers = std::to_array<string_view>(
    {"moe_layers", "full_attn_idxs", "mlp_only_layers", "cross_attention_layers", "attn_layer_indices",
     "hybrid_layer_ids", "fullatt_block_indexes", "global_attn_indexes", "deepstack_visual_indexes"});

// The layers in front of that number are of one kind, the others of another.
constexpr auto kBorders = std::to_array<string_view>({"first_k_dense_replace", "num_dense_layers"});

// Objects that speak of the language model of several.
constexpr auto kLanguage =
    std::to_array<string_view>({"text_config", "llm_config", "language_config", "thinker_config", "decoder_config"});

// A list of as many entries as there are layers, which happens by chance where these are few.
constexpr size_t kFewLayers = 5;

std::optional<uint64_t> whole_number(const JsonValue& value) {
  uint64_t number = 0;
  const char* const end = value.text.data() + value.text.size();
  const bool is_whole = value.kind == Kind::number &&
                        std::from_chars(value.text.data(), end, number) == std::from_chars_result{end, std::errc{}};
  return is_whole ? std::optional(number) : std::nullopt;
}

JsonValue number_value(uint64_t number) { return {.kind = Kind::number, .text = std::to_string(number)}; }

bool has_part(string_view text, string_view part) { return text.find(part) != text.npos; }

bool is_one_of(string_view key, auto& keys) { return std::ranges::find(keys, key) != keys.end(); }

// All of A's layers in their order: also of modules that a config does not count, such as those of a projector.
bool is_as_before(const ModelChanges::Run& run) {
  if (run.before != run.layers.size()) return false;
  for (uint32_t i = 0; i < run.before; ++i)
    if (run.layers[i] != i) return false;
  return true;
}

// The object that speaks of the layers under `prefix`.
JsonValue& config_of(JsonValue& config, string_view prefix) {
  JsonValue* inner = nullptr;
  if (has_part(prefix, "vis")) inner = find_member(config, "vision_config");
  if (has_part(prefix, "audio")) inner = find_member(config, "audio_config");
  return inner && inner->kind == Kind::object ? *inner : language_config(config);
}

// The member that counts the layers under `prefix`, or null.
JsonValue* count_in(JsonValue& object, string_view prefix) {
  const auto first_of = [&](auto& keys) -> JsonValue* {
    for (const string_view key : keys)
      if (JsonValue* const member = find_member(object, key); member && whole_number(*member)) return member;
    return nullptr;
  };
  const JsonValue* const both = find_member(object, "is_encoder_decoder");
  const bool of_two = both && both->kind == Kind::boolean && both->boolean;
  JsonValue* count = nullptr;
  if (of_two && has_part(prefix, "decoder")) count = first_of(kDecoderCounts);
  if (of_two && has_part(prefix, "encoder")) count = first_of(kEncoderCounts);
  return count ? count : first_of(kCounts);
}

class LayerFields {
 public:
  LayerFields(const ModelChanges::Run& run, uint64_t before) : run_(run), before_(before) {}

  void follow(JsonValue& object) {
    for (size_t i = 0; i < object.keys.size(); ++i) {
      const std::string& key = object.keys[i];
      JsonValue& value = object.items[i];
      if (value.kind == Kind::array && is_one_of(key, kNumbers))
        renumber(value);
      else if (value.kind == Kind::array && value.items.size() == before_)
        follow_list(key, value);
      else if (is_one_of(key, kBorders))
        move_border(key, value);
    }
  }

  std::vector<std::string> take_sentences() { return std::move(sentences_); }

 private:
  void follow_list(const std::string& key, JsonValue& list) {
    if (!is_one_of(key, kPerLayer)) {
      if (before_ >= kFewLayers)
        sentences_.push_back(sentence("config.json: ", key, " has ", before_, " entries, as many as A has layers, and ",
                                      "stays as it is; see whether it is a list of layers"));
      return;
    }
    JsonValue followed{.kind = Kind::array};
    for (const uint32_t layer : run_.layers)
      if (layer < before_) followed.items.push_back(list.items[layer]);
    list = std::move(followed);
  }

  void renumber(JsonValue& list) const {
    JsonValue numbers{.kind = Kind::array};
    for (size_t i = 0; i < run_.layers.size(); ++i)
      if (std::ranges::any_of(list.items, [&](const JsonValue& item) { return whole_number(item) == run_.layers[i]; }))
        numbers.items.push_back(number_value(i));
    list = std::move(numbers);
  }

  void move_border(const std::string& key, JsonValue& border) {
    const std::optional<uint64_t> before = whole_number(border);
    if (!before) return;
    const auto is_in_front = [&](uint32_t layer) { return layer < *before; };
    const auto end = std::ranges::find_if_not(run_.layers, is_in_front);
    if (std::any_of(end, run_.layers.end(), is_in_front)) {
      sentences_.push_back(sentence("config.json: ", key, " ", *before, " says which layers are of one kind by their ",
                                    "number, and in the result those do not come first: programs will not load it ",
                                    "rightly; take such layers at the beginning alone"));
      return;
    }
    border = number_value(static_cast<uint64_t>(end - run_.layers.begin()));
  }

  const ModelChanges::Run& run_;
  const uint64_t before_;
  std::vector<std::string> sentences_;
};

}  // namespace

JsonValue& language_config(JsonValue& config) {
  for (const string_view key : kLanguage)
    if (JsonValue* const inner = find_member(config, key); inner && inner->kind == Kind::object)
      return language_config(*inner);
  return config;
}

std::optional<std::string> layer_count_field(JsonValue& config, string_view prefix) {
  JsonValue& object = config_of(config, prefix);
  const JsonValue* const count = count_in(object, prefix);
  return count ? std::optional(object.keys[static_cast<size_t>(count - object.items.data())]) : std::nullopt;
}

std::vector<std::string> follow_layers(JsonValue& config, const ModelChanges::Run& run) {
  if (is_as_before(run)) return {};
  JsonValue& object = config_of(config, run.prefix);
  JsonValue* const count = count_in(object, run.prefix);
  if (!count)
    return {sentence("config.json does not say how many layers there are under ", run.prefix, ", of which the result ",
                     "has ", run.layers.size(), "; set the field that does")};
  const uint64_t before = *whole_number(*count);
  if (run.before != 0 && run.before != before)
    return {sentence("config.json counts ", before, " layers, and A has ", run.before, " under ", run.prefix,
                     ", of which the result has ", run.layers.size(), ": it stays as it is; see what it should say")};
  *count = number_value(run.layers.size());
  const bool is_inside = &object != &config && &object == &language_config(config);
  if (JsonValue* const above = count_in(config, run.prefix); is_inside && above && whole_number(*above) == before)
    *above = number_value(run.layers.size());
  LayerFields fields(run, before);
  fields.follow(object);
  return fields.take_sentences();
}

}  // namespace ckmerge
