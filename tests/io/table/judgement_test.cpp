// SPDX-License-Identifier: Apache-2.0
// What a file is judged to hold. Every form of today's libraries is in tests/cli/commands/judged.py and adapters.py;
// here are the rule's edges.
#include <doctest/doctest.h>

#include "io/table/code_judge.h"
#include "io/table/judgement.h"

using namespace ckmerge;

namespace {

struct Named {
  std::string name;
  Dtype dtype = Dtype::F16;
  std::vector<uint64_t> shape = {4, 2};
};

Judgement judged(const std::vector<Named>& tensors, const Metadata& metadata = {}) {
  TensorTable table;
  for (const Named& tensor : tensors) {
    uint64_t count = 1;
    for (const uint64_t dimension : tensor.shape) count *= dimension;
    table.add(tensor.name, tensor.dtype, tensor.shape, 0, 0, count, count);
  }
  table.sort_by_name();
  return judge(table, metadata);
}

std::string codes(const std::vector<Named>& tensors, const Metadata& metadata = {}) {
  const Judgement judgement = judged(tensors, metadata);
  return judgement.holds == Holds::codes ? judgement.kind : "";
}

std::string adapter(const std::vector<Named>& tensors) {
  const Judgement judgement = judged(tensors);
  return judgement.holds == Holds::factors ? judgement.kind : "";
}

}  // namespace

TEST_CASE("codes are told by dtype before name, with what stands beside them") {
  CHECK(judged({{"x.weight", Dtype::I8}, {"x.SCB", Dtype::F32}}).text() ==
        "int8 of bitsandbytes (x.weight is I8, beside SCB)");
  CHECK(codes({{"scaled_fp8", Dtype::F8_E4M3}}) == "scaled fp8 of ComfyUI");
  CHECK(codes({{"text_encoders.t5xxl.scaled_fp8", Dtype::F8_E4M3}}) == "scaled fp8 of ComfyUI");
  CHECK(codes({{"a"}}, {{"_quantization_metadata", "{}"}}) == "layers that ComfyUI quantized");
  CHECK(codes({{"weight", Dtype::U32}, {"scales"}}) == "MLX");
  CHECK(codes({{"x.weight.scale", Dtype::F32}, {"x.weight", Dtype::F8_E5M2}}) == "codes with a scale");
  CHECK(codes({{"x.up.blocks", Dtype::U8}, {"x.up.scales", Dtype::U8}}) == "mxfp4 of gpt-oss");
  CHECK(codes({{"x.weight", Dtype::F8_E4M3FNUZ}, {"x.weight_scale", Dtype::F32}}) == "scaled fp8");
  CHECK(codes({{"x.weight", Dtype::I8}, {"x.scaling_factor", Dtype::F32}}) ==
        "integer weights of a library that is not known here");
  CHECK(codes({{"x", Dtype::F8_E4M3}, {"x_scale_inv", Dtype::F32}}) == "block-wise fp8 experts of transformers");
  CHECK(codes({{"x.w", Dtype::F4}}) == "nvfp4 or mxfp4");
}

TEST_CASE("floats are never codes, and integers only where the rule says so") {
  CHECK(codes({{"x.qweight"}, {"x.qzeros"}, {"x.scales"}, {"y.weight"}, {"y.weight_scale", Dtype::F32}}) == "");
  CHECK(codes({{"x.weight", Dtype::F8_E4M3}, {"x.scale", Dtype::F8_E4M3}, {"x.weight_scale", Dtype::F8_E4M3}}) == "");
  CHECK(codes({{"x.weight", Dtype::F8_E4M3}, {"x.bias"}, {"y.scale", Dtype::F32}}) == "");
  CHECK(codes({{"x.weight", Dtype::I64, {1}}, {"x.weight_", Dtype::I64}}) == "");
  CHECK(codes({{"x.codes", Dtype::I64}, {"y.codebooks"}, {"x.blocks", Dtype::U8}, {"x.scales"}}) == "");
  CHECK(codes({{"x.weight", Dtype::BOOL}, {"x.scale", Dtype::F32}}) == "");
  CHECK(codes({{"weight_scale", Dtype::F32}, {"scale", Dtype::F32}, {"a.scale", Dtype::F32}}) == "");
}

