// SPDX-License-Identifier: Apache-2.0
// Rows put together by token: golden rows by mergekit's rules, whatever dtype they have and however they lie.
#include <doctest/doctest.h>

#include <bit>
#include <filesystem>
#include <fstream>
#include <memory>

#include "core/engine/run.h"
#include "core/inputs/input_names.h"
#include "io/folder/model_folder.h"
#include "io/text/json_edit.h"
#include "tests/core/plan/planned.h"
#include "tests/core/vocabulary/tokenizers.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr const char *kEmbedding = "model.embed_tokens.weight", *kHead = "lm_head.weight";

// Rows of two elements, v and v + 0.5.
FileTensor rows(const std::string& name, const std::vector<float>& values, Dtype dtype = Dtype::F32) {
  std::vector<float> elements;
  for (const float value : values) elements.insert(elements.end(), {value, value + 0.5F});
  if (dtype == Dtype::F32) return f32(name, {values.size(), 2}, elements);
  std::vector<uint64_t> words;
  for (const float element : elements) words.push_back(std::bit_cast<uint32_t>(element) >> 16);
  return bits(name, Dtype::BF16, {values.size(), 2}, words);
}

struct Models {
  TempFolder folder;
  std::vector<Checkpoint> checkpoints;
  std::vector<std::string> warnings;
  VocabularyChanges changes;
  bool whole = true;  // the second elements of rows were those that belong to the first

  void add(const std::vector<FileTensor>& tensors, const std::string& tokenizer) {
    const std::string path = folder / std::string(1, static_cast<char>('A' + checkpoints.size()));
    std::filesystem::create_directory(path);
    write(path + "/tokenizer.json", tokenizer);
    checkpoints.push_back(open_checkpoint(write_file(path + "/model.safetensors", tensors)));
    checkpoints.back().path = path;
    checkpoints.back().folder = std::make_shared<const ModelFolder>(ModelFolder{.path = path});
  }

  static void write(const std::string& path, const std::string& text) {
    if (!text.empty()) std::ofstream(path) << text;
  }

  void fit(const VocabularyRequest& request) { warnings = name_inputs({.vocabulary = request}, checkpoints, changes); }

  Failure fault(const VocabularyRequest& request) {
    return failure([&] { fit(request); });
  }

  // The first elements of the rows that model k has now, as a copy of it writes them.
  std::vector<float> values(size_t k, const std::string& name = kEmbedding) {
    std::vector<Checkpoint> one;
    one.push_back(std::move(checkpoints[k]));
    const std::string target = folder / "out.safetensors";
    const Recipe recipe{.method = "linear", .parameters = {{"weights", {1}}}, .dtype = Dtype::F32};
    run(make_plan(recipe, one), one, target, {.replace = true, .sync = false});
    checkpoints[k] = std::move(one[0]);
    std::vector<float> values;
    const std::vector<float> all = f32_values(target, name);
    for (size_t i = 0; i < all.size(); i += 2) {
      values.push_back(all[i]);
      whole &= all[i + 1] == all[i] + 0.5F;
    }
    return values;
  }
};

using Values = std::vector<float>;

const std::string kA = tokenizer_json("BPE", {{"<s>", 0}, {"a", 1}, {"b", 2}}, {{"<s>", 0}});
const std::string kB = tokenizer_json("BPE", {{"<s>", 0}, {"b", 1}, {"c", 2}, {"d", 3}}, {{"<s>", 0}, {"<y>", 4}});
const std::string kC = tokenizer_json("Unigram", {{"d", 0}, {"c", 1}, {"e", 2}, {"<s>", 3}}, {{"<s>", 3}});

// A has one row too many, for padding.
void add_three(Models& models, Dtype dtype = Dtype::F32) {
  models.add({rows(kEmbedding, {1, 2, 3, 99}), rows(kHead, {-1, -2, -3, -99})}, kA);
  models.add({rows(kEmbedding, {11, 12, 13, 14, 15}, dtype), rows(kHead, {-11, -12, -13, -14, -15}, dtype)}, kB);
  models.add({rows(kEmbedding, {21, 22, 23, 24})}, kC);
}

}  // namespace

TEST_CASE("a union has the rows that each model has, and of others what the rules say") {
  Models models;
  add_three(models);
  models.fit({.has_base = true});
  // <s> a b | c d e | <y>: of B c and d, of C e; what B and C have and A lacks is their average.
  CHECK(models.values(0) == Values{1, 2, 3, 17.5F, 17.5F, 23, 15});
  CHECK(models.values(1) == Values{11, 2, 12, 13, 14, 23, 15});
  CHECK(models.values(2) == Values{24, 2, 3, 22, 21, 23, 15});
  CHECK(models.whole);
  CHECK(models.values(0, kHead) == Values{-1, -2, -3, 4.5F, 3.5F, 23, -15});  // C's embedding is its head
  CHECK(models.changes.rows == 7);
  REQUIRE(models.warnings.size() == 1);
  CHECK(models.warnings[0].starts_with("3 tokens that "));
}

