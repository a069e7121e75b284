// SPDX-License-Identifier: Apache-2.0
// Names, dtypes and shapes are what the libraries write in 2026 (torchao 0.18, compressed-tensors 0.20, comfy-kitchen
// 0.2, bitsandbytes 0.50, MLX 0.32, optimum-quanto 0.2, HQQ 0.2, SDNQ 0.2, modelopt 0.47, auto-round 0.16, GPTQModel
// 7.7, AQLM 1.1, VPTQ 0.0.5, transformers 5.24, diffusers 0.42). Where two write the same, both are named.
#include "io/table/code_rows.h"

namespace ckmerge {
namespace {

using enum Dtype;
using Where = Companion::Where;

constexpr DtypeSet kAny = kAnyDtype, kInt = kIntegers, k8 = set_of(F8_E4M3, F8_E5M2), kByte = set_of(U8);
constexpr DtypeSet kHalf = set_of(F16, BF16), kFp4 = set_of(F4), kFp6 = set_of(F6_E2M3, F6_E3M2), kE8 = set_of(F8_E8M0);

constexpr Companion by(std::string_view name, DtypeSet dtypes = kAny, Companion::Shape shape = Companion::Shape::any) {
  return {.where = Where::beside, .name = name, .dtypes = dtypes, .shape = shape};
}
constexpr Companion own(std::string_view name, DtypeSet dtypes = kAny) {
  return {.where = Where::own, .name = name, .dtypes = dtypes};
}
constexpr Companion twin(std::string_view name, DtypeSet dtypes) {
  return {.where = Where::twin, .name = name, .dtypes = dtypes};
}
constexpr Companion unlike(Companion companion) {
  companion.other_dtype = true;
  return companion;
}
constexpr auto kOne = Companion::Shape::one_element, kWide = Companion::Shape::equal_width;

constexpr CodeRow kRows[] = {
    // Marks, which need nothing beside them.
    {"comfy_quant", kCodes, 0, {}, "layers that ComfyUI quantized"},
    {"scaled_fp8", kCodes, 0, {}, "scaled fp8 of ComfyUI"},
    {"bitsandbytes__nf4", kCodes, 0, {}, "nf4 of bitsandbytes"},
    {"bitsandbytes__fp4", kCodes, 0, {}, "fp4 of bitsandbytes"},
    {"bitsandbytes__*", kCodes, 0, {}, "codes of bitsandbytes"},

    // Integers that are called as one library calls them.
    {"*_qdata", kInt | kFp8, 0, {}, "torchao"},
    {"weight_packed", kInt, 0, {}, "packed weights of compressed-tensors"},
    {"qweight", kInt, 0, {by("theta"), by("pairs")}, "ParoQuant of GPTQModel"},
    {"qweight", kInt, 0, {by("g_idx")}, "GPTQ"},
    {"qweight", kInt, 0, {by("wscales"), by("wzeros")}, "AWQ of nunchaku"},
    {"qweight", kInt, 0, {by("wscales")}, "SVDQuant of nunchaku"},
    {"qweight", kInt, 0, {by("qzeros"), by("scales", kAny, kWide)}, "GPTQ"},
    {"qweight", kInt, 0, {by("qzeros"), by("scales")}, "AWQ"},
    {"qweight", kInt, 0, {by("qzeros")}, "GPTQ or AWQ"},
    {"qweight", kInt, 0, {by("scales")}, "GPTQ or AWQ without zeros"},
    {"qweight", kInt, 0, {by("weight_scale")}, "packed integers with scales"},
    {"qweight", kInt, 0, {by("weight_scales")}, "packed integers with scales"},
    {"W_q", kInt, 0, {by("scale")}, "HQQ"},
    {"W_q", kInt, 0, {by("zero")}, "HQQ"},
    {"W_q", kInt, 0, {by("nbits")}, "HQQ"},
    {"W_q", kInt, 0, {by("meta")}, "HQQ"},
    {"codes", kInt, 0, {by("codebooks")}, "AQLM"},
    {"indices", kInt, 0, {by("centroids.weight")}, "VPTQ"},
    {"trellis", kInt, 0, {by("suh")}, "EXL3 of ExLlamaV3"},
    {"trellis", kInt, 0, {by("svh")}, "EXL3 of ExLlamaV3"},
    {"trellis", kInt, 0, {by("su")}, "EXL3 of ExLlamaV3"},
    {"trellis", kInt, 0, {by("sv")}, "EXL3 of ExLlamaV3"},
    {"q_weight", kInt, 0, {by("q_scale")}, "EXL2 of ExLlamaV2"},
    {"q_weight", kInt, 0, {by("q_scale_max")}, "EXL2 of ExLlamaV2"},
    {"B", kInt, 0, {by("s_channel")}, "QQQ"},
    {"B", kInt, 0, {by("s")}, "Marlin"},
    {"embedding_quantized", kInt, 0, {by("embedding_scale")}, "quantized embeddings of Gemma"},
    {"dense_weights", kInt, 0, {by("row_offsets")}, "SpQR"},
    {"dense_weights", kInt, 0, {by("in_perm")}, "SpQR"},
    {"*_blocks", kByte, 0, {twin("_scales", kByte)}, "mxfp4 of gpt-oss"},
    {"blocks", kByte, 0, {by("scales", kByte)}, "mxfp4 of gpt-oss"},
    {"_data._data", kInt | kFp8, 0, {by("_scale")}, "quanto"},
    {"_data", kInt | kFp8, 0, {by("_scale")}, "quanto"},

    // Codes that are called `weight`, by what stands beside them.
    {"weight", kInt, 2, {own(".quant_state.bitsandbytes__nf4")}, "nf4 of bitsandbytes"},
    {"weight", kInt, 2, {own(".quant_state.bitsandbytes__fp4")}, "fp4 of bitsandbytes"},
    {"weight", kInt, 2, {own(".absmax")}, "4 bits of bitsandbytes"},
    {"weight", kInt, 2, {by("SCB")}, "int8 of bitsandbytes"},
    {"weight", kInt | kFp8, 2, {by("comfy_quant")}, "layers that ComfyUI quantized"},
    {"weight", kInt, 2, {by("weight_s_rel"), by("weight_s_channel")}, "w4a8 of ComfyUI"},
    {"weight", kInt, 2, {by("weight_code")}, "nf4 of ComfyUI"},
    {"weight", kInt, 2, {by("weight_proj_down"), by("weight_proj_up")}, "SVDQuant of ComfyUI"},
    {"weight", kInt, 2, {by("weight_scale"), by("weight_zeros")}, "AWQ of ComfyUI"},
    {"weight", kInt | kFp8, 0, {unlike(own("_quantizer._scale"))}, "compressed weights of modelopt"},
    {"weight", kInt, 2, {by("weight_scale_2")}, "nvfp4 of modelopt or ComfyUI"},
    {"weight", kInt, 2, {by("weight_sf")}, "nvfp4 of transformers"},
    {"weight", kInt, 2, {by("scales"), by("tables")}, "HIGGS"},
    {"weight", set_of(I8), 2, {by("weight_scales")}, "EETQ"},
    {"weight", set_of(U32), 2, {by("scales"), by("qbiases")}, "Metal kernels of transformers"},
    {"weight", set_of(U32), 2, {by("scales", kByte)}, "mxfp4, mxfp8 or nvfp4 of MLX"},
    {"weight", set_of(U32), 2, {by("scales")}, "MLX"},
    {"weight", kInt, 2, {by("input_activation_scale"), by("weight_scale")}, "quantized layers of Gemma"},
    {"weight", kByte, 2, {by("weight_scale", kE8)}, "mxfp4 of modelopt or ComfyUI"},
    {"weight", kByte, 2, {by("weight_scale", kByte)}, "mxfp4 of modelopt"},
    {"weight", kByte, 2, {by("weight_scale", k8)}, "nvfp4"},
    {"weight", kByte, 2, {by("weight_scale", kHalf, kOne)}, "BitNet"},
    {"weight", kInt, 2, {by("weight_scale"), by("pre_quant_scale")}, "int8 of modelopt"},
    {"weight", set_of(I8), 2, {by("weight_scale", kHalf)}, "int8 of compressed-tensors"},
    {"weight", set_of(I8), 2, {by("weight_scale")}, "scaled int8 or int4 of ComfyUI, compressed-tensors or modelopt"},
    {"weight", kInt, 2, {by("scale"), by("zero_point")}, "SDNQ"},
    {"weight", kInt, 2, {by("scale"), by("svd_up")}, "SDNQ"},
    {"weight", kInt, 2, {by("scale")}, "SDNQ, or another's integers with a scale"},
    {"weight", kInt, 2, {by("scales")}, "integers with scales"},

    {"weight", k8, 0, {unlike(by("scale_weight"))}, "scaled fp8 of ComfyUI"},
    {"weight", k8, 0, {by("weight_scale", kE8)}, "mxfp8 of ComfyUI"},
    {"weight", k8, 0, {by("weight_scale", kByte)}, "mxfp8 of compressed-tensors, modelopt or ComfyUI"},
    {"weight",
     k8,
     0,
     {unlike(by("weight_scale", set_of(F32))), by("input_scale", set_of(F32))},
     "scaled fp8 of modelopt or ComfyUI"},
    {"weight", k8, 0, {by("weight_scale", kHalf, kOne)}, "scaled fp8 of compressed-tensors or auto-round"},
    {"weight", k8, 0, {by("weight_scale", kHalf)}, "scaled fp8 of compressed-tensors"},
    {"weight", k8, 0, {unlike(by("weight_scale"))}, "scaled fp8 of ComfyUI, compressed-tensors or modelopt"},
    {"weight", kFp8, 0, {unlike(by("weight_scale"))}, "scaled fp8"},
    {"weight", k8, 0, {unlike(by("weight_scale_inv"))}, "block-wise fp8 of transformers, as DeepSeek's"},
    {"weight", k8, 0, {unlike(by("scale"))}, "scaled fp8 of SDNQ or DeepSeek"},
    {"weight", k8, 0, {unlike(by("scales"))}, "scaled fp8"},

    // Codes by whatever name, by their own name in their scale's.
    {"*", kInt | kFp8, 0, {unlike(own("_scale_inv"))}, "block-wise fp8 experts of transformers"},
    {"*", kInt | kFp8, 0, {unlike(own("_quantizer._scale"))}, "compressed weights of modelopt"},
    {"*", kInt | kFp8, 0, {unlike(own("_s_rel"))}, "w4a8 of ComfyUI"},
    {"*", kFp8, 0, {unlike(own("_scale"))}, "scaled fp8, such as FBGEMM's experts"},
    {"*", kInt, 0, {unlike(own("_scale"))}, "integers with a scale"},
    {"*", kInt | kFp8, 0, {unlike(own("_scales"))}, "codes with scales"},
    {"*", kInt | kFp8, 0, {unlike(own(".scale"))}, "codes with a scale"},
    {"*", kInt | kFp8, 0, {unlike(own("._scale"))}, "codes with a scale"},
    {"weight", kInt | kFp8, 0, {unlike(by("scale_weight"))}, "codes with a scale"},
    {"weight", kInt | kFp8, 0, {unlike(by("scale"))}, "codes with a scale"},
    {"weight", kInt | kFp8, 0, {unlike(by("scales"))}, "codes with scales"},

    // Types that have no meaning without the scales of their blocks, and integer weights of whatever library.
    {"*", kFp4, 0, {}, "nvfp4 or mxfp4"},
    {"*", kFp6, 0, {}, "mxfp6"},
    {"*", kE8, 0, {}, "mxfp8, mxfp6 or mxfp4, whose block scales are F8_E8M0"},
    {"weight", kInt, 2, {}, "integer weights of a library that is not known here"},
};

}  // namespace

std::span<const CodeRow> code_rows() { return kRows; }

}  // namespace ckmerge
