# SPDX-License-Identifier: Apache-2.0
"""The quantized forms that libraries write in 2026, and plain files that look like them: a line each, the tensors of one
layer. judged.py makes files of them."""

# Form | what it must be called | tensors, as NAME=DTYPE[SHAPE].
QUANTIZED = """
aqlm | AQLM | codebooks=F16[1,256,1,8] scales=F16[64,1,1,1] codes=I8[64,16,1]
auto-round-awq | AWQ | qweight=I32[64,16] qzeros=I32[2,16] scales=F16[2,128]
auto-round-fp8 | auto-round | weight_scale=BF16[1] weight=F8_E4M3[128,64]
auto-round-gptq | GPTQ | g_idx=I32[64] qweight=I32[8,128] qzeros=I32[2,16] scales=F16[2,128]
auto-round-mlx | MLX | weight=U32[128,8] biases=F16[128,2] scales=F16[128,2]
auto-round-w4a16 | GPTQ | qweight=I32[8,128] qzeros=I32[2,16] scales=F16[2,128]
bitnet | BitNet | weight_scale=BF16[1] weight=U8[16,128]
bitsandbytes-fp4 | fp4 of bitsandbytes | weight=U8[4096,1] weight.absmax=F32[128] weight.quant_map=F32[16] weight.quant_state.bitsandbytes__fp4=U8[79]
bitsandbytes-int8 | int8 of bitsandbytes | SCB=F32[128] weight=I8[128,64] weight_format=U8[]
bitsandbytes-nf4-dq | nf4 of bitsandbytes | weight=U8[4096,1] weight.nested_absmax=F32[1] weight.nested_quant_map=F32[256] weight.quant_map=F32[16] weight.absmax=U8[128] weight.quant_state.bitsandbytes__nf4=U8[169]
comfy-awq-marked | ComfyUI | weight_scale=BF16[2,64] weight_zeros=BF16[2,64] weight=I8[64,64] comfy_quant=U8[41]
comfy-int8-convrot-marked | ComfyUI | weight_scale=F32[64,1] weight=I8[64,128] comfy_quant=U8[71]
comfy-kitchen-convrot-w4a4 | ComfyUI | weight_scale=F32[64] weight=I8[64,64]
comfy-kitchen-fp8 | ComfyUI | weight_scale=F32[] weight=F8_E4M3[32,64]
comfy-kitchen-int8-row | ComfyUI | weight_scale=F32[32,1] weight=I8[32,64]
comfy-kitchen-mxfp8 | ComfyUI | weight_scale=F8_E8M0[128,4] weight=F8_E4M3[32,64]
comfy-kitchen-nvfp4 | ComfyUI | weight_scale_2=F32[] weight_scale=F8_E4M3[128,4] weight=U8[32,32]
comfy-kitchen-svd | ComfyUI | weight_proj_down=BF16[128,16] weight_proj_up=BF16[64,16] weight_scale=BF16[2,64] weight_smooth_factor=BF16[128] weight=I8[64,64]
comfy-kitchen-w4a8 | ComfyUI | weight_codebook=F32[16] weight_s_channel=F32[64] weight_s_rel=F8_E4M3[64,8] weight=I8[64,64]
comfy-metadata-only | ComfyUI | weight_s_channel=F32[16] weight_s_rel=F8_E4M3[16,2] weight=I8[16,16]
comfy-nf4 | ComfyUI | weight_code=F32[16] weight_scale=F32[8] weight=U8[256,1]
comfy-scaled-fp8 | ComfyUI | blocks.0.ffn.0.scale_weight=F32[1] blocks.0.ffn.0.weight=F8_E4M3[16,32] scaled_fp8=F8_E4M3[2]
comfy-w4a8-marked | ComfyUI | weight_codebook=F32[16] weight_s_channel=F32[64] weight_s_rel=F8_E4M3[64,8] weight=I8[64,64] comfy_quant=U8[71]
compressed-tensors-fp8 | compressed-tensors | input_scale=BF16[1] weight_scale=BF16[1] weight=F8_E4M3[64,128]
compressed-tensors-fp8-block | compressed-tensors | weight_scale=BF16[2,4] weight=F8_E4M3[64,128]
compressed-tensors-fp8-dynamic | compressed-tensors | weight_scale=BF16[64,1] weight=F8_E4M3[64,128]
compressed-tensors-mxfp4 | compressed-tensors | weight_packed=U8[64,64] weight_scale=U8[64,4]
compressed-tensors-mxfp6a16 | compressed-tensors | weight_packed=U8[64,96] weight_scale=U8[64,4]
compressed-tensors-mxfp8 | compressed-tensors | weight=F8_E4M3[64,128] weight_scale=U8[64,4]
compressed-tensors-nvfp4 | compressed-tensors | input_global_scale=F32[1] weight_global_scale=F32[1] weight_scale=F8_E4M3[64,8] weight_packed=U8[64,64]
compressed-tensors-w3a16 | compressed-tensors | weight_shape=I64[2] weight_packed=I32[64,12] weight_scale=BF16[64,2]
compressed-tensors-w4a16 | compressed-tensors | weight_shape=I64[2] weight_packed=I32[64,16] weight_scale=BF16[64,2]
compressed-tensors-w4a16-asym | compressed-tensors | weight_shape=I64[2] weight_packed=I32[64,16] weight_zero_point=I32[8,2] weight_scale=BF16[64,2]
compressed-tensors-w8a8 | compressed-tensors | weight_scale=BF16[64,1] weight=I8[64,128]
eetq | EETQ | weight_scales=F16[64] weight=I8[128,64]
exllamav2 | EXL2 | q_invperm=I32[128] q_scale=I32[4,8] q_weight=I32[16,64] q_scale_max=F16[4] q_groups=I16[8]
exllamav3 | EXL3 | mcg=I32[] suh=F16[128] svh=F16[64] trellis=I16[8,4,64]
fbgemm-experts | FBGEMM | gate_up_proj_scale=F32[2,1,64] gate_up_proj=F8_E4M3[2,64,64]
fp8-experts | transformers | gate_up_proj_scale_inv=F32[2,2,2] gate_up_proj=F8_E4M3[2,64,64]
fp8-finegrained | transformers | weight_scale_inv=F32[2,4] weight=F8_E4M3[64,128]
gemma-embedding | Gemma | embedding_scale=F32[128,1] embedding_quantized=U8[128,32]
gemma-int4 | Gemma | input_activation_scale=F32[] output_activation_scale=F32[] weight_scale=F32[64,1] weight=U8[64,64]
gpt-oss-mxfp4 | gpt-oss | gate_up_proj_bias=BF16[2,64] gate_up_proj_blocks=U8[2,64,1,16] gate_up_proj_scales=U8[2,64,1]
gptqmodel-gptq | GPTQ | g_idx=I32[128] qweight=I32[16,64] qzeros=I32[4,8] scales=F16[4,64]
gptqmodel-paroquant | ParoQuant | qweight=I32[128,8] qzeros=I32[4,8] channel_scales=F16[1,128] scales=F16[4,64] theta=F16[8,64] pairs=I16[8,128]
gptqmodel-qqq | QQQ | s_channel=F32[1,128] B=I32[8,256] s_group=F16[0]
higgs | HIGGS | scales=F16[64,2] tables=F16[16] tables2=F16[16,16,2] weight=I16[16,128]
hqq-3 | HQQ | shape=I64[2] W_q=I32[13,64] group_size=I32[] nbits=I32[] scale=BF16[128,1] zero=BF16[128,1] packing=U8[7]
hqq-4 | HQQ | shape=I64[2] group_size=I32[] nbits=I32[] scale=BF16[128,1] zero=BF16[128,1] W_q=U8[64,64] packing=U8[7]
mlx-affine | MLX | biases=BF16[64,1] scales=BF16[64,1] weight=U32[64,4]
mlx-lm-affine | MLX | weight=U32[128,8] biases=BF16[128,2] scales=BF16[128,2]
mlx-mxfp4 | MLX | scales=U8[64,1] weight=U32[64,4]
mlx-mxfp8 | MLX | scales=U8[64,1] weight=U32[64,8]
mlx-nvfp4 | MLX | scales=U8[64,2] weight=U32[64,4]
modelopt-compress-fp8 | modelopt | weight=F8_E4M3[128,64] weight_quantizer._amax=BF16[] weight_quantizer._scale=BF16[]
modelopt-compress-int4blockwiseweightonly | modelopt | weight=U8[128,32] weight_quantizer._amax=F32[128,1] weight_quantizer._scale=BF16[64,1]
modelopt-compress-int8 | modelopt | weight=I8[128,64] weight_quantizer._amax=BF16[128,1] weight_quantizer._scale=BF16[128,1]
modelopt-compress-nvfp4 | modelopt | weight=U8[128,32] weight_quantizer._double_scale=F32[] weight_quantizer._amax=BF16[] weight_quantizer._scale=F8_E4M3[128,4]
modelopt-fp8 | modelopt | input_scale=F32[] weight_scale=F32[] weight=F8_E4M3[128,64]
modelopt-int8smoothquant | modelopt | input_scale=F32[] weight_scale=F32[128] pre_quant_scale=BF16[64] weight=I8[128,64]
modelopt-mxfp4 | modelopt | weight=U8[128,32] weight_scale=U8[128,2]
modelopt-mxfp8 | modelopt | weight=F8_E4M3[128,64] weight_scale=U8[128,2]
modelopt-nvfp4 | modelopt | input_scale=F32[] weight_scale_2=F32[] weight_scale=F8_E4M3[128,4] weight=U8[128,32]
nunchaku | nunchaku | proj_down=BF16[128,16] proj_up=BF16[64,16] smooth_factor=BF16[128] smooth_factor_orig=BF16[128] wscales=BF16[2,64] qweight=I8[64,64]
quanto-qfloat8 | quanto | input_scale=BF16[] output_scale=BF16[] weight._scale=BF16[64,1] weight._data=F8_E4M3[64,128]
quanto-qint2 | quanto | input_scale=F16[] output_scale=F16[] weight._scale=F16[64,1] weight._shift=F16[64,1] weight._data._data=U8[16,128]
quanto-qint4 | quanto | input_scale=BF16[] output_scale=BF16[] weight._scale=BF16[64,1] weight._shift=BF16[64,1] weight._data._data=U8[32,128]
quanto-qint8 | quanto | input_scale=BF16[] output_scale=BF16[] weight._scale=BF16[64,1] weight._data=I8[64,128]
sdnq-float4e2m1fn | SDNQ | scale=F32[64,4,1] weight=U8[4096]
sdnq-float8e4m3fn | SDNQ | scale=F32[64,4,1] weight=F8_E4M3[64,4,32]
sdnq-int16 | SDNQ | scale=F32[64,4,1] weight=I16[64,4,32]
sdnq-int8 | SDNQ | scale=F32[64,4,1] svd_down=BF16[8,128] svd_up=BF16[64,8] weight=I8[64,4,32]
sdnq-uint1 | SDNQ | weight=I64[1024] scale=F32[64,4,1] zero_point=F32[64,4,1]
sdnq-uint10 | SDNQ | scale=F32[64,4,1] zero_point=F32[64,4,1] weight=I16[1024,5]
sdnq-uint16 | SDNQ | scale=F32[64,4,1] zero_point=F32[64,4,1] weight=U16[64,4,32]
sdnq-uint4 | SDNQ | scale=F32[64,4,1] zero_point=F32[64,4,1] svd_down=BF16[8,128] svd_up=BF16[64,8] weight=U8[4096]
spqr | SpQR | dense_weights=I64[32] col_vals=I32[8] in_perm=I32[32] row_offsets=I32[17]
torchao-f8wo | torchao | _weight_scale=F32[64,1] _weight_qdata=F8_E4M3[64,32]
torchao-int4 | torchao | _weight_scale=BF16[2,128] _weight_zero_point=BF16[2,128] _weight_qdata=I8[128,32]
torchao-int4-tile | torchao | _weight_qdata=I32[16,1,32,4] _weight_scale_and_zero=BF16[2,128,2]
torchao-int8da | torchao | _weight_scale=F32[64,1] _weight_qdata=I8[64,32] _weight_zero_point=I8[64,1]
torchao-int8wo | torchao | _weight_scale=F32[64,1] _weight_qdata=I8[64,32] _weight_zero_point=I8[64,1]
torchao-intx | torchao | _weight_scale=BF16[64,1] _weight_qdata=I8[64,32] _weight_zero_point=I8[64,1]
torchao-mxfp4 | torchao | _weight_scale=F8_E8M0[32,16] _weight_qdata=U8[64,16]
torchao-mxfp8 | torchao | _weight_scale=F8_E8M0[32,16] _weight_qdata=F8_E4M3[64,32]
torchao-nvfp4 | torchao | _weight_per_tensor_scale=F32[] _weight_scale=F8_E4M3[32,16] _weight_qdata=U8[64,16]
transformers-metal | Metal | qbiases=F32[64,4] scales=F32[64,4] weight=U32[64,16]
transformers-nvfp4 | nvfp4 of transformers | weight_global_scale=F32[1] weight_sf=I32[32,4] weight=U8[64,64] weight_sf_rowmajor=U8[64,8]
vptq | VPTQ | indices=I32[1,8,32] centroids.weight=F16[1,2048] weight_bias=F16[128] weight_scale=F16[128] perm=I16[128]
"""