TEST_CASE("without a base what several have is their average") {
  Models models;
  add_three(models);
  models.fit({});
  CHECK(models.values(2) == Values{24, 2, 7.5F, 22, 21, 23, 15});
}

TEST_CASE("the tokens of one model, or of a folder that is not merged") {
  Models models;
  add_three(models);
  const std::string other = models.folder / "other";
  std::filesystem::create_directory(other);
  models.write(other + "/tokenizer.json", tokenizer_json("WordLevel", {{"q", 0}, {"a", 1}, {"c", 2}}, {}));
  SUBCASE("A's, without its padding") {
    models.fit({.kind = VocabularyRequest::Kind::base, .has_base = true});
    CHECK(models.values(0) == Values{1, 2, 3});
    CHECK(models.values(1) == Values{11, 2, 12});
    CHECK(models.changes.texts.empty());
    CHECK(models.changes.rows == 3);
  }
  SUBCASE("B's") {
    models.fit({.kind = VocabularyRequest::Kind::input, .input = 1, .has_base = true});
    CHECK(models.values(0) == Values{1, 3, 17.5F, 17.5F, 15});
    CHECK(models.changes.copies.at(0).first == "tokenizer.json");
  }
  SUBCASE("another's") {
    models.fit({.kind = VocabularyRequest::Kind::folder, .folder = other, .has_base = true});
    CHECK(models.values(0) == Values{0, 2, 17.5F});
    CHECK(models.warnings.at(0) == "1 token of the result is in no model that is merged: its row is zeros");
  }
}

TEST_CASE("rows are zeros, or those of another token or model, where that is said") {
  Models models;
  add_three(models);
  using Kind = TokenSource::Kind;
  models.fit({.has_base = true,
              .tokens = {{"<n>", {.kind = Kind::zero}},
                         {"b", {.kind = Kind::id, .input = 2, .id = 3, .force = true}},
                         {"e", {.kind = Kind::token, .input = 0, .token = "a"}},
                         {"c", {.kind = Kind::input, .input = 2}}},
              .pad_to_multiple_of = 6});
  CHECK(models.values(0) == Values{1, 2, 24, 22, 17.5F, 2, 15, 0, 83.5F / 8, 83.5F / 8, 83.5F / 8, 83.5F / 8});
  CHECK(models.values(1) == Values{11, 2, 24, 13, 14, 2, 15, 0, 81.F / 8, 81.F / 8, 81.F / 8, 81.F / 8});
  CHECK(models.changes.rows == 12);
  const std::string text = models.changes.texts.at("tokenizer.json");
  CHECK(text.find("{\"id\": 7, \"content\": \"<n>\"") != std::string::npos);
}

TEST_CASE("rows of a model of another dtype are converted, once") {
  Models models;
  add_three(models, Dtype::BF16);
  models.fit({.has_base = true});
  CHECK(models.values(0) == Values{1, 2, 3, 17.5F, 17.5F, 23, 15});
  CHECK(models.values(1) == Values{11, 2, 12, 13, 14, 23, 15});
}

TEST_CASE("long runs of rows are read where they lie, the first model's without a shard more") {
  Models models;
  constexpr uint64_t kRows = 3000;
  std::vector<MadeToken> a, b;
  for (unsigned i = 0; i < kRows; ++i) {
    a.push_back({"t" + std::to_string(i), i});
    b.push_back({"t" + std::to_string((i + 1000) % kRows), i});
  }
  models.add({random(kEmbedding, Dtype::BF16, {kRows, 64}, 1)}, tokenizer_json("BPE", a, {}));
  models.add({random(kEmbedding, Dtype::BF16, {kRows, 64}, 2)}, tokenizer_json("BPE", b, {}));
  const std::string bytes = tensor_bytes(models.checkpoints[1].path + "/model.safetensors", kEmbedding);
  models.fit({.has_base = true});
  CHECK(models.checkpoints[0].shards.size() == 1);
  CHECK(models.checkpoints[1].shards.size() == 1);
  const TensorTable& table = models.checkpoints[1].tensors;
  CHECK(table.pieces(0).size() == 2);
  const std::string target = models.folder / "out.safetensors";
  run(make_plan({.method = "weighted_sum", .parameters = {{"alpha", {1}}}}, models.checkpoints), models.checkpoints,
      target, {.sync = false});
  CHECK(tensor_bytes(target, kEmbedding) == bytes.substr(2000 * 128) + bytes.substr(0, 2000 * 128));
}

