// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/peft_config.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

PeftConfig config(std::string_view text) { return read_peft_config(parse_json(text)); }

}  // namespace

TEST_CASE("patterns are regular expressions of whole names or of what is behind a dot; the first that matches counts") {
  NumberPatterns patterns;
  patterns.add("fc", 1);
  patterns.add("q_proj|k_proj", 2);
  patterns.add("layers.0.q_proj", 3);
  patterns.add("^model.v_proj", 4);
  patterns.add("layers.1.fc", 5);
  CHECK(patterns.find("a.fc") == 1);
  CHECK(patterns.find("fc") == 1);
  CHECK(patterns.find("a.fc1") == std::nullopt);
  CHECK(patterns.find("a.xfc") == std::nullopt);
  CHECK(patterns.find("model.layers.0.q_proj") == 2);
  CHECK(patterns.find("model.layers.0.k_proj") == 2);
  CHECK(patterns.find("model.v_proj") == 4);
  CHECK(patterns.find("a.model.v_proj") == std::nullopt);
  CHECK(patterns.find("a.layers.1.fc") == 1);
  CHECK(patterns.find("") == std::nullopt);
}

TEST_CASE("a config says what scales, what was trained, and why it cannot be merged") {
  const PeftConfig read = config(
      R"({"peft_type": "LORA", "r": 4, "lora_alpha": 16, "use_rslora": true, "fan_in_fan_out": true, "bias": "none",)"
      R"( "base_model_name_or_path": "org/base", "rank_pattern": {"fc": 2}, "alpha_pattern": null,)"
      R"( "target_parameters": ["mlp.experts.gate_up_proj"], "trainable_token_indices": {"embed_tokens": [3, 1]}})");
  CHECK(read.type == "LORA");
  CHECK(read.base_model == "org/base");
  CHECK(read.number("r", 0) == 4);
  CHECK(read.flag("use_rslora"));
  CHECK(read.flag("bias=none"));
  CHECK_FALSE(read.numbers.contains("fan_in_fan_out"));
  CHECK(read.ranks.find("a.fc") == 2);
  CHECK(read.alphas.empty());
  CHECK(read.parameters == std::vector<std::string>{"mlp.experts.gate_up_proj"});
  CHECK(read.tokens.at(0).second == std::vector<uint64_t>{3, 1});
  CHECK(read.refusals.empty());
  CHECK(config(R"({"alora_invocation_tokens": [1]})").refusals.size() == 1);
  CHECK(config(R"({"use_qalora": true, "arrow_config": {"a": 1}, "layer_replication": [[0, 2]]})").refusals.size() ==
        3);
  CHECK(config(R"({"use_qalora": false, "arrow_config": null, "layer_replication": []})").refusals.empty());
  for (const char* const init : {"corda", "lora_ga", "loftq", "pissa_niter_16"})
    CHECK(config(std::string(R"({"init_lora_weights": ")") + init + "\"}").refusals.size() == 1);
  CHECK(config(R"({"init_lora_weights": "eva"})").refusals.empty());
  CHECK(config(R"({"init_lora_weights": true, "use_bdlora": {"nblocks": 2}})").number("nblocks", 0) == 2);
  // AdaLoRA's holds what it pruned.
  CHECK(config(R"({"peft_type": "ADALORA", "rank_pattern": {"a.lora_E": [true, false]}})").ranks.empty());
}

TEST_CASE("modules of IA3 are named by their ends, or by a pattern of the whole") {
  const PeftConfig ends = config(R"({"feedforward_modules": ["fc2"]})");
  CHECK(ends.is_feedforward("a.fc2"));
  CHECK(ends.is_feedforward("a.xfc2"));
  CHECK_FALSE(ends.is_feedforward("a.fc1"));
  const PeftConfig pattern = config(R"({"feedforward_modules": ".*\\.fc2"})");
  CHECK(pattern.is_feedforward("a.fc2"));
  CHECK_FALSE(pattern.is_feedforward("a.fc2.b"));
}

TEST_CASE("of a config in metadata the keys behind the component's prefix count") {
  const PeftConfig read = read_peft_config(parse_json(R"({"transformer.r": 8, "r": 2})"), "transformer.");
  CHECK(read.number("r", 0) == 8);
}

TEST_CASE("fields that are not what PEFT writes are malformed") {
  for (const std::string text : {R"({"peft_type": 3})",
                                 R"({"rank_pattern": [1]})",
                                 R"({"rank_pattern": {"a": "b"}})",
                                 R"({"rank_pattern": {"(": 1}})",
                                 R"({"target_parameters": "x"})",
                                 R"({"target_parameters": [1]})",
                                 R"({"r": "eight"})",
                                 R"({"lora_alpha": [4]})",
                                 R"({"use_rslora": 1})",
                                 R"({"trainable_token_indices": [-1]})",
                                 R"({"trainable_token_indices": [1.5]})",
                                 R"({"trainable_token_indices": "all"})",
                                 R"({"feedforward_modules": "("})",
                                 R"({"feedforward_modules": [null]})",
                                 R"({"use_bdlora": {"nblocks": "x"}})",
                                 R"({"use_bdlora": {"nblocks": 1e300}})",
                                 R"({"use_bdlora": {"nblocks": 0}})",
                                 R"({"topk": 1e300})",
                                 R"({"topk": 1.5})",
                                 R"({"random_loc_seed": 0.5})",
                                 R"({"random_loc_seed": 1e300})",
                                 R"({"base_model_name_or_path": {}})"}) {
    CAPTURE(text);
    const auto failed = failure([&] { config(text); });
    CHECK(failed.code == ErrorCode::malformed);
    CHECK(failed.text.starts_with("its "));
  }
  CHECK(failure([] { config(R"({"r": 1e999})"); }).code == ErrorCode::malformed);  // no JSON of ours
}
