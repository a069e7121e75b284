// SPDX-License-Identifier: Apache-2.0
// What is read from names: text encoders of old, and tensors that are codes.
#include <doctest/doctest.h>

#include "io/table/quantized_names.h"
#include "io/table/text_encoder_names.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

struct Named {
  std::string name;
  Dtype dtype = Dtype::F16;
};

TensorTable table(const std::vector<Named>& tensors) {
  TensorTable out;
  for (const Named& tensor : tensors) out.add(tensor.name, tensor.dtype, {}, 0, 0, element_size(tensor.dtype), 1);
  out.sort_by_name();
  return out;
}

std::string kind(const std::vector<Named>& tensors, const Metadata& metadata = {}) {
  const std::string kind = quantized_kind(table(tensors), metadata);
  return kind.substr(0, kind.find(" ("));
}

}  // namespace

TEST_CASE("old names of the text encoder become new ones, and are noted") {
  Checkpoint checkpoint;
  const std::string old = "cond_stage_model.transformer.", now = old + "text_model.";
  checkpoint.tensors = table({{old + "embeddings.position_ids"},
                              {old + "encoder.layers.0.fc1.weight"},
                              {old + "final_layer_norm.bias"},
                              {old + "text_projection"},
                              {now + "encoder.layers.1.fc1.weight"},
                              {"a"},
                              {"x." + old + "encoder.y"}});
  rename_old_text_encoder(checkpoint);
  for (const std::string& name :
       {now + "embeddings.position_ids", now + "encoder.layers.0.fc1.weight", now + "final_layer_norm.bias",
        old + "text_projection", now + "encoder.layers.1.fc1.weight", std::string("a"), "x." + old + "encoder.y"})
    CHECK(checkpoint.tensors.find(name) != TensorTable::npos);
  REQUIRE(checkpoint.notes.size() == 1);
  CHECK(checkpoint.notes[0] ==
        "3 tensors were renamed: cond_stage_model.transformer.* is now cond_stage_model.transformer.text_model.*");
}

TEST_CASE("a tensor under its old name and its new one is an error, and new names alone are no matter") {
  Checkpoint checkpoint;
  checkpoint.tensors = table({{"cond_stage_model.transformer.text_model.encoder.x"}});
  rename_old_text_encoder(checkpoint);
  CHECK(checkpoint.notes.empty());
  checkpoint.tensors =
      table({{"cond_stage_model.transformer.text_model.encoder.x"}, {"cond_stage_model.transformer.encoder.x"}});
  const auto refused = failure([&] { rename_old_text_encoder(checkpoint); });
  CHECK(refused.code == ErrorCode::malformed);
  CHECK(refused.text.starts_with("tensor 'cond_stage_model.transformer.text_model.encoder.x' is there under its old"));
}

TEST_CASE("codes are told by the scales beside them, plain casts are numbers") {
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.bias"}}) == "");
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.scale_weight", Dtype::F32}}) == "scaled fp8");
  CHECK(kind({{"x.weight", Dtype::F8_E5M2}, {"x.weight_scale", Dtype::F32}}) == "scaled fp8");
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.weight_scale_inv", Dtype::F32}}) == "scaled fp8");
  CHECK(kind({{"scaled_fp8", Dtype::F8_E4M3}}) == "scaled fp8");
  CHECK(kind({{"text_encoders.t5xxl.scaled_fp8", Dtype::F8_E4M3}}) == "scaled fp8");
  CHECK(kind({{"x.comfy_quant", Dtype::U8}}) == "layers that ComfyUI quantized");
  CHECK(kind({{"x.weight", Dtype::U8}, {"x.weight_scale", Dtype::F8_E4M3}, {"x.weight_scale_2", Dtype::F32}}) ==
        "nvfp4");
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.weight_scale", Dtype::F8_E8M0}}) == "mxfp8 or mxfp4");
  CHECK(kind({{"x.weight", Dtype::I8}, {"x.weight_scale", Dtype::F32}}) == "scaled int8");
  CHECK(kind({{"x.weight", Dtype::U8}, {"x.weight.quant_state.bitsandbytes__nf4", Dtype::U8}}) ==
        "nf4 of bitsandbytes");
  CHECK(kind({{"x.weight", Dtype::I8}, {"x.SCB", Dtype::F32}}) == "int8 of bitsandbytes");
  CHECK(kind({{"x.qweight", Dtype::I32}, {"x.qzeros", Dtype::I32}, {"x.scales"}, {"x.g_idx", Dtype::I32}}) == "GPTQ");
  CHECK(kind({{"x.qweight", Dtype::I32}, {"x.qzeros", Dtype::I32}, {"x.scales"}}) == "AWQ or GPTQ");
  CHECK(kind({{"x.qweight", Dtype::I8}, {"x.wscales"}}) == "packed integers");
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.scale", Dtype::F32}}) == "scaled fp8");
  CHECK(kind({{"x.weight", Dtype::F8_E4M3}, {"x.weight.scale", Dtype::F32}}) == "scaled fp8");
  CHECK(kind({{"x.weight", Dtype::I8}, {"x.scale", Dtype::F32}}) == "scaled codes");
  CHECK(kind({{"x.weight._data", Dtype::I8}, {"x.weight._scale", Dtype::F32}}) == "codes of quanto");
  CHECK(kind({{"x.W_q", Dtype::U8}, {"x.scale", Dtype::F16}, {"x.zero"}}) == "packed integers of HQQ");
  CHECK(kind({{"x.up.blocks", Dtype::U8}, {"x.up.scales", Dtype::U8}}) == "mxfp4");
  CHECK(kind({{"x.up_blocks", Dtype::U8}, {"x.up_scales", Dtype::U8}}) == "mxfp4");
  CHECK(kind({{"a"}}, {{"_quantization_metadata", "{}"}}) == "layers that ComfyUI quantized");
  // A scale of a model's own, beside weights of full precision, or alone.
  CHECK(kind({{"x.weight"}, {"x.weight_scale", Dtype::F32}}) == "");
  CHECK(kind({{"x.weight_scale", Dtype::F32}}) == "");
  CHECK(kind({{"x.weight"}, {"x.scale", Dtype::F32}, {"scale"}, {"y.weight.scale"}, {"x.blocks"}, {"x.scales"}}) == "");
  CHECK(kind({{"logit_scale"}, {"qweight"}}) == "");
}
