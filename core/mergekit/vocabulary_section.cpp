// SPDX-License-Identifier: Apache-2.0
#include "core/mergekit/vocabulary_section.h"

#include <algorithm>
#include <charconv>

#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using YamlKind = YamlValue::Kind;

class SectionReader {
 public:
  SectionReader(std::span<const MergekitModel> models, const std::string& where) : models_(models), where_(where) {}

  void read_source(const YamlValue& value, VocabularyRequest& out) const {
    const std::string source = text(value, "a source of tokens is 'union', 'base', or a model");
    using enum VocabularyRequest::Kind;
    if (source == "union") {
      out.kind = united;
    } else if (source == "base") {
      out.kind = base;
    } else if (const std::optional<uint32_t> found = input_of(source)) {
      out.kind = input;
      out.input = *found;
    } else {
      out.kind = folder;
      out.folder = source;
    }
  }

  void read_tokenizer(const YamlValue& map, VocabularyRequest& out) const {
    if (map.kind != YamlKind::map) refuse(map, "'tokenizer' is a map: source, tokens, pad_to_multiple_of");
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlValue &key = map.keys[i], &value = map.items[i];
      if (key.text == "source") {
        read_source(value, out);
      } else if (key.text == "pad_to_multiple_of") {
        if (value.kind != YamlKind::null)
          out.pad_to_multiple_of = number(value, "'pad_to_multiple_of' is a whole number");
      } else if (key.text == "tokens") {
        read_tokens(value, out);
      } else {
        refuse(key, sentence("'", valid_utf8(key.text),
                             "' is unknown; a tokenizer has source, tokens and "
                             "pad_to_multiple_of"));
      }
    }
  }

 private:
  [[noreturn]] void refuse(const YamlValue& place, const std::string& what) const { refuse_at(where_, place, what); }

  std::string text(const YamlValue& value, const char* what) const {
    if (value.kind != YamlKind::scalar || value.text.empty()) refuse(value, what);
    return value.text;
  }

  uint64_t number(const YamlValue& value, const char* what) const {
    uint64_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
    constexpr uint64_t kMost = uint64_t{1} << 31;  // rows of an embedding
    if (value.kind != YamlKind::scalar || fault != std::errc() || stop != end || number > kMost) refuse(value, what);
    return number;
  }

  std::optional<uint32_t> input_of(const std::string& model) const {
    const auto found = std::ranges::find(models_, model, &MergekitModel::text);
    if (found == models_.end()) return std::nullopt;
    return static_cast<uint32_t>(found - models_.begin());
  }

  uint32_t input(const YamlValue& value) const {
    const std::string model = text(value, "a model is a path, or org/name");
    if (const std::optional<uint32_t> found = input_of(model)) return *found;
    refuse(value,
           sentence("'", valid_utf8(model), "' is none of the models that are merged, of which a token's row is"));
  }

  void read_tokens(const YamlValue& map, VocabularyRequest& out) const {
    if (map.kind == YamlKind::null) return;
    if (map.kind != YamlKind::map) refuse(map, "'tokens' is a map: a token, and where its row is from");
    for (size_t i = 0; i < map.keys.size(); ++i) out.tokens.emplace_back(map.keys[i].text, source_of(map.items[i]));
  }

  TokenSource source_of(const YamlValue& value) const {
    TokenSource out;
    if (value.kind == YamlKind::null) return out;
    if (value.kind != YamlKind::map) refuse(value, "a token is a map: source, force");
    for (size_t i = 0; i < value.keys.size(); ++i) {
      const YamlValue &key = value.keys[i], &item = value.items[i];
      if (key.text == "force")
        out.force = flag(item);
      else if (key.text == "source" && item.kind == YamlKind::map)
        read_kind(item, out);
      else if (key.text == "source" && item.kind != YamlKind::null)
        out.kind = TokenSource::Kind::input, out.input = input(item);
      else if (key.text != "source")
        refuse(key, sentence("'", valid_utf8(key.text), "' is unknown; a token has source and force"));
    }
    return out;
  }

  bool flag(const YamlValue& value) const {
    for (const char* const yes : {"true", "True", "yes", "on", "1"})
      if (value.text == yes) return true;
    for (const char* const no : {"false", "False", "no", "off", "0"})
      if (value.text == no) return false;
    refuse(value, "'force' is true or false");
  }

  void read_kind(const YamlValue& map, TokenSource& out) const {
    std::string kind;
    bool has_token = false, has_id = false, has_model = false;
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlValue &key = map.keys[i], &value = map.items[i];
      if (key.text == "kind") {
        kind = text(value, "'kind' is zero or model_token");
      } else if (key.text == "model") {
        out.input = input(value);
        has_model = true;
      } else if (key.text == "token") {
        out.token = text(value, "'token' is a text");
        has_token = true;
      } else if (key.text == "token_id") {
        out.id = number(value, "'token_id' is a whole number");
        has_id = true;
      } else {
        refuse(key, sentence("'", valid_utf8(key.text), "' is unknown; a source has kind, model, token and token_id"));
      }
    }
    if (kind != "zero" && kind != "model_token") refuse(map, "'kind' is zero or model_token");
    if (kind == "zero") {
      out.kind = TokenSource::Kind::zero;
      return;
    }
    if (!has_model || has_token == has_id) refuse(map, "a model_token has a model, and either token or token_id");
    out.kind = has_token ? TokenSource::Kind::token : TokenSource::Kind::id;
  }

  std::span<const MergekitModel> models_;
  const std::string& where_;
};

}  // namespace

std::optional<VocabularyRequest> vocabulary_request(const MergekitConfig& config, std::span<const MergekitModel> models,
                                                    const std::string& where) {
  if (!config.tokenizer_source && !config.tokenizer) return std::nullopt;
  VocabularyRequest out{.has_base = config.base.has_value()};
  const SectionReader reader(models, where);
  if (config.tokenizer_source)
    reader.read_source(*config.tokenizer_source, out);
  else
    reader.read_tokenizer(*config.tokenizer, out);
  return out;
}

}  // namespace ckmerge
