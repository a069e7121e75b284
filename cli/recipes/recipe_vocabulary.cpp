// SPDX-License-Identifier: Apache-2.0
#include "cli/recipes/recipe_vocabulary.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "cli/options/recipe_options.h"
#include "cli/system/text.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/yaml_text.h"

namespace ckmerge::cli {
namespace {

using Kind = YamlValue::Kind;

constexpr const char* kForm =
    "the row of a token is `zero`, or {of: CHECKPOINT}, with `token` or `id` where it is another's there";

class VocabularyReader {
 public:
  VocabularyReader(const std::string& path, const std::vector<std::string>& names) : path_(path), names_(names) {}

  void read(const YamlValue& map, Recipe& recipe) const {
    static const std::vector<std::string> kKeys{"average", "chat_template", "pad_to_multiple_of", "source", "tokens"};
    if (map.kind != Kind::map) refuse(map, "'vocabulary' is a map: source, tokens, ...");
    VocabularyRequest request{.has_base = true};
    const YamlValue* needs_source = nullptr;
    for (size_t i = 0; i < map.keys.size(); ++i) {
      const YamlValue &key = map.keys[i], &value = map.items[i];
      if (std::ranges::find(kKeys, key.text) == kKeys.end())
        refuse(key, "'" + visible(key.text) + "' is unknown" + suggestion_of(key.text, kKeys));
      if (key.text == "chat_template") {
        recipe.chat_template = text(value, "a chat template is a text");
        continue;
      }
      needs_source = &key;
      if (key.text == "source") read_source(value, request);
      if (key.text == "average") request.has_base = !flag(value);
      if (key.text == "pad_to_multiple_of") request.pad_to_multiple_of = number(value);
      if (key.text == "tokens") read_tokens(value, request);
    }
    if (!needs_source) return;
    if (!map.find("source")) refuse(*needs_source, "'source' is missing: union, base, a checkpoint or a folder");
    recipe.vocabulary = std::move(request);
  }

 private:
  [[noreturn]] void refuse(const YamlValue& place, const std::string& what) const { refuse_at(path_, place, what); }

  std::string text(const YamlValue& value, const char* what) const {
    if (value.kind != Kind::scalar || value.text.empty()) refuse(value, what);
    return value.text;
  }

  bool flag(const YamlValue& value) const {
    const std::string_view word = value.kind == Kind::scalar ? recipe_flag(value.text) : "";
    if (word.empty()) refuse(value, "it is true or false");
    return word == "true";
  }

  uint64_t number(const YamlValue& value) const {
    uint64_t number = 0;
    const char* const end = value.text.data() + value.text.size();
    const auto [stop, fault] = std::from_chars(value.text.data(), end, number);
    if (value.kind != Kind::scalar || fault != std::errc() || stop != end) refuse(value, "it is a whole number from 0");
    return number;
  }

  void read_source(const YamlValue& value, VocabularyRequest& out) const {
    using enum VocabularyRequest::Kind;
    const std::string source = text(value, "a source is union, base, a checkpoint or a folder");
    const auto found = std::ranges::find(names_, source);
    if (source == "union") {
      out.kind = united;
    } else if (source == "base") {
      out.kind = base;
    } else if (found != names_.end()) {
      out.kind = input;
      out.input = static_cast<uint32_t>(found - names_.begin());
    } else {
      out.kind = folder;
      out.folder = beside_recipe(source, path_);
    }
  }

  void read_tokens(const YamlValue& map, VocabularyRequest& out) const {
    if (map.kind != Kind::map) refuse(map, "'tokens' is a map: a token, and where its row is from");
    for (size_t i = 0; i < map.keys.size(); ++i) out.tokens.emplace_back(map.keys[i].text, source_of(map.items[i]));
  }

  TokenSource source_of(const YamlValue& value) const {
    if (value.kind == Kind::scalar && value.text == "zero") return {.kind = TokenSource::Kind::zero};
    if (value.kind == Kind::null) return {};
    if (value.kind != Kind::map) refuse(value, kForm);
    TokenSource out;
    bool has_input = false;
    for (size_t i = 0; i < value.keys.size(); ++i) {
      const std::string& key = value.keys[i].text;
      const YamlValue& item = value.items[i];
      if (key == "of" && item.text == "zero") {
        out.kind = TokenSource::Kind::zero;
      } else if (key == "of") {
        out.input = input(item);
        has_input = true;
        if (out.kind == TokenSource::Kind::usual) out.kind = TokenSource::Kind::input;
      } else if (key == "token") {
        out.token = text(item, "'token' is a text");
        out.kind = TokenSource::Kind::token;
      } else if (key == "id") {
        out.id = number(item);
        out.kind = TokenSource::Kind::id;
      } else if (key == "force") {
        out.force = flag(item);
      } else {
        refuse(value.keys[i], kForm);
      }
    }
    const bool has_both = value.find("token") != nullptr && value.find("id") != nullptr;
    if (has_both || has_input != (out.kind >= TokenSource::Kind::input) || out.kind == TokenSource::Kind::usual)
      refuse(value, kForm);
    return out;
  }

  uint32_t input(const YamlValue& value) const {
    const auto found = std::ranges::find(names_, text(value, kForm));
    if (found == names_.end())
      refuse(value, "no checkpoint is called '" + visible(value.text) + "'; they are " + joined(names_, ", "));
    return static_cast<uint32_t>(found - names_.begin());
  }

  const std::string& path_;
  const std::vector<std::string>& names_;
};

std::string source_text(const TokenSource& source, const std::vector<std::string>& names) {
  using enum TokenSource::Kind;
  if (source.kind == usual) return "null";
  std::string out = "{of: " + (source.kind == zero ? "zero" : yaml_scalar(names[source.input]));
  if (source.kind == token) out += ", token: " + yaml_scalar(source.token);
  if (source.kind == id) out += sentence(", id: ", source.id);
  return out + (source.force ? ", force: true}" : "}");
}

}  // namespace

void read_vocabulary(const YamlValue& vocabulary, const std::string& path, const std::vector<std::string>& names,
                     Recipe& recipe) {
  if (vocabulary.kind != Kind::null) VocabularyReader(path, names).read(vocabulary, recipe);
}

std::string vocabulary_text(const Recipe& recipe, const std::vector<std::string>& names, const std::string& folder) {
  if (!recipe.vocabulary && recipe.chat_template.empty()) return "";
  std::string out = "vocabulary:\n";
  if (recipe.vocabulary) {
    const VocabularyRequest& request = *recipe.vocabulary;
    const bool is_of_input = request.kind == VocabularyRequest::Kind::input;
    const std::string sources[] = {"base", "union", is_of_input ? yaml_scalar(names[request.input]) : "",
                                   yaml_scalar(folder)};
    out += "  source: " + sources[static_cast<size_t>(request.kind)] + "\n";
    if (!request.has_base) out += "  average: true\n";
    if (request.pad_to_multiple_of != 0) out += sentence("  pad_to_multiple_of: ", request.pad_to_multiple_of, "\n");
    if (!request.tokens.empty()) out += "  tokens:\n";
    for (const auto& [token, source] : request.tokens)
      out += "    " + yaml_scalar(token) + ": " + source_text(source, names) + "\n";
  }
  if (!recipe.chat_template.empty()) out += "  chat_template: " + yaml_scalar(recipe.chat_template) + "\n";
  return out;
}

}  // namespace ckmerge::cli
