// SPDX-License-Identifier: Apache-2.0
// tokenizer.json as it is read and written, and vocabularies united as mergekit does it.
#include <doctest/doctest.h>

#include <map>

#include "core/vocabulary/written_tokenizer.h"
#include "tests/core/failure.h"
#include "tests/core/vocabulary/tokenizers.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

using Ids = std::map<std::string, uint32_t>;

Ids ids_of(const ModelTokens& tokens, const TokenTexts& texts) {
  Ids ids;
  for (uint32_t number = 0; number < texts.size(); ++number)
    if (tokens.id_of(number) != ModelTokens::kNoId) ids[std::string(texts[number])] = tokens.id_of(number);
  return ids;
}

Ids ids_in(const std::string& text) {
  TokenTexts texts;
  return ids_of(read_tokens(text, texts), texts);
}

std::string fault(const std::string& text) {
  TokenTexts texts;
  const auto refused = failure([&] { read_tokens(text, texts); });
  CHECK(refused.code == ErrorCode::malformed);
  return refused.text;
}

}  // namespace

TEST_CASE("tokens of the four kinds are read with their ids, added ones among them") {
  const Ids expected{{"<s>", 0}, {"a", 1}, {"b\"", 2}, {"<x>", 3}};
  const std::vector<MadeToken> tokens{{"<s>", 0}, {"a", 1}, {"b\"", 2}}, added{{"<s>", 0}, {"<x>", 3}};
  for (const char* const type : {"BPE", "Unigram", "WordPiece", "WordLevel"}) {
    TokenTexts texts;
    const std::string text = tokenizer_json(type, tokens, added);
    const ModelTokens read = read_tokens(text, texts);
    CHECK(name(read.kind) == std::string(type));
    CHECK(ids_of(read, texts) == expected);
    CHECK(read.end == 4);
    REQUIRE(read.words.size() == 2);
    CHECK(texts[read.words[1].second] == "b\"");
    REQUIRE(read.added.size() == 2);
    CHECK(read.added[1].content == "<x>");
    CHECK(read.added[1].special);
    CHECK(read.added[1].settings == R"("normalized": false, "special": true)");
  }
}

