// SPDX-License-Identifier: Apache-2.0
// Language models that encode prompts: as checkpoints and files of text encoders have them, which is how classes with a
// head are saved, and as the class without a head is, or the one with images beside it.
#include <iterator>
#include <utility>

#include "core/families/family_rows.h"

namespace ckmerge {
namespace {

using std::string_view;

LayoutRules headless_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  return {
      {"model.layers.*", "layers.*"},
      {"model.embed_tokens.*", "embed_tokens.*"},
      {"model.norm.*", "norm.*"},
  };
}

LayoutRules nested_rules(const ComponentNames& /*names*/, bool /*from_left*/) {
  return {
      {"model.layers.*", "model.language_model.layers.*"},
      {"model.embed_tokens.*", "model.language_model.embed_tokens.*"},
      {"model.norm.*", "model.language_model.norm.*"},
      {"visual.*", "model.visual.*"},
  };
}

// No encoder is known with experts, which a router tells in all of their spellings.
constexpr string_view kNoRouters[] = {"!model.layers.#.mlp.gate.weight", "!model.layers.#.block_sparse_moe.gate.weight",
                                      "!layers.#.mlp.gate.weight", "!layers.#.block_sparse_moe.gate.weight"};

ModelFamily dense(ModelFamily family) {
  for (std::vector<string_view>* const signs : {&family.left_signs, &family.right_signs})
    signs->insert(signs->end(), std::begin(kNoRouters), std::end(kNoRouters));
  return family;
}

ModelFamily language_encoder(const char* name) {
  return {.name = name,
          .role = ComponentRole::text_encoder,
          .left = Naming::hugging_face,
          .right = Naming::transformers,
          .left_signs = {},
          .right_signs = {},
          .rules = headless_rules};
}

}  // namespace

ModelFamily gemma2_family() {
  ModelFamily family = language_encoder("gemma2");
  family.left_signs = {"model.layers.#.pre_feedforward_layernorm.weight", "!model.layers.#.self_attn.q_norm.weight"};
  family.right_signs = {"layers.#.pre_feedforward_layernorm.weight", "!layers.#.self_attn.q_norm.weight"};
  return dense(std::move(family));
}

ModelFamily qwen3_family() {
  ModelFamily family = language_encoder("qwen3");
  family.left_signs = {"model.layers.#.self_attn.q_norm.weight", "model.layers.#.post_attention_layernorm.weight",
                       "!model.layers.#.pre_feedforward_layernorm.weight"};
  family.right_signs = {"layers.#.self_attn.q_norm.weight", "layers.#.post_attention_layernorm.weight",
                        "!layers.#.pre_feedforward_layernorm.weight"};
  return dense(std::move(family));
}

// 2.5-VL, whose classes nest the language model.
ModelFamily qwen2_family() {
  ModelFamily family = language_encoder("qwen2");
  family.left_signs = {"model.layers.#.self_attn.q_proj.bias", "model.layers.#.post_attention_layernorm.weight"};
  family.right_signs = {"model.language_model.layers.#.self_attn.q_proj.bias",
                        "model.language_model.layers.#.post_attention_layernorm.weight"};
  family.rules = nested_rules;
  return dense(std::move(family));
}

ModelFamily llama_family() {
  ModelFamily family = language_encoder("llama");
  family.left_signs = {"model.layers.#.self_attn.q_proj.weight", "model.layers.#.post_attention_layernorm.weight",
                       "!model.layers.#.self_attn.q_norm.weight", "!model.layers.#.self_attn.q_proj.bias",
                       "!model.layers.#.pre_feedforward_layernorm.weight"};
  family.right_signs = {"layers.#.self_attn.q_proj.weight", "layers.#.post_attention_layernorm.weight",
                        "!layers.#.self_attn.q_norm.weight", "!layers.#.self_attn.q_proj.bias",
                        "!layers.#.pre_feedforward_layernorm.weight"};
  return dense(std::move(family));
}

}  // namespace ckmerge
