// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/adapter_file.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <tuple>

#include "core/adapters/adapter_kind.h"
#include "io/checkpoint.h"
#include "tests/core/adapters/adapter_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const std::string kPeft = "base_model.model.";

Shapes peft_lora(const std::string& module, uint64_t rank = 2) {
  Shapes shapes;
  add_dotted(shapes, kPeft + module, 6, 4, rank);
  return shapes;
}

std::string lora_config(const std::string& more = "") {
  return R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8)" + (more.empty() ? "" : ", " + more) + "}";
}

// What read_adapter() says against a folder of PEFT.
Failure refused(const Shapes& shapes, const std::string& config) {
  AdapterFiles files;
  return failure([&] { files.peft(shapes, config); });
}

double scale(const Shapes& shapes, const std::string& config) {
  AdapterFiles files;
  return files.peft(shapes, config).modules.at(0).scale;
}

}  // namespace

TEST_CASE("kohya's alpha is divided by the rank; 0 or none is a scale of 1") {
  AdapterFiles files;
  Shapes shapes;
  add_kohya(shapes, "lora_unet_x", 6, 4);
  add_dotted(shapes, "lora_unet_y", 6, 4);
  const Adapter adapter = files.kohya(shapes);
  CHECK(adapter.maker == AdapterMaker::kohya);
  CHECK(adapter.kind == "LoRA");
  REQUIRE(adapter.modules.size() == 2);
  CHECK(adapter.modules[0].name == "lora_unet_x");
  CHECK(adapter.modules[0].scale == 2);
  CHECK(adapter.modules[0].numbers.at("r") == 2);
  CHECK(adapter.modules[0].factors.size() == 2);
  CHECK(adapter.modules[1].scale == 1);
  // LyCORIS writes whole numbers.
  TempFolder folder;
  std::vector<FileTensor> tensors = tensors_of(shapes);
  for (const auto& [dtype, bits_of_alpha, expected] :
       {std::tuple(Dtype::I64, uint64_t{6}, 3.0), std::tuple(Dtype::BF16, uint64_t{0x3f80}, 0.5),
        std::tuple(Dtype::F16, uint64_t{0x4200}, 1.5), std::tuple(Dtype::F16, uint64_t{0}, 1.0),
        std::tuple(Dtype::F16, uint64_t{0x0001}, std::ldexp(0.5, -24))}) {
    tensors[0] = bits("lora_unet_x.alpha", dtype, {}, {bits_of_alpha});
    const Adapter read = read_adapter(open_checkpoint(write_file(folder / "a.safetensors", tensors)));
    CHECK(read.modules.at(0).scale == expected);
  }
  tensors[0] = bits("lora_unet_x.alpha", Dtype::F16, {}, {0x7c00});
  const std::string infinite = write_file(folder / "b.safetensors", tensors);
  CHECK(failure([&] { read_adapter(open_checkpoint(infinite)); }).code == ErrorCode::mismatch);
  tensors[0] = f32("lora_unet_x.alpha", {2}, {1, 1});
  const std::string two = write_file(folder / "c.safetensors", tensors);
  CHECK(failure([&] { read_adapter(open_checkpoint(two)); }).code == ErrorCode::malformed);
}

TEST_CASE("the output of a torch.nn.MultiheadAttention has rank and alpha of the attention, and is added twice") {
  Shapes shapes = peft_lora("attn.base_layer.out_proj", 3);
  add_dotted(shapes, kPeft + "attn", 12, 4, 3);
  AdapterFiles files;
  const std::string config = lora_config(R"("rank_pattern": {"attn": 3}, "alpha_pattern": {"attn": 21})");
  const Adapter adapter = files.peft(shapes, config);
  REQUIRE(adapter.modules.size() == 2);
  CHECK(adapter.modules[0].scale == 7);
  CHECK(adapter.modules[1].scale == 14);
  CHECK(scale(peft_lora("attn.base_layer.out_proj"), lora_config(R"("alpha_pattern": {"out_proj": 20})")) == 8);
}

