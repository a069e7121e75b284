// SPDX-License-Identifier: Apache-2.0
// Flux.1 dev under its publisher's names, Llama 3 under the transformers names, and shapes made up for benchmarks.
#include <algorithm>
#include <string>

#include "bench/blueprint.h"

namespace ckmerge::bench {
namespace {

using std::to_string;

constexpr uint64_t kFluxWidth = 3072, kFluxHead = 128, kFluxFeedForward = 4 * kFluxWidth;

void flux_head_norms(Blueprint& out, const std::string& name) {
  out.gain(name + "norm.key_norm.scale", kFluxHead);
  out.gain(name + "norm.query_norm.scale", kFluxHead);
}

void flux_double_block(Blueprint& out, const std::string& block) {
  for (const char* stream : {"img_", "txt_"}) {
    const std::string name = block + stream;
    flux_head_norms(out, name + "attn.");
    out.linear(name + "attn.proj", kFluxWidth, kFluxWidth);
    out.linear(name + "attn.qkv", 3 * kFluxWidth, kFluxWidth);
    out.linear(name + "mlp.0", kFluxFeedForward, kFluxWidth);
    out.linear(name + "mlp.2", kFluxWidth, kFluxFeedForward);
    out.linear(name + "mod.lin", 6 * kFluxWidth, kFluxWidth);
  }
}

void flux_single_block(Blueprint& out, const std::string& block) {
  out.linear(block + "linear1", 3 * kFluxWidth + kFluxFeedForward, kFluxWidth);
  out.linear(block + "linear2", kFluxWidth, kFluxWidth + kFluxFeedForward);
  out.linear(block + "modulation.lin", 3 * kFluxWidth, kFluxWidth);
  flux_head_norms(out, block);
}

void llama_layer(Blueprint& out, const std::string& layer, const LlamaShape& shape) {
  out.gain(layer + "input_layernorm.weight", shape.hidden);
  out.linear(layer + "mlp.down_proj", shape.hidden, shape.intermediate, false);
  out.linear(layer + "mlp.gate_proj", shape.intermediate, shape.hidden, false);
  out.linear(layer + "mlp.up_proj", shape.intermediate, shape.hidden, false);
  out.gain(layer + "post_attention_layernorm.weight", shape.hidden);
  out.linear(layer + "self_attn.k_proj", shape.key_value, shape.hidden, false);
  out.linear(layer + "self_attn.o_proj", shape.hidden, shape.hidden, false);
  out.linear(layer + "self_attn.q_proj", shape.hidden, shape.hidden, false);
  out.linear(layer + "self_attn.v_proj", shape.key_value, shape.hidden, false);
}

uint64_t default_to(uint64_t bytes, uint64_t fallback) { return bytes ? bytes : fallback; }

}  // namespace

Blueprint flux(uint64_t double_blocks, uint64_t single_blocks) {
  Blueprint out;
  out.linear("img_in", kFluxWidth, 64);
  out.linear("txt_in", kFluxWidth, 4096);
  for (const auto& [name, in] :
       {std::pair{"time_in", 256}, std::pair{"vector_in", 768}, std::pair{"guidance_in", 256}}) {
    out.linear(name + std::string(".in_layer"), kFluxWidth, in);
    out.linear(name + std::string(".out_layer"), kFluxWidth, kFluxWidth);
  }
  for (uint64_t i = 0; i < double_blocks; ++i) flux_double_block(out, "double_blocks." + to_string(i) + ".");
  for (uint64_t i = 0; i < single_blocks; ++i) flux_single_block(out, "single_blocks." + to_string(i) + ".");
  out.linear("final_layer.adaLN_modulation.1", 2 * kFluxWidth, kFluxWidth);
  out.linear("final_layer.linear", 64, kFluxWidth);
  return out;
}

/// As many blocks as fit, two single ones for each double one, as Flux.1 dev has them; one double block at least.
Blueprint flux_cut(const SyntheticSize& size) {
  uint64_t blocks = 1;
  while (blocks < kFluxDoubleBlocks && flux(blocks + 1, 2 * (blocks + 1)).bytes(size.dtype) <= size.bytes) ++blocks;
  return flux(blocks, 2 * blocks);
}

Blueprint llama(const LlamaShape& shape) {
  Blueprint out;
  out.embedding("model.embed_tokens.weight", shape.vocabulary, shape.hidden);
  for (uint64_t i = 0; i < shape.layers; ++i) llama_layer(out, "model.layers." + to_string(i) + ".", shape);
  out.gain("model.norm.weight", shape.hidden);
  out.linear("lm_head", shape.vocabulary, shape.hidden, false);
  return out;
}

/// As many Llama 3 layers as fit, and an embedding whose rows fill the rest, so that the total is short of the size by
/// less than one row. Small sizes get layers of a quarter of the width, to have more than one.
Blueprint blocks(const SyntheticSize& size) {
  const uint64_t bytes = default_to(size.bytes, 1ull << 30);
  LlamaShape shape = kLlama8B;
  if (bytes < 1ull << 30)
    shape = {.layers = 0, .hidden = 1024, .intermediate = 3584, .key_value = 256, .vocabulary = 0};
  shape.layers = shape.vocabulary = 0;
  const uint64_t fixed = llama(shape).bytes(size.dtype);
  shape.layers = 1;
  const uint64_t layer = llama(shape).bytes(size.dtype) - fixed;
  const uint64_t room = std::max(bytes, fixed) - fixed;
  const uint64_t row = 2 * shape.hidden * element_size(size.dtype);  // one of embed_tokens and one of lm_head
  shape.layers = room / layer;
  shape.vocabulary = std::max<uint64_t>(1, (room - shape.layers * layer) / row);
  return llama(shape);
}

Blueprint one(const SyntheticSize& size) {
  constexpr uint64_t kColumns = 4096;
  const uint64_t row = kColumns * element_size(size.dtype);
  Blueprint out;
  out.linear("model", std::max<uint64_t>(1, default_to(size.bytes, 1ull << 30) / row), kColumns, false);
  return out;
}

Blueprint many(const SyntheticSize& size) {
  Blueprint out;
  for (uint64_t i = 0; i < size.count; ++i) {
    std::string number = to_string(i);
    if (number.size() < size.name_size) number.insert(0, size.name_size - number.size(), 't');
    out.add({.name = std::move(number), .shape = {4}, .scale = 0.02f});
  }
  return out;
}

}  // namespace ckmerge::bench
