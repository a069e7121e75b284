// SPDX-License-Identifier: Apache-2.0
// DC-AE, the VAE of Sana (diffusers 0.42.1: convert_autoencoder_dc_checkpoint_to_diffusers).
#include "core/families/family_rows.h"
#include "core/families/rule_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

void add_mlp(LayoutRules& rules, const std::string& left, const std::string& right) {
  add_rules(rules, left, right,
            {{"inverted_conv.conv.*", "conv_inverted.*"},
             {"depth_conv.conv.*", "conv_depth.*"},
             {"point_conv.conv.*", "conv_point.*"},
             {"point_conv.norm.*", "norm.*"}});
}

// The matrices of attention are convolutions of one point on the left. One scale is all that published models have.
void add_attention(LayoutRules& rules, const std::string& left, const std::string& right) {
  add_rules(rules, left, right,
            {{"qkv.conv.weight", "{to_q,to_k,to_v}.weight", Reshaping::square},
             {"aggreg.0.0.*", "to_qkv_multiscale.0.proj_in.*"},
             {"aggreg.0.1.*", "to_qkv_multiscale.0.proj_out.*"},
             {"proj.conv.weight", "to_out.weight", Reshaping::square},
             {"proj.norm.*", "norm_out.*"}});
}

// The channels that stage `stage` of the encoder on the right takes; 0: it cannot be told.
uint64_t taken_channels(const ComponentNames& names, uint32_t stage) {
  const std::string front = sentence("encoder.down_blocks.", stage, ".0.");
  for (const string_view first : {"conv1.weight", "attn.to_q.weight", "conv.weight"})
    if (const auto tensor = names.find(sentence(front, first)); tensor && tensor->shape.size() > 1)
      return tensor->shape[1];
  return 0;
}

// What makes pictures smaller is a convolution in another module where it moves points into channels, of which there
// are four times as many then; a plain one makes all channels itself. On the right both have one name.
bool moves_points(const BothNamings& namings) {
  const ComponentNames *const left = namings.left(), *const right = namings.right();
  for (uint32_t stage = 0; left && stage < namings.numbers("encoder.stages.#.*", ""); ++stage)
    for (const bool moves : {true, false})
      if (left->highest(sentence("encoder.stages.", stage,
                                 moves ? ".op_list.#.main.conv.conv.weight" : ".op_list.#.main.conv.weight")))
        return moves;
  for (uint32_t stage = 0; right && stage < namings.numbers("", "encoder.down_blocks.#.*"); ++stage) {
    const auto last = right->highest(sentence("encoder.down_blocks.", stage, ".#.conv.weight"));
    if (!last) continue;
    const auto tensor = right->find(sentence("encoder.down_blocks.", stage, ".", *last, ".conv.weight"));
    const uint64_t taken = taken_channels(*right, stage + 1);
    if (tensor && !tensor->shape.empty() && taken > 0) return tensor->shape[0] != taken;
  }
  return true;
}

// A stage's blocks, each of which may be of any kind: a resnet, what changes the size, or attention.
void add_stage(LayoutRules& rules, const std::string& block, const std::string& right, bool nests) {
  add_rules(rules, sentence(block, "main."), right,
            {{"conv1.conv.*", "conv1.*"},
             {"conv2.conv.*", "conv2.*"},
             {"conv2.norm.*", "norm.*"},
             {nests ? "conv.conv.*" : "conv.*", "conv.*"}});
  add_attention(rules, sentence(block, "context_module.main."), sentence(right, "attn."));
  add_mlp(rules, sentence(block, "local_module.main."), sentence(right, "conv_out."));
}

LayoutRules layout_rules(const ComponentNames& names, bool from_left) {
  LayoutRules rules;
  add_rules(rules, "encoder.", "encoder.",
            {{"project_in.conv.*", "conv_in.*"}, {"project_out.main.op_list.0.conv.*", "conv_out.*"}});
  add_rules(rules, "decoder.", "decoder.",
            {{"project_in.main.conv.*", "conv_in.*"},
             {"project_out.op_list.0.*", "norm_out.*"},
             {"project_out.op_list.2.conv.*", "conv_out.*"}});
  add_stage(rules, "encoder.stages.#.op_list.#.", "encoder.down_blocks.#.#.", moves_points({names, from_left}));
  add_stage(rules, "decoder.stages.#.op_list.#.", "decoder.up_blocks.#.#.", true);
  return rules;
}

}  // namespace

ModelFamily autoencoder_dc_family() {
  return {.name = "autoencoder-dc",
          .role = ComponentRole::vae,
          .left = Naming::original,
          .right = Naming::diffusers,
          .left_signs = {"decoder.stages.#.op_list.#.context_module.main.qkv.conv.weight|decoder.stages.#.op_list.#."
                         "main.conv1.conv.weight",
                         "decoder.project_in.main.conv.weight"},
          .right_signs = {"decoder.up_blocks.#.#.attn.to_q.weight|decoder.up_blocks.#.#.conv1.weight",
                          "decoder.norm_out.weight", "decoder.conv_in.weight"},
          .rules = layout_rules};
}

}  // namespace ckmerge