TEST_CASE("PEFT's scale is alpha by rank, or its root, each of them by its own pattern or the default") {
  const Shapes shapes = peft_lora("a.fc");
  CHECK(scale(shapes, lora_config()) == 4);
  CHECK(scale(shapes, lora_config(R"("use_rslora": true)")) == 8 / std::sqrt(2.0));
  CHECK(scale(shapes, lora_config(R"("alpha_pattern": {"fc": 3})")) == 1.5);
  CHECK(scale(shapes, lora_config(R"("alpha_pattern": {"c": 3})")) == 4);
  CHECK(scale(shapes, R"({"peft_type": "LORA", "r": 8, "lora_alpha": 8, "rank_pattern": {"a.fc": 2}})") == 4);
  CHECK(scale(peft_lora("a.fc", 8), R"({"peft_type": "LORA"})") == 1);
  const Failure other = refused(shapes, R"({"peft_type": "LORA", "r": 3, "lora_alpha": 8})");
  CHECK(other.code == ErrorCode::mismatch);
  CHECK(other.text.find("its factors have rank 2, its config says 3") != std::string::npos);
  CHECK(refused(shapes, R"({"peft_type": "LORA", "r": 0})").code == ErrorCode::mismatch);
}

TEST_CASE("what scales an adapter of PEFT is not guessed") {
  const Failure failed = refused(peft_lora("a.fc"), "");
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.text.find("there is no adapter_config.json beside") != std::string::npos);
  AdapterFiles files;
  const auto untold = failure([&] { files.kohya(peft_lora("a.fc"), R"({"lora_adapter_metadata": "{}"})"); });
  CHECK(untold.code == ErrorCode::mismatch);
}

TEST_CASE("diffusers tells alpha in the metadata, by component, or it is 1") {
  AdapterFiles files;
  Shapes shapes;
  add_dotted(shapes, "transformer.x", 6, 4);
  CHECK(files.kohya(shapes).maker == AdapterMaker::diffusers);
  CHECK(files.kohya(shapes).modules.at(0).scale == 1);
  const std::string told =
      R"({"lora_adapter_metadata": "{\"transformer.r\": 2, \"transformer.lora_alpha\": 6}", "format": "pt"})";
  CHECK(files.kohya(shapes, told).modules.at(0).scale == 3);
  const std::string patterned = R"({"lora_adapter_metadata": "{\"transformer.r\": 2, \"transformer.lora_alpha\": 6, )"
                                R"(\"transformer.alpha_pattern\": {\"x\": 1}}"})";
  CHECK(files.kohya(shapes, patterned).modules.at(0).scale == 0.5);
  const auto broken = failure([&] { files.kohya(shapes, R"({"lora_adapter_metadata": "{"})"); });
  CHECK(broken.code == ErrorCode::malformed);
  CHECK(broken.text.find("lora_adapter_metadata") != std::string::npos);
}

