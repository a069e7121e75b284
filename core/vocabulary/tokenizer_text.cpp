// SPDX-License-Identifier: Apache-2.0
#include "core/vocabulary/tokenizer_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "io/text/error.h"
#include "io/text/json_scanner.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using ScannedKind = JsonScanner::Kind;
using Visit = std::function<void(std::string_view token, uint32_t id)>;

constexpr std::array<const char*, 4> kKindNames = {"BPE", "Unigram", "WordPiece", "WordLevel"};

// Ids become rows. The largest vocabularies have some 2^18 of them.
constexpr uint32_t kMostIds = 1 << 24;

class Reader {
 public:
  Reader(std::string_view text, const Visit& visit) : json_(text), visit_(visit) {}

  TokenizerText read() {
    expect(ScannedKind::object, "a tokenizer is an object");
    bool has_model = false;
    for (json_.enter(ScannedKind::object); json_.next();) {
      const std::string key(json_.key());
      if (key == "added_tokens") {
        read_added();
      } else if (key == "model") {
        has_model = true;
        read_model();
      } else {
        json_.skip();
      }
    }
    json_.finish();
    if (!has_model) fail("it has no 'model'");
    if (out_.places.vocab.empty()) fail("its 'model' has no 'vocab'");
    out_.kind = kind();
    return std::move(out_);
  }

 private:
  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) {
    throw Error(ErrorCode::malformed, "", sentence("at byte ", json_.place(), ": ", parts...));
  }

  void expect(ScannedKind kind, std::string_view what) {
    if (json_.kind() != kind) fail(what);
  }

  uint32_t id() {
    expect(ScannedKind::number, "an id is a number");
    const std::string_view text = json_.number();
    uint32_t id = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (error != std::errc() || stop != text.data() + text.size() || id >= kMostIds)
      fail("'", text.substr(0, 40), "' is no id of a token: they are whole numbers below ", kMostIds);
    out_.end = std::max(out_.end, id + 1);
    return id;
  }

  void read_added() {
    if (!out_.places.added.empty()) fail("'added_tokens' is there twice");
    const size_t begin = json_.place();
    if (json_.kind() == ScannedKind::null) {
      json_.skip();
    } else {
      expect(ScannedKind::array, "'added_tokens' is a list");
      for (json_.enter(ScannedKind::array); json_.next();) read_added_token();
    }
    out_.places.added = json_.since(begin);
  }

  void read_added_token() {
    expect(ScannedKind::object, "an added token is an object");
    AddedToken token;
    bool has_id = false, has_content = false;
    for (json_.enter(ScannedKind::object); json_.next();) {
      const std::string key(json_.key());
      if (key == "id") {
        token.id = id();
        has_id = true;
      } else if (key == "content") {
        expect(ScannedKind::string, "the content of an added token is a string");
        token.content = json_.string();
        has_content = true;
      } else {
        const std::string_view value = json_.skip();
        token.settings += token.settings.empty() ? "" : ", ";
        append_json_string(token.settings, key);
        token.settings += sentence(": ", value);
        token.special |= key == "special" && value == "true";
      }
    }
    if (!has_id || !has_content) fail("an added token has no ", has_id ? "'content'" : "'id'");
    out_.added.push_back(std::move(token));
  }

  void read_model() {
    expect(ScannedKind::object, "'model' is an object");
    for (json_.enter(ScannedKind::object); json_.next();) {
      const std::string key(json_.key());
      if (key == "vocab") {
        read_vocab();
      } else if (key == "merges") {
        if (!out_.places.merges.empty()) fail("'merges' is there twice");
        out_.places.merges = json_.skip();
      } else if (key == "type" && json_.kind() == ScannedKind::string) {
        type_ = json_.string();
      } else {
        is_word_piece_ |= key == "continuing_subword_prefix" || key == "max_input_chars_per_word";
        json_.skip();
      }
    }
  }

  void read_vocab() {
    if (!out_.places.vocab.empty()) fail("'vocab' is there twice");
    const size_t begin = json_.place();
    is_list_ = json_.kind() == ScannedKind::array;
    if (!is_list_) expect(ScannedKind::object, "'vocab' is an object, or a list of tokens and scores");
    std::string token;
    for (json_.enter(is_list_ ? ScannedKind::array : ScannedKind::object); json_.next(); ++out_.words) {
      if (is_list_) {
        take_scored();
        continue;
      }
      token = json_.key();
      visit_(token, id());
    }
    out_.places.vocab = json_.since(begin);
  }

  void take_scored() {
    const auto id = static_cast<uint32_t>(out_.words);
    if (id >= kMostIds) fail("there are more than ", kMostIds, " tokens");
    expect(ScannedKind::array, "an entry of 'vocab' is a token and its score");
    json_.enter(ScannedKind::array);
    if (!json_.next() || json_.kind() != ScannedKind::string) fail("an entry of 'vocab' begins with its token");
    visit_(json_.string(), id);
    if (!json_.next() || json_.kind() != ScannedKind::number) fail("an entry of 'vocab' is a token and its score");
    json_.number();
    if (json_.next()) fail("an entry of 'vocab' is a token and its score");
    out_.end = std::max(out_.end, id + 1);
  }

  // Old files do not say it.
  TokenizerKind kind() {
    if (type_.empty()) {
      if (is_list_) return TokenizerKind::unigram;
      if (!out_.places.merges.empty()) return TokenizerKind::bpe;
      return is_word_piece_ ? TokenizerKind::word_piece : TokenizerKind::word_level;
    }
    const auto* const found = std::ranges::find(kKindNames, type_);
    if (found == kKindNames.end())
      fail("its model is of the type '", valid_utf8(type_.substr(0, 100)), "', which is not known");
    const auto kind = static_cast<TokenizerKind>(found - kKindNames.begin());
    if (is_list_ != (kind == TokenizerKind::unigram)) fail("its 'vocab' is not that of the type ", type_);
    return kind;
  }

  JsonScanner json_;
  const Visit& visit_;
  TokenizerText out_;
  std::string type_;
  bool is_list_ = false, is_word_piece_ = false;
};

}  // namespace

const char* name(TokenizerKind kind) { return kKindNames[static_cast<size_t>(kind)]; }

TokenizerText read_tokenizer(std::string_view text, const Visit& visit) { return Reader(text, visit).read(); }

}  // namespace ckmerge
