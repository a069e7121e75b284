// SPDX-License-Identifier: Apache-2.0
// What is asked of vocabularies, recorded and read again, and chat templates chosen.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "core/recipe/vocabulary_request.h"
#include "core/vocabulary/chat_templates.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string text_of(const VocabularyRequest& request) {
  std::string text;
  append_json(text, request);
  return text;
}

std::string fault(const std::string& text) {
  const Failure refused = failure([&] { parse_vocabulary_request(parse_json(text)); });
  CHECK(refused.code == ErrorCode::malformed);
  return refused.text;
}

}  // namespace

TEST_CASE("a request is recorded and read again") {
  using Kind = TokenSource::Kind;
  const VocabularyRequest all{.has_base = true,
                              .tokens = {{"<a>", {.kind = Kind::zero}},
                                         {"\"b\n", {.kind = Kind::token, .input = 1, .token = "<x>", .force = true}},
                                         {"c", {.kind = Kind::id, .input = 2, .id = 70000}},
                                         {"d", {.kind = Kind::input, .input = 1}},
                                         {"e", {}}},
                              .pad_to_multiple_of = 64};
  CHECK(parse_vocabulary_request(parse_json(text_of(all))) == all);
  for (const VocabularyRequest& request :
       {VocabularyRequest{}, VocabularyRequest{.kind = VocabularyRequest::Kind::base},
        VocabularyRequest{.kind = VocabularyRequest::Kind::input, .input = 3},
        VocabularyRequest{.kind = VocabularyRequest::Kind::folder, .folder = "name"}})
    CHECK(parse_vocabulary_request(parse_json(text_of(request))) == request);
  CHECK(text_of({.kind = VocabularyRequest::Kind::folder, .folder = "somewhere/below/name/"}) ==
        R"({"source":{"folder":"name"}})");
}

TEST_CASE("what is no request is refused by its part") {
  CHECK(fault("[]") == "'vocabulary' is not an object");
  CHECK(fault(R"({"source":"all"})") == "'vocabulary' has a 'source' that this ckmerge does not know");
  CHECK(fault(R"({"more":1})") == "'vocabulary' has 'more', which is unknown; a newer ckmerge may know it");
  CHECK(fault(R"({"pad_to_multiple_of":1.5})") == "'vocabulary' has a 'pad_to_multiple_of' that is not a whole number");
  CHECK(fault(R"({"tokens":[{"token":"a","source":{"kind":"magic"}}]})") ==
        "'vocabulary' has a source of a token that this ckmerge does not know");
}

TEST_CASE("a chat template is a name, a text, or what most inputs have") {
  TempFolder folder;
  std::vector<std::string> folders;
  const auto add = [&](const std::string& file, const std::string& text) {
    folders.push_back(folder / std::to_string(folders.size()));
    std::filesystem::create_directory(folders.back());
    std::ofstream(folders.back() + "/" + file) << text;
  };
  add("chat_template.jinja", "one\n");
  add("tokenizer_config.json", R"({"chat_template": "two"})");
  add("tokenizer_config.json",
      R"({"chat_template": [{"name": "rag", "template": "x"}, {"name": "default", "template": "two "}]})");
  add("chat_template.json", R"({"chat_template": "one"})");
  add("config.json", "{}");
  CHECK(chat_template("auto", folders) == "one");
  CHECK(chat_template("auto", std::span(folders).subspan(1)) == "two");
  CHECK_FALSE(chat_template("auto", std::span(folders).subspan(4)).has_value());
  const std::string text = "{{ messages[0]['content'] }}";
  CHECK(chat_template(text, folders) == text);
  CHECK(chat_template("mistral", {})->starts_with("{%- set has_system"));
  CHECK(failure([&] { chat_template("chatlm", folders); }).text ==
        "chat_template 'chatlm' is neither a template in Jinja, nor auto, nor one of alpaca, chatml, exaone, llama3, "
        "mistral");
  std::ofstream(folders[1] + "/tokenizer_config.json") << "{";
  CHECK(failure([&] { chat_template("auto", folders); }).code == ErrorCode::malformed);
}