TEST_CASE("types of PEFT that are no change of weights are refused by their names, with the reason") {
  for (const char* const type :
       {"XLORA", "PROMPT_TUNING", "MULTITASK_PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING", "CPT", "CARTRIDGE",
        "ADAPTION_PROMPT", "POLY", "LILY", "SHADOW", "PSOFT", "ADAMSS", "TINYLORA"}) {
    const Failure failed = refused(peft_lora("a"), std::string(R"({"peft_type": ")") + type + "\"}");
    CAPTURE(type);
    CHECK(failed.code == ErrorCode::mismatch);
    CHECK(failed.text.find("cannot be merged into a model: it is") != std::string::npos);
  }
  const Failure later = refused(peft_lora("a"), R"({"peft_type": "TOMORROW"})");
  CHECK(later.code == ErrorCode::mismatch);
  CHECK(later.text.find("TOMORROW") != std::string::npos);
  for (const char* const field : {R"("alora_invocation_tokens": [1, 2])", R"("use_qalora": true)",
                                  R"("arrow_config": {"top_k": 3})", R"("layer_replication": [[0, 4], [2, 5]])",
                                  R"("init_lora_weights": "corda")", R"("init_lora_weights": "lora_ga")",
                                  R"("init_lora_weights": "loftq")", R"("init_lora_weights": "pissa_niter_4")"}) {
    const Failure failed = refused(peft_lora("a"), lora_config(field));
    CAPTURE(field);
    CHECK(failed.code == ErrorCode::mismatch);
    CHECK(failed.text.find("cannot be merged into a model: it ") != std::string::npos);
  }
  const Failure shared = refused({{"base_model.unilora_theta_d", {8}}}, R"({"peft_type": "UNILORA"})");
  CHECK(shared.code == ErrorCode::mismatch);
  CHECK(shared.text.find("of Uni-LoRA it holds what all modules share") != std::string::npos);
  CHECK(refused({{kPeft + "prompt_embeddings", {2, 2}}}, "").code == ErrorCode::mismatch);
  CHECK(refused({{"lora_controlnet", {}}, {"a.down", {1}}}, "").code == ErrorCode::mismatch);
}

TEST_CASE("what began from a changed base says which model it needs") {
  AdapterFiles files;
  const Shapes shapes = peft_lora("a");
  const std::string config = lora_config(R"("init_lora_weights": "pissa", "base_model_name_or_path": "org/base")");
  const Adapter adapter = files.peft(shapes, config);
  REQUIRE(adapter.warnings.size() == 1);
  CHECK(adapter.warnings[0].find("PiSSA left of its base, org/base") != std::string::npos);
  CHECK(adapter.base_model == "org/base");
  const AdapterModule& module = adapter.modules.at(0);
  CHECK(module.kind->name == "PiSSA");
  CHECK(module.scale == 4);
  Shapes dora = shapes;
  dora.push_back({kPeft + "a.lora_magnitude_vector", {6}});
  CHECK(refused(dora, config).code == ErrorCode::mismatch);
  Shapes kasa = shapes;
  kasa.push_back({kPeft + "a.lora_diag", {2}});
  const Adapter taken = files.peft(kasa, lora_config(R"("kasa_config": {"beta": 1})"));
  CHECK(taken.modules.at(0).kind->name == "KaSA");
  CHECK(taken.modules.at(0).scale == 4);
  CHECK(taken.warnings.size() == 1);
}

TEST_CASE("configs that are none are malformed, in one sentence with the path") {
  for (const char* const config : {"{", "[]", "3", "", "{\"r\": \"x\", \"rank_pattern\": 3}", "{\"peft_type\": []}"}) {
    AdapterFiles files;
    const std::string folder = files.write_peft(peft_lora("a"), " ");
    std::ofstream(folder + "/adapter_config.json") << config;
    const auto failed = failure([&] { read_adapter(open_checkpoint(folder)); });
    CAPTURE(config);
    CHECK(failed.code == ErrorCode::malformed);
    CHECK(failed.text.find(folder) != std::string::npos);
    CHECK(failed.text.find("adapter_config.json") != std::string::npos);
  }
}

TEST_CASE("whole modules and biases take the place of the model's; what was before is not used") {
  AdapterFiles files;
  Shapes shapes = peft_lora("a");
  for (const char* const name :
       {"head.weight", "head.modules_to_save.weight", "head.original_module.weight", "a.base_layer.bias", "b.bias",
        "emb.base_layer.weight", "tok.token_adapter.base_layer.weight", "norm.ln_tuning_layers.weight"})
    shapes.push_back({kPeft + name, {4, 4}});
  const Adapter adapter = files.peft(shapes, lora_config());
  std::vector<std::string> names;
  for (const AdapterReplacement& one : adapter.replacements) names.push_back(one.name);
  std::ranges::sort(names);
  CHECK(names ==
        std::vector<std::string>{kPeft + "a.bias", kPeft + "b.bias", kPeft + "head.weight", kPeft + "norm.weight"});
  CHECK(adapter.ignored.size() == 4);
}