TEST_CASE("old files do not say of what kind they are") {
  const auto kind = [](const std::string& model) {
    TokenTexts texts;
    return read_tokens("{\"model\": {" + model + "}}", texts).kind;
  };
  CHECK(kind(R"("vocab": {"a": 0}, "merges": [])") == TokenizerKind::bpe);
  CHECK(kind(R"("vocab": [["a", 0.5]], "unk_id": 0)") == TokenizerKind::unigram);
  CHECK(kind(R"("vocab": {"a": 0}, "continuing_subword_prefix": "##")") == TokenizerKind::word_piece);
  CHECK(kind(R"("vocab": {"a": 0}, "unk_token": "a")") == TokenizerKind::word_level);
}

TEST_CASE("what is no tokenizer is refused with the place") {
  CHECK(fault("[]") == "at byte 0: a tokenizer is an object");
  CHECK(fault("{}") == "at byte 2: it has no 'model'");
  CHECK(fault(R"({"model": {"type": "BPE"}})").ends_with("its 'model' has no 'vocab'"));
  CHECK(fault(R"({"model": {"type": "Magic", "vocab": {}}})").find("of the type 'Magic'") != std::string::npos);
  CHECK(fault(R"({"model": {"type": "Unigram", "vocab": {}}})").find("not that of the type") != std::string::npos);
  CHECK(fault(R"({"model": {"vocab": {"a": -1}}})") ==
        "at byte 28: '-1' is no id of a token: they are whole numbers below 16777216");
  CHECK(fault(R"({"model": {"vocab": {"a": 16777216}}})").find("no id of a token") != std::string::npos);
  CHECK(fault(R"({"model": {"vocab": {"a": "b"}}})").ends_with("an id is a number"));
  CHECK(fault(R"({"model": {"vocab": ["a"]}})").ends_with("an entry of 'vocab' is a token and its score"));
  CHECK(fault(R"({"model": {"vocab": [[1, 2]]}})").ends_with("an entry of 'vocab' begins with its token"));
  CHECK(fault(R"({"added_tokens": [{"id": 1}], "model": {"vocab": {}}})").ends_with("an added token has no 'content'"));
  CHECK(fault(R"({"added_tokens": [1], "model": {"vocab": {}}})").ends_with("an added token is an object"));
  CHECK(fault(R"({"model": {"vocab": {}}} x)").ends_with("expected the end"));
}

TEST_CASE("a union has the first one's tokens, the others' words model by model, then their added tokens") {
  TokenTexts texts;
  const std::string base = tokenizer_json("BPE", {{"<s>", 0}, {"a", 1}, {"b", 2}}, {{"<s>", 0}, {"<x>", 3}});
  ModelTokens united = read_tokens(base, texts);
  const ModelTokens other = read_tokens(
      tokenizer_json("BPE", {{"z", 0}, {"c", 1}, {"a", 2}, {"", 3}, {"<x>", 4}}, {{"<y>", 5}, {"b", 6}}), texts);
  const ModelTokens third =
      read_tokens(tokenizer_json("Unigram", {{"d", 0}, {"c", 1}, {"<y>", 2}}, {{"<w>", 3}}), texts);
  const std::vector<const ModelTokens*> others{&other, &third};
  CHECK(unite_tokens(united, others, texts) == 3);
  CHECK(ids_of(united, texts) ==
        Ids{{"<s>", 0}, {"a", 1}, {"b", 2}, {"<x>", 3}, {"z", 4}, {"c", 5}, {"d", 6}, {"<y>", 7}, {"<w>", 8}});
  add_token(united, "new", texts);
  add_token(united, "a", texts);
  CHECK(united.end == 10);

  const std::string text = written_tokenizer(base, united, UINT64_MAX);
  CHECK(ids_in(text) == ids_of(united, texts));
  CHECK(text.find("{\"id\": 2, \"content\": \"b\", \"normalized\": false, \"special\": true}") != std::string::npos);
  CHECK(text.find("{\"id\": 4, \"content\": \"z\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, "
                  "\"normalized\": true, \"special\": false}") != std::string::npos);
  CHECK(text.find("\"vocab\": {\"<s>\": 0, \"a\": 1, \"b\": 2}") != std::string::npos);
}

TEST_CASE("tokens without a row are taken out of model, merges and added tokens") {
  const std::vector<MadeToken> tokens{{"a", 0}, {"b", 1}, {"ab", 2}, {"c", 3}, {"abc", 4}};
  for (const char* const merges :
       {R"(, "merges": [["a", "b"], ["ab", "c"], ["b", "a"]])", R"(, "merges": ["a b", "ab c", "b a"])"}) {
    const std::string text = tokenizer_json("BPE", tokens, {{"<x>", 5}}, merges);
    TokenTexts texts;
    ModelTokens read = read_tokens(text, texts);
    CHECK(leave_out_unused(read, 3) == 3);
    CHECK(read.end == 3);
    const std::string written = written_tokenizer(text, read, 3);
    CHECK(ids_in(written) == Ids{{"a", 0}, {"b", 1}, {"ab", 2}});
    CHECK(written.find("ab\", \"c\"") == std::string::npos);
    CHECK(written.find("ab c") == std::string::npos);
    CHECK(written.find("\"added_tokens\": []") != std::string::npos);
  }
  const std::string unigram = tokenizer_json("Unigram", tokens, {});
  TokenTexts texts;
  ModelTokens read = read_tokens(unigram, texts);
  leave_out_unused(read, 2);
  CHECK(ids_in(written_tokenizer(unigram, read, 2)) == Ids{{"a", 0}, {"b", 1}});
}

TEST_CASE("a document without added tokens gets them in front") {
  TokenTexts texts;
  const std::string text = R"({"model": {"type": "WordLevel", "vocab": {"a": 0}}})";
  ModelTokens tokens = read_tokens(text, texts);
  add_token(tokens, "<n>", texts);
  CHECK(ids_in(written_tokenizer(text, tokens, UINT64_MAX)) == Ids{{"a", 0}, {"<n>", 1}});
}

TEST_CASE("ids of added tokens are those that they are read as, and no token is added into a gap") {
  TokenTexts texts;
  const std::string text = tokenizer_json("BPE", {{"a", 0}, {"b", 1}}, {{"b", 1}, {"<far>", 5}, {"<x>", 3}});
  ModelTokens tokens = read_tokens(text, texts);
  CHECK(ids_of(tokens, texts) == Ids{{"a", 0}, {"b", 1}, {"<far>", 2}, {"<x>", 3}});
  CHECK(tokens.moved == "'<far>' is written as id 5 and read as 2");
  add_token(tokens, "<n>", texts);
  CHECK(ids_in(written_tokenizer(text, tokens, UINT64_MAX)) ==
        Ids{{"a", 0}, {"b", 1}, {"<far>", 2}, {"<x>", 3}, {"<n>", 4}});

  const std::string gaps = tokenizer_json("BPE", {{"a", 0}, {"b", 7}}, {});
  ModelTokens wide = read_tokens(gaps, texts);
  CHECK(wide.end == 8);
  add_token(wide, "<n>", texts);
  const Failure refused = failure([&] { written_tokenizer(gaps, wide, UINT64_MAX); });
  CHECK(refused.code == ErrorCode::mismatch);
  CHECK(refused.text ==
        "the ids of the result's tokenizer have gaps, so that '<n>' would be read as id 2 and not as 8; take the "
        "tokens of a "
        "model whose ids have none");
}