TEST_CASE("companions are found however many tensors lie between") {
  std::vector<Named> tensors{{"x.qweight", Dtype::I32}, {"x.g_idx", Dtype::I32}};
  for (int i = 0; i < 1000; ++i) tensors.push_back({"x.h" + std::to_string(i) + ".bias"});
  CHECK(codes(tensors) == "GPTQ");
  tensors.push_back({"x.z_weight", Dtype::F8_E4M3});
  tensors[0] = {"x.weight", Dtype::F8_E4M3};
  for (int i = 0; i < 1000; ++i) tensors.push_back({"x.weight_" + std::to_string(i)});
  CHECK(codes(tensors) == "");
  tensors.push_back({"x.weight_scale", Dtype::F32});
  CHECK(codes(tensors) != "");
}

TEST_CASE("adapters are told by a quarter of their names, or by what trainers write in front of them") {
  CHECK(adapter({{"x.lora_A.weight"}, {"x.lora_B.weight"}}) == "LoRA");
  CHECK(adapter({{"x.lora_A.default.weight"}, {"x.lora_B.default.weight"}, {"x.base_layer.weight"}}) == "LoRA");
  CHECK(adapter({{"base_model.model.x.peanut_A"}}) == "PEFT's, of a kind that is not known");
  CHECK(adapter({{"x.lora_down.weight"}, {"x.lora_up.weight"}, {"x.alpha"}, {"x.dora_scale"}}) == "LoRA with DoRA");
  CHECK(adapter({{"lora_unet_a.hada_w1_a"}, {"lora_unet_a.alpha"}}) == "LoHa");
  CHECK(adapter({{"lora_unet_a.lokr_w1"}, {"lora_unet_a.lokr_w2"}, {"lora_unet_a.dora_scale"}}) == "LoKr with DoRA");
  CHECK(adapter({{"x.to_q_lora.down.weight"}, {"x.to_q_lora.up.weight"}}) == "LoRA");
  CHECK(adapter({{"lora_te_a.diff"}, {"lora_te_a.diff_b"}}) == "full differences of LyCORIS");
  CHECK(adapter({{"lora_unet_a.w_norm"}}) == "norms of LyCORIS");
  CHECK(adapter({{"x.a1.weight"}, {"x.a2.weight"}, {"x.b1.weight"}, {"x.b2.weight"}, {"x.alpha"}}) == "GLoRA");
  CHECK(adapter({{"lora_controlnet"}, {"a.weight"}, {"b.weight"}, {"c.weight"}, {"d.up"}}) == "Control-LoRA");
}

TEST_CASE("names that an adapter shares with models make none, and few factors beside weights are counted") {
  CHECK(adapter({{"x.alpha"}, {"x.weight"}, {"x.scale"}}) == "");
  CHECK(adapter({{"x.diff"}, {"x.weight"}, {"x.bias"}}) == "");
  CHECK(adapter({{"lora.weight"}, {"road_head.weight"}, {"miss_rate"}, {"a1.weight"}, {"norm.weight"}}) == "");
  CHECK(adapter({{"x.up"}, {"x.down.weight"}, {"x.up.weight"}}) == "");
  CHECK(adapter({{"x.a1.weight"}, {"x.a2.weight"}, {"x.b1.weight"}, {"x.b2.weight"}}) == "");
  CHECK(adapter({{"base_model.x.weight"}, {"head.weight"}}) == "");
  std::vector<Named> model{{"x.lora_A.weight"}};
  for (int i = 0; i < 10; ++i) model.push_back({std::to_string(i) + ".weight"});
  const Judgement judgement = judged(model);
  CHECK(judgement.holds == Holds::weights);
  CHECK(judgement.factors == 1);
  CHECK(judgement.kind == "LoRA");
}