TEST_CASE("trained tokens are the rows that the config names") {
  AdapterFiles files;
  Shapes shapes = peft_lora("a");
  shapes.push_back({kPeft + "m.embed_tokens.token_adapter.trainable_tokens_delta", {2, 4}});
  for (const char* const tokens : {R"([7, 3])", R"({"embed_tokens": [7, 3]})", R"({"m.embed_tokens": [7, 3]})"}) {
    const Adapter adapter = files.peft(shapes, lora_config(std::string(R"("trainable_token_indices": )") + tokens));
    REQUIRE(adapter.replacements.size() == 1);
    CHECK(adapter.replacements[0].name == kPeft + "m.embed_tokens.weight");
    CHECK(adapter.replacements[0].rows == std::vector<uint64_t>{7, 3});
  }
  for (const char* const tokens : {R"([7])", R"([3, 3])", R"({"other": [7, 3]})", "null"})
    CHECK(refused(shapes, lora_config(std::string(R"("trainable_token_indices": )") + tokens)).code ==
          ErrorCode::mismatch);
}

TEST_CASE("factors without their partners and names of nothing are told all at once") {
  AdapterFiles files;
  const Shapes shapes = {{"lora_unet_a.lora_down.weight", {2, 4}},
                         {"lora_unet_b.lora_up.weight", {6, 2}},
                         {"lora_unet_c.alpha", {}},
                         {"lora_unet_d.what", {1}},
                         {"lora_unet_e.lora_down.weight", {2, 4}},
                         {"lora_unet_e.lora_up.weight", {6, 2}}};
  const auto failed = failure([&] { files.kohya(shapes); });
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.details.size() == 4);
}

TEST_CASE("experts' patterns are those of their parameters") {
  AdapterFiles files;
  Shapes shapes;
  add_dotted(shapes, kPeft + "l.0.mlp.experts", 4, 6, 8);
  add_dotted(shapes, kPeft + "l.0.mlp.experts.base_layer", 6, 4, 16);
  add_dotted(shapes, kPeft + "l.0.q_proj", 4, 4, 2);
  const Adapter adapter = files.peft(
      shapes, lora_config(R"("target_parameters": ["mlp.experts.down_proj", "mlp.experts.gate_up_proj"],)"
                          R"("rank_pattern": {".*\\.gate_up_proj": 4}, "alpha_pattern": {".*\\.gate_up_proj": 2})"));
  REQUIRE(adapter.modules.size() == 3);
  CHECK(adapter.modules[0].scale == 4);    // down_proj: 8 / 2
  CHECK(adapter.modules[1].scale == 0.5);  // gate_up_proj: 2 / 4
  CHECK(adapter.modules[2].scale == 4);
}

TEST_CASE("a checkpoint is no adapter") {
  AdapterFiles files;
  const auto failed = failure([&] { files.kohya({{"model.a.weight", {2, 2}}, {"model.a.bias", {2}}}); });
  CHECK(failed.code == ErrorCode::mismatch);
  CHECK(failed.text.find("is no adapter") != std::string::npos);
}

TEST_CASE("a folder of PEFT opens as its adapter; weights beside it come first") {
  AdapterFiles files;
  const std::string folder = files.write_peft(peft_lora("a"), lora_config());
  const Checkpoint opened = open_checkpoint(folder);
  CHECK(opened.judgement.holds == Holds::factors);
  CHECK(opened.tensors.size() == 2);
  CHECK(opened.notes.empty());
  write_file(folder + "/model.safetensors", tensors_of({{"x.weight", {2, 2}}}));
  CHECK(open_checkpoint(folder).judgement.holds == Holds::weights);
  CHECK(read_adapter(open_checkpoint(folder + "/adapter_model.safetensors")).modules.size() == 1);
}
