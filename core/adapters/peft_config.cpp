// SPDX-License-Identifier: Apache-2.0
// Fields as of PEFT 0.21. What strangers may have written is checked here, once: numbers are finite, lists are bounded
// by the reader of JSON.
#include "core/adapters/peft_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>

#include "io/text/error.h"
#include "io/text/json_members.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using std::string;
using std::string_view;
using Kind = JsonValue::Kind;

[[noreturn]] void refuse(string_view key, string_view what) {
  throw Error(ErrorCode::malformed, string(key), sentence("its ", key, " ", what));
}

double number_of(string_view key, const JsonValue& value) {
  double number = 0;
  const char* const end = value.text.data() + value.text.size();
  if (value.kind != Kind::number || std::from_chars(value.text.data(), end, number).ec != std::errc() ||
      !std::isfinite(number))
    refuse(key, "is no number");
  return number;
}

// A field of the config is null or absent.
bool says_nothing(const JsonValue* value) { return !value || value->kind == Kind::null; }

// Says something that is neither false nor empty.
bool says_something(const JsonValue* value) {
  if (says_nothing(value)) return false;
  switch (value->kind) {
    case Kind::boolean: return value->boolean;
    case Kind::string: return !value->text.empty();
    case Kind::array:
    case Kind::object: return !value->items.empty();
    default: return true;
  }
}

string text_of(const JsonValue& root, string_view key) {
  const JsonValue* const value = find_member(root, key);
  if (says_nothing(value)) return "";
  if (value->kind != Kind::string) refuse(key, "is no text");
  return value->text;
}

std::vector<string> texts_of(string_view key, const JsonValue& value) {
  if (value.kind != Kind::array) refuse(key, "is no list of texts");
  std::vector<string> texts;
  for (const JsonValue& item : value.items) {
    if (item.kind != Kind::string) refuse(key, "is no list of texts");
    texts.push_back(item.text);
  }
  return texts;
}

NumberPatterns patterns_of(const JsonValue& root, string_view key) {
  NumberPatterns patterns;
  const JsonValue* const value = find_member(root, key);
  if (says_nothing(value)) return patterns;
  if (value->kind != Kind::object) refuse(key, "is no object of numbers by names");
  try {
    for (size_t i = 0; i < value->keys.size(); ++i) patterns.add(value->keys[i], number_of(key, value->items[i]));
  } catch (const Error& error) {
    if (error.where() == key) throw;
    refuse(key, error.what());
  }
  return patterns;
}

std::vector<uint64_t> rows_of(string_view key, const JsonValue& value) {
  constexpr double kMostRows = 9.0e15;
  if (value.kind != Kind::array) refuse(key, "is no list of tokens");
  std::vector<uint64_t> rows;
  for (const JsonValue& item : value.items) {
    const double row = number_of(key, item);
    if (row < 0 || row > kMostRows || row != std::floor(row)) refuse(key, "has a token that is no whole number");
    rows.push_back(static_cast<uint64_t>(row));
  }
  return rows;
}

void read_tokens(const JsonValue& root, string_view key, PeftConfig& config) {
  const JsonValue* const value = find_member(root, key);
  if (says_nothing(value)) return;
  if (value->kind != Kind::object) {
    config.tokens.emplace_back("", rows_of(key, *value));
    return;
  }
  for (size_t i = 0; i < value->keys.size(); ++i)
    config.tokens.emplace_back(value->keys[i], rows_of(key, value->items[i]));
}

void read_feedforward(const JsonValue& root, PeftConfig& config) {
  constexpr string_view kKey = "feedforward_modules";
  const JsonValue* const value = find_member(root, kKey);
  if (says_nothing(value)) return;
  if (value->kind != Kind::string) {
    config.feedforward = texts_of(kKey, *value);
    return;
  }
  try {
    config.feedforward_pattern.emplace("key", "^(?:" + value->text + ")$");
  } catch (const Error& error) {
    refuse(kKey, error.what());
  }
}

// What counts, or chooses places: kinds take these as integers.
void expect_whole(string_view key, double number) {
  struct Range {
    string_view key;
    double least, most;
  };
  constexpr double kMostExact = 0x1p53;
  constexpr Range kRanges[] = {
      {"random_loc_seed", -kMostExact, kMostExact}, {"topk", 1, kMostExact}, {"nblocks", 1, kMostExact}};
  for (const Range& range : kRanges)
    if (key == range.key && !(number >= range.least && number <= range.most && number == std::floor(number)))
      refuse(key, sentence("is ", number_text(number), ", and should be a whole number from ", number_text(range.least),
                           " on"));
}

// What scales a module must be one.
void expect_number(string_view key, const JsonValue& value) {
  constexpr string_view kNumbers[] = {"r",        "lora_alpha",     "alpha",         "init_r",
                                      "hybrid_r", "randlora_alpha", "delora_lambda", "scaling"};
  const bool is_one = value.kind == Kind::number || value.kind == Kind::null;
  if (!is_one && std::ranges::find(kNumbers, key) != std::end(kNumbers)) refuse(key, "is no number");
  if (key == "use_rslora" && value.kind != Kind::boolean && value.kind != Kind::null)
    refuse(key, "is neither true nor false");
}

// All that is a number, a flag, or a word.
void read_numbers(const JsonValue& root, PeftConfig& config) {
  constexpr size_t kLongestWord = 40;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const string& key = root.keys[i];
    const JsonValue& value = root.items[i];
    expect_number(key, value);
    // It is that of the last module which PEFT wrapped: the model tells how weights lie.
    if (key == "fan_in_fan_out") continue;
    if (value.kind == Kind::boolean) config.numbers[key] = value.boolean ? 1 : 0;
    if (value.kind == Kind::number) expect_whole(key, config.numbers[key] = number_of(key, value));
    if (value.kind == Kind::string && value.text.size() <= kLongestWord) config.numbers[key + "=" + value.text] = 1;
  }
}