TEST_CASE("tokens that cannot be told or joined are refused") {
  Models models;
  add_three(models);
  using Kind = TokenSource::Kind;
  const auto fault = [&](const TokenSource& source, const std::string& token = "<n>") {
    Models again;
    add_three(again);
    const Failure refused = again.fault({.has_base = true, .tokens = {{token, source}}});
    CHECK(refused.code == ErrorCode::usage);
    return refused.text;
  };
  CHECK(fault({.kind = Kind::input, .input = 1}).find("B has no row of it; give it another source") !=
        std::string::npos);
  CHECK(fault({.kind = Kind::token, .input = 1, .token = "zz"}).find("B has no row of 'zz'") != std::string::npos);
  CHECK(fault({.kind = Kind::id, .input = 1, .id = 5}).find("B has no row 5, but 5 rows") != std::string::npos);
  CHECK(fault({.kind = Kind::input, .input = 9}).find("there is no input 9") != std::string::npos);

  std::filesystem::remove(models.checkpoints[2].path + "/tokenizer.json");
  models.write(models.checkpoints[2].path + "/tokenizer.model", "x");
  CHECK(models.fault({}).text.find("its tokens are in tokenizer.model only, and ckmerge reads tokenizer.json") !=
        std::string::npos);
  models.write(models.checkpoints[2].path + "/tokenizer.json", "{\"model\": 1}");
  CHECK(models.fault({}).text.ends_with("C/tokenizer.json: is no tokenizer: at byte 10: 'model' is an object"));
}

TEST_CASE("a model without a tokenizer is like the first where it has as many rows, else refused") {
  Models models;
  models.add({rows(kEmbedding, {1, 2, 3})}, kA);
  models.add({rows(kEmbedding, {4, 5, 6})}, "");
  models.fit({.has_base = true});
  CHECK(models.values(1) == Values{4, 5, 6});
  CHECK(models.warnings.at(0).find("B: has no tokenizer.json; its tokens are taken for those of") != std::string::npos);
  Models unlike;
  unlike.add({rows(kEmbedding, {1, 2, 3})}, kA);
  unlike.add({rows(kEmbedding, {4, 5})}, "");
  CHECK(unlike.fault({}).code == ErrorCode::mismatch);
}

TEST_CASE("files beside the weights follow") {
  Models models;
  models.add({rows(kEmbedding, {1, 2, 3})}, kA);
  models.add({rows(kEmbedding, {11, 12, 13, 14, 15})}, kB);
  const std::string a = models.checkpoints[0].path, b = models.checkpoints[1].path;
  models.write(a + "/tokenizer_config.json",
               R"({"added_tokens_decoder": {"0": {"content": "<s>"}}, "chat_template": "old"})");
  models.write(a + "/vocab.json", "{}");
  models.write(a + "/config.json", R"({"eos_token_id": 2, "pad_token_id": 1, "bos_token_id": 0})");
  models.write(a + "/generation_config.json", R"({"eos_token_id": 2, "top_k": 5})");
  models.write(b + "/config.json", R"({"eos_token_id": [4, 3], "bos_token_id": 0})");
  SUBCASE("of a union, with a chat template") {
    models.warnings = name_inputs({.vocabulary = VocabularyRequest{.has_base = true}, .chat_template = "chatml"},
                                  models.checkpoints, models.changes);
    CHECK(models.changes.texts.at("added_tokens.json") == "{\n  \"c\": 3,\n  \"d\": 4,\n  \"<y>\": 5\n}");
    const std::string config = models.changes.texts.at("tokenizer_config.json");
    CHECK(json_member(config, "added_tokens_decoder")->find("\"5\": {\"content\": \"<y>\"") != std::string::npos);
    CHECK(json_member(config, "chat_template")->starts_with("\"{%- for message in messages"));
    CHECK(models.changes.texts.at("chat_template.jinja").starts_with("{%- for message in messages"));
    CHECK(models.changes.config.empty());
  }
  SUBCASE("of another model's tokens") {
    models.fit({.kind = VocabularyRequest::Kind::input, .input = 1, .has_base = true});
    CHECK(models.changes.without == std::vector<std::string>{"tokenizer_config.json", "vocab.json"});
    CHECK(models.changes.config.size() == 2);
    CHECK(models.changes.config.at("eos_token_id").items.size() == 2);
    CHECK(models.changes.config.at("pad_token_id").kind == JsonValue::Kind::null);
    CHECK(models.changes.texts.at("generation_config.json") == R"({"eos_token_id": [4, 3], "top_k": 5})");
  }
}