# Metadata of forms that are told by it.
METADATA = {"comfy-metadata-only": {"_quantization_metadata": '{"layers": {"layer": {"format": "asym_w4a8_int8"}}}'},
            "mlx-affine": {"format": "mlx"}, "mlx-mxfp4": {"format": "mlx"}}

# Files of numbers: what is called like a code is a float, what is an integer is an index, a counter or a mask.
PLAIN = """
attention-w-q | W_q=F32[8,8] W_k=F32[8,8] W_v=F32[8,8] scale=F32[1]
batchnorm | weight=F32[8] bias=F32[8] running_mean=F32[8] running_var=F32[8] num_batches_tracked=I64[]
bitnet-master | weight=BF16[64,16] weight_scale=BF16[1]
blocks-scales | up_blocks=BF16[4,8] up_scales=BF16[4] blocks=F32[4] scales=F32[4]
class-ids | class_ids=I64[10] weight=F32[10,4] bias=F32[10]
codes-usage | codebook=F32[16,8] codes_used=I64[16] codes=F32[4]
data-scale | _data=F32[8,4] _scale=F32[8] B=F32[4,4] s=F32[4]
fp8-cast | weight=F8_E4M3[16,32] bias=F8_E4M3[16] norm.weight=F8_E4M3[32]
fp8-cast-with-scale | weight=F8_E4M3[8,8] bias=F8_E4M3[8] scale=F8_E4M3[8] norm.scale=F8_E4M3[8]
fp8-mixed | weight=F8_E5M2[16,32] bias=BF16[16] norm.weight=BF16[32] norm.scale=BF16[32]
gpt2-mask | attn.bias=BOOL[1,1,8,8] attn.masked_bias=F32[] c_attn.weight=F32[8,24] c_attn.bias=F32[24]
hash-router | gate.weight=BF16[8,16] gate.tid2eid=I64[32,6]
indices-values | indices=I64[2,5] values=F32[5] weight=F32[4,4]
layer-called-scales | scales.weight=F32[4,4] scales.bias=F32[4] weight=F32[4,4]
modelopt-calibrated | weight=BF16[8,8] weight_quantizer._amax=BF16[] input_quantizer._amax=BF16[]
position-ids | embeddings.position_ids=I64[1,77] embeddings.position_embedding.weight=F16[77,8] embeddings.token_type_ids=I64[1,77]
qweight-float | qweight=F32[8,8] kweight=F32[8,8] vweight=F32[8,8] scales=F32[8]
relative-position | relative_position_index=I64[16,16] relative_position_bias_table=F32[49,4] qkv.weight=F32[12,4]
two-scales | weight=F32[8,8] weight_scale=F32[8] weight_scale_2=F32[1]
vq-codebook | embed=F32[16,8] embed_avg=F32[16,8] cluster_size=F32[16] inited=BOOL[1] initted=I64[1]
zero-points | weight=F32[4,4] weight_fake_quant.scale=F32[4] weight_fake_quant.zero_point=I32[4] weight_fake_quant.fake_quant_enabled=U8[1] weight_fake_quant.eps=F32[1]
"""


def forms(text):
    """(name, what is between, {tensor: (dtype, shape)}) of each line."""
    for line in text.split("\n"):
        if not line:
            continue
        name, *between, tensors = line.split(" | ")
        layer = {}
        for tensor in tensors.split(" "):
            called, kind = tensor.split("=")
            dtype, shape = kind.rstrip("]").split("[")
            layer[called] = (dtype, [int(n) for n in shape.split(",") if n])
        yield name, (between or [""])[0], layer
