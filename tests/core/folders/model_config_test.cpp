// SPDX-License-Identifier: Apache-2.0
#include "core/folders/model_config.h"

#include <doctest/doctest.h>

#include "io/text/json_value.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

// Without blanks.
std::string squeezed(const std::string& text) {
  std::string out;
  bool in_string = false;
  for (const char c : text) {
    if (c == '"') in_string = !in_string;
    if (in_string || (c != ' ' && c != '\n')) out += c;
  }
  return out;
}

std::string changed(const std::string& text, const ModelChanges& changes, const ConfigFacts& facts = {}) {
  return squeezed(changed_config(text, facts, changes).text);
}

ModelChanges layers(const std::vector<uint32_t>& layers, const std::string& prefix = "model.layers") {
  return {.runs = {{.prefix = prefix, .layers = layers}}};
}

}  // namespace

TEST_CASE("a config of which nothing changes keeps its bytes") {
  const std::string text = "{\"dtype\":\t\"bfloat16\",  \"x\": 1e-05}";
  CHECK(changed_config(text, {.dtype = Dtype::BF16}, {}).text == text);
}

TEST_CASE("every field that names a dtype gets the result's, but for what is said of codes") {
  const ConfigFacts facts{.dtype = Dtype::F16, .is_plain = false};
  CHECK(
      changed(
          R"({"a":{"torch_dtype":"float32","l":[{"dtype":"x"}]},"dtype":null,"quantization_config":{"dtype":"int8"},"z":1e-05})",
          {}, facts) ==
      R"({"a":{"torch_dtype":"float16","l":[{"dtype":"float16"}]},"dtype":null,"quantization_config":{"dtype":"int8"},"z":1e-05})");
}

TEST_CASE("what is said of other files and of codes is left out of plain weights") {
  const std::string text =
      R"({"quantization_config":{},"text_config":{"quantization_config":{}},"transformers_weights":"x","y":1})";
  const ChangedConfig config = changed_config(text, {}, {});
  CHECK(squeezed(config.text) == R"({"text_config":{},"y":1})");
  CHECK(config.left_out == std::vector<std::string>{"transformers_weights", "quantization_config"});
}

TEST_CASE("words that only Python reads stay as they are") {
  CHECK(changed(R"({"dtype":"float32","limit":[0.0,Infinity,-Infinity,NaN],"s":"NaN, Infinity"})", {},
                {.dtype = Dtype::BF16}) ==
        R"({"dtype":"bfloat16","limit":[0.0,Infinity,-Infinity,NaN],"s":"NaN, Infinity"})");
  const std::string large = R"({"dtype":"float32","n":[12345678901234567890123,-99999999999999999999,1e400,1.5]})";
  CHECK(changed(large, {}, {.dtype = Dtype::F32}) == large);
  CHECK(
      changed(large, {}, {.dtype = Dtype::F16}).ends_with("12345678901234567890123,-99999999999999999999,1e400,1.5]}"));
  CHECK(failure([] { changed_config("[]", {}, {}); }).code == ErrorCode::malformed);
  CHECK(failure([] { changed_config("{\"a\": Infinit}", {}, {}); }).code == ErrorCode::malformed);
}

TEST_CASE("lists of layers follow them, and numbers of layers are those of the result") {
  const std::string text =
      R"({"layer_types":["a","b","c"],"mlp_only_layers":[0,2],"moe_layers":[1],"num_hidden_layers":3,"other":[1,2,3],"sizes":[8,8]})";
  CHECK(
      changed(text, layers({2, 0, 0, 1})) ==
      R"({"layer_types":["c","a","a","b"],"mlp_only_layers":[0,1,2],"moe_layers":[3],"num_hidden_layers":4,"other":[1,2,3],"sizes":[8,8]})");
}

TEST_CASE("of several models in one config the one with the layers is changed") {
  const std::string text =
      R"({"num_hidden_layers":2,"text_config":{"layer_types":["a","b"],"num_hidden_layers":2},"vision_config":{"depth":2,"layer_types":["v","w"]}})";
  CHECK(
      changed(text, layers({1}, "model.language_model.layers")) ==
      R"({"num_hidden_layers":1,"text_config":{"layer_types":["b"],"num_hidden_layers":1},"vision_config":{"depth":2,"layer_types":["v","w"]}})");
  CHECK(
      changed(text, layers({1}, "visual.blocks")) ==
      R"({"num_hidden_layers":2,"text_config":{"layer_types":["a","b"],"num_hidden_layers":2},"vision_config":{"depth":1,"layer_types":["w"]}})");
}

TEST_CASE("an encoder and its decoder are counted apart") {
  const std::string text = R"({"is_encoder_decoder":true,"num_decoder_layers":2,"num_layers":2})";
  CHECK(changed(text, layers({0, 1, 1}, "decoder.block")) ==
        R"({"is_encoder_decoder":true,"num_decoder_layers":3,"num_layers":2})");
  CHECK(changed(text, layers({0}, "encoder.block")) ==
        R"({"is_encoder_decoder":true,"num_decoder_layers":2,"num_layers":1})");
  CHECK(changed(R"({"n_layer":2})", layers({0, 1, 0}, "transformer.h")) == R"({"n_layer":3})");
}

