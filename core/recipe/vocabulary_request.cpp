// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/vocabulary_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

#include "io/text/error.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using Kind = JsonValue::Kind;

constexpr std::array<std::string_view, 5> kSourceNames = {"usual", "zero", "input", "token", "id"};
constexpr std::array<std::string_view, 2> kRequestNames = {"base", "union"};  // others are objects

[[noreturn]] void fail(const std::string& what) {
  throw Error(ErrorCode::malformed, "vocabulary", sentence("'vocabulary' ", what));
}

[[noreturn]] void fail_unknown(const std::string& key) {
  fail(sentence("has '", valid_utf8(key.substr(0, 100)), "', which is unknown; a newer ckmerge may know it"));
}

void append_text(std::string& out, std::string_view key, std::string_view text) {
  out += sentence("\"", key, "\":");
  append_json_string(out, valid_utf8(text));
}

std::string_view last_name(std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path.substr(path.find_last_of('/') + 1);
}

void append_source(std::string& out, const TokenSource& source) {
  append_text(out, "kind", kSourceNames[static_cast<size_t>(source.kind)]);
  if (source.kind >= TokenSource::Kind::input) out += sentence(",\"input\":", source.input);
  if (source.kind == TokenSource::Kind::token) append_text(out += ',', "token", source.token);
  if (source.kind == TokenSource::Kind::id) out += sentence(",\"id\":", source.id);
}

std::string text_of(const JsonValue& value, std::string_view key) {
  if (value.kind != Kind::string) fail(sentence("has a '", key, "' that is not a string"));
  return value.text;
}

bool flag_of(const JsonValue& value, std::string_view key) {
  if (value.kind != Kind::boolean) fail(sentence("has a '", key, "' that is not true or false"));
  return value.boolean;
}

template <typename Number>
Number number_of(const JsonValue& value, std::string_view key) {
  Number number = 0;
  const char* const end = value.text.data() + value.text.size();
  if (value.kind == Kind::number) {
    const auto [stop, error] = std::from_chars(value.text.data(), end, number);
    if (error == std::errc() && stop == end) return number;
  }
  fail(sentence("has a '", key, "' that is not a whole number"));
}

TokenSource source_of(const JsonValue& value) {
  if (value.kind != Kind::object) fail("has a source of a token that is no object");
  TokenSource source;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const JsonValue& item = value.items[i];
    if (key == "kind") {
      const auto* const found = std::ranges::find(kSourceNames, text_of(item, key));
      if (found == kSourceNames.end()) fail("has a source of a token that this ckmerge does not know");
      source.kind = static_cast<TokenSource::Kind>(found - kSourceNames.begin());
    } else if (key == "input") {
      source.input = number_of<uint32_t>(item, key);
    } else if (key == "token") {
      source.token = text_of(item, key);
    } else if (key == "id") {
      source.id = number_of<uint64_t>(item, key);
    } else {
      fail_unknown(key);
    }
  }
  return source;
}

std::pair<std::string, TokenSource> token_of(const JsonValue& value) {
  if (value.kind != Kind::object) fail("has a token that is no object");
  std::pair<std::string, TokenSource> token;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const bool force = token.second.force;
    if (key == "token") {
      token.first = text_of(value.items[i], key);
    } else if (key == "source") {
      token.second = source_of(value.items[i]);
      token.second.force = force;
    } else if (key == "force") {
      token.second.force = flag_of(value.items[i], key);
    } else {
      fail_unknown(key);
    }
  }
  return token;
}

void read_tokens_of(const JsonValue& value, VocabularyRequest& out) {
  if (value.kind == Kind::string && value.text == kRequestNames[0]) {
    out.kind = VocabularyRequest::Kind::base;
  } else if (value.kind == Kind::string && value.text == kRequestNames[1]) {
    out.kind = VocabularyRequest::Kind::united;
  } else if (value.kind == Kind::object && value.keys == std::vector<std::string>{"input"}) {
    out.kind = VocabularyRequest::Kind::input;
    out.input = number_of<uint32_t>(value.items[0], "input");
  } else if (value.kind == Kind::object && value.keys == std::vector<std::string>{"folder"}) {
    out.kind = VocabularyRequest::Kind::folder;
    out.folder = text_of(value.items[0], "folder");
  } else {
    fail("has a 'source' that this ckmerge does not know");
  }
}

}  // namespace

void append_json(std::string& out, const VocabularyRequest& request) {
  out += '{';
  switch (request.kind) {
    case VocabularyRequest::Kind::base: append_text(out, "source", kRequestNames[0]); break;
    case VocabularyRequest::Kind::united: append_text(out, "source", kRequestNames[1]); break;
    case VocabularyRequest::Kind::input: out += sentence("\"source\":{\"input\":", request.input, "}"); break;
    case VocabularyRequest::Kind::folder:
      append_text(out += "\"source\":{", "folder", last_name(request.folder));
      out += '}';
      break;
  }
  if (request.has_base) out += ",\"has_base\":true";
  if (!request.tokens.empty()) out += ",\"tokens\":[";
  for (bool first = true; const auto& [token, source] : request.tokens) {
    append_text(out += first ? "{" : ",{", "token", token);
    first = false;
    append_source(out += ",\"source\":{", source);
    out += source.force ? "},\"force\":true}" : "}}";
  }
  if (!request.tokens.empty()) out += ']';
  if (request.pad_to_multiple_of != 0) out += sentence(",\"pad_to_multiple_of\":", request.pad_to_multiple_of);
  out += '}';
}

VocabularyRequest parse_vocabulary_request(const JsonValue& value) {
  if (value.kind != Kind::object) fail("is not an object");
  VocabularyRequest out;
  for (size_t i = 0; i < value.keys.size(); ++i) {
    const std::string& key = value.keys[i];
    const JsonValue& item = value.items[i];
    if (key == "source") {
      read_tokens_of(item, out);
    } else if (key == "has_base") {
      out.has_base = flag_of(item, key);
    } else if (key == "pad_to_multiple_of") {
      out.pad_to_multiple_of = number_of<uint64_t>(item, key);
    } else if (key == "tokens") {
      if (item.kind != Kind::array) fail("has 'tokens' that are not an array");
      for (const JsonValue& token : item.items) out.tokens.push_back(token_of(token));
    } else {
      fail_unknown(key);
    }
  }
  return out;
}

}  // namespace ckmerge