// Of objects inside that say how factors lie.
void read_blocks(const JsonValue& root, PeftConfig& config) {
  const JsonValue* const value = find_member(root, "use_bdlora");
  if (says_nothing(value) || value->kind != Kind::object) return;
  if (const JsonValue* const blocks = find_member(*value, "nblocks"); !says_nothing(blocks))
    expect_whole("nblocks", config.numbers["nblocks"] = number_of("use_bdlora.nblocks", *blocks));
  if (const JsonValue* const names = find_member(*value, "target_modules_bd_a"); !says_nothing(names))
    config.blocks_of_a = texts_of("use_bdlora.target_modules_bd_a", *names);
}

struct RefusedField {
  string_view key, why;
};
constexpr RefusedField kRefusedFields[] = {
    {"alora_invocation_tokens", "is an activated LoRA (alora_invocation_tokens): it acts behind certain tokens only"},
    {"use_qalora", "is a QALoRA: its factors see sums of groups of inputs, which the weight does not"},
    {"arrow_config", "is an Arrow: a router chooses among adapters for each token"},
    {"layer_replication",
     "belongs to a model whose layers were repeated (layer_replication), and layers that are one cannot get several "
     "changes; make the larger model first and train on that"},
};

struct RefusedInit {
  string_view word, why;
};
// What else PEFT knows, as read() writes it; a text that is empty is as none.
constexpr string_view kKnownInits[] = {"", "gaussian", "eva", "olora", "pissa", "orthogonal", "mica"};
constexpr RefusedInit kRefusedInits[] = {
    {"corda", "began from a base that CorDA changed by what it saw of data, which no file has"},
    {"lora_ga", "began from a base that LoRA-GA changed by gradients, which no file has"},
    {"loftq", "began from a base that LoftQ quantized, which is not the one that it names"},
};

// PEFT takes some words in any case, and of CorDA whatever begins so.
string init_of(const JsonValue& root) {
  const JsonValue* const value = find_member(root, "init_lora_weights");
  if (!value || value->kind != Kind::string) return "";
  string lower = value->text;
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  if (lower == "olora" || lower == "mica" || lower == "gaussian") return lower;
  return value->text.starts_with("corda") ? "corda" : value->text;
}

bool is_known_init(string_view init) {
  return std::ranges::find(kKnownInits, init) != std::end(kKnownInits) || init.starts_with("pissa_niter_") ||
         std::ranges::find(kRefusedInits, init, &RefusedInit::word) != std::end(kRefusedInits);
}

void read_refusals(const JsonValue& root, PeftConfig& config) {
  for (const RefusedField& field : kRefusedFields)
    if (says_something(find_member(root, field.key))) config.refusals.emplace_back(field.why);
  constexpr string_view kConvert =
      "; save it once more with save_pretrained(path_initial_model_for_weight_conversion=...)";
  for (const RefusedInit& init : kRefusedInits)
    if (config.init == init.word)
      config.refusals.push_back(sentence(init.why, " (init_lora_weights: ", init.word, ")", kConvert));
  if ((config.type.empty() || config.type == "LORA") && !is_known_init(config.init))
    config.refusals.push_back(sentence("began as no PEFT up to 0.21 knows (init_lora_weights: ",
                                       valid_utf8(config.init.substr(0, 40)), "), which tells nothing of its base"));
  if (config.init.starts_with("pissa_niter"))
    config.refusals.push_back(sentence("began from a base that PiSSA changed by a random SVD (init_lora_weights: ",
                                       config.init, "), which nobody can repeat", kConvert));
}

JsonValue behind_prefix(const JsonValue& root, string_view prefix) {
  JsonValue inner{.kind = Kind::object};
  for (size_t i = 0; i < root.keys.size(); ++i)
    if (root.keys[i].starts_with(prefix)) {
      inner.keys.push_back(root.keys[i].substr(prefix.size()));
      inner.items.push_back(root.items[i]);
    }
  return inner;
}

PeftConfig read(const JsonValue& root) {
  PeftConfig config;
  config.type = text_of(root, "peft_type");
  config.base_model = text_of(root, "base_model_name_or_path");
  config.init = init_of(root);
  config.has_kasa = says_something(find_member(root, "kasa_config"));
  read_numbers(root, config);
  if (!config.init.empty()) config.numbers["init_lora_weights=" + config.init] = 1;
  read_blocks(root, config);
  // AdaLoRA keeps lists there, of what it pruned.
  if (config.type != "ADALORA") config.ranks = patterns_of(root, "rank_pattern");
  config.alphas = patterns_of(root, "alpha_pattern");
  config.lambdas = patterns_of(root, "lambda_pattern");
  if (const JsonValue* const parameters = find_member(root, "target_parameters"); !says_nothing(parameters))
    config.parameters = texts_of("target_parameters", *parameters);
  read_feedforward(root, config);
  read_tokens(root, config.type == "TRAINABLE_TOKENS" ? "token_indices" : "trainable_token_indices", config);
  read_refusals(root, config);
  return config;
}

}  // namespace

double PeftConfig::number(string_view key, double otherwise) const {
  const auto found = numbers.find(key);
  return found == numbers.end() ? otherwise : found->second;
}

bool PeftConfig::is_feedforward(string_view module) const {
  if (feedforward_pattern) return feedforward_pattern->matches(module);
  return std::ranges::any_of(feedforward, [&](const string& end) { return module.ends_with(end); });
}

PeftConfig read_peft_config(const JsonValue& root, string_view prefix) {
  return prefix.empty() ? read(root) : read(behind_prefix(root, prefix));
}

}  // namespace ckmerge