TEST_CASE("a number in front of which layers are of one kind goes with them, or is told") {
  const std::string text = R"({"first_k_dense_replace":2,"num_hidden_layers":4})";
  CHECK(changed(text, layers({0, 1, 1, 2, 3})) == R"({"first_k_dense_replace":3,"num_hidden_layers":5})");
  CHECK(changed(text, layers({2, 3})) == R"({"first_k_dense_replace":0,"num_hidden_layers":2})");
  const ChangedConfig config = changed_config(text, {}, layers({0, 2, 1}));
  REQUIRE(config.sentences.size() == 1);
  CHECK(config.sentences[0].find("first_k_dense_replace 2") != std::string::npos);
}

TEST_CASE("layers that are A's change nothing, whatever a config counts") {
  const std::string text = R"({"vision_config":{"depth":27}})";
  ModelChanges changes{.runs = {{.prefix = "visual.deepstack_merger_list", .before = 3, .layers = {0, 1, 2}}}};
  CHECK(changed_config(text, {}, changes).text == text);
  changes.runs[0].layers = {0, 1};
  const ChangedConfig config = changed_config(text, {}, changes);
  CHECK(config.text == text);
  REQUIRE(config.sentences.size() == 1);
  CHECK(config.sentences[0].find("counts 27 layers, and A has 3") != std::string::npos);
}

TEST_CASE("what cannot be brought to the layers is told") {
  CHECK(changed_config(R"({"x":1})", {}, layers({0})).sentences.size() == 1);
  const std::string text = R"({"num_hidden_layers":6,"odd":[1,2,3,4,5,6]})";
  const ChangedConfig config = changed_config(text, {}, layers({0, 1}));
  REQUIRE(config.sentences.size() == 1);
  CHECK(config.sentences[0].find("odd has 6 entries") != std::string::npos);
}

TEST_CASE("the vocabulary and further fields are set where they stand") {
  ModelChanges changes{.vocabulary = 9};
  changes.config["eos_token_id"] = {.kind = JsonValue::Kind::number, .text = "3"};
  CHECK(changed(R"({"text_config":{"vocab_size":4,"eos_token_id":1},"vocab_size":4})", changes) ==
        R"({"text_config":{"vocab_size":9,"eos_token_id":3},"vocab_size":9})");
  CHECK(changed(R"({"text_config":{"vocab_size":4}})", changes) ==
        R"({"text_config":{"vocab_size":9},"eos_token_id":3})");
  CHECK(changed(R"({"vocab_size":4})", changes) == R"({"vocab_size":9,"eos_token_id":3})");
}

TEST_CASE("code that a config names is told, but not that of another model") {
  const ChangedConfig config = changed_config(
      R"({"auto_map":{"AutoConfig":"configuration_x.X","AutoModel":"configuration_x.Y","AutoTokenizer":["tokenization_x.T",null],"b":"o/n--modeling_x.M"}})",
      {}, {});
  CHECK(config.code == std::vector<std::string>{"configuration_x.py", "tokenization_x.py"});
}

TEST_CASE("whether embedding and head are tied follows the files") {
  const auto tied = [](const std::string& text, Head before, Head after) {
    return changed(text, {.head = before}, {.head = after});
  };
  const std::string yes = R"({"tie_word_embeddings":true})", no = R"({"tie_word_embeddings":false})";
  CHECK(tied(yes, Head::own, Head::own) == no);
  CHECK(tied(yes, Head::tied, Head::own) == no);
  CHECK(tied("{}", Head::tied, Head::own) == no);
  CHECK(tied(no, Head::own, Head::tied) == yes);
  CHECK(tied("{}", Head::own, Head::tied) == yes);
  CHECK(tied("{}", Head::own, Head::own) == "{}");
  CHECK(tied(no, Head::tied, Head::tied) == no);  // a class without a head may have saved it
  CHECK(tied(yes, Head::tied, Head::unknown) == yes);
  CHECK(tied(R"({"text_config":{"tie_word_embeddings":true}})", Head::own, Head::own) ==
        R"({"text_config":{"tie_word_embeddings":false}})");
}

TEST_CASE("quantization of Mistral and of MLX is left out of plain weights, other fields of that name are not") {
  CHECK(changed(R"({"quantization":{"bits":4},"x":1})", {}) == R"({"x":1})");
  CHECK(changed(R"({"quantization":"none"})", {}) == R"({"quantization":"none"})");
  CHECK(changed(R"({"quantization":{"bits":4}})", {}, {.is_plain = false}) == R"({"quantization":{"bits":4}})");
}

TEST_CASE("halves of pairs of UTF-16 stay as they are") {
  const std::string halves = R"("\ud83d","\ude00\ud83d","x\udfff","\\ud83d")";
  CHECK(changed("{\"dtype\":\"float32\",\"s\":[" + halves + R"(,"\ud83d\ude00"],"\udc00":1})", {},
                {.dtype = Dtype::F16}) ==
        "{\"dtype\":\"float16\",\"s\":[" + halves + ",\"\xf0\x9f\x98\x80\"],\"\\udc00\":1}");
}
