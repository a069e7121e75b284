// SPDX-License-Identifier: Apache-2.0
#include "core/matrices/unit_rules.h"

namespace ckmerge {
namespace {

constexpr uint8_t kRowAxis = 0, kColumnAxis = 1;

RuledAxis row(std::string_view name, uint8_t part = 0) { return {.name = name, .axis = kRowAxis, .part = part}; }
RuledAxis column(std::string_view name, uint8_t part = 0) { return {.name = name, .axis = kColumnAxis, .part = part}; }
RuledAxis maybe(std::string_view name, uint8_t part = 0) {
  return {.name = name, .axis = kRowAxis, .part = part, .optional = true};
}
RuledAxis share(std::string_view name, uint8_t which, uint8_t of, uint8_t part = 0, bool optional = false) {
  return {.name = name, .axis = kRowAxis, .part = part, .share = which, .of = of, .optional = optional};
}

// One layer with a bias into hidden channels, another out of them.
UnitRule hidden(std::string_view scope, std::string_view in, std::string_view in_bias, std::string_view out,
                std::string_view out_bias) {
  return {scope, BlockCount::one, {row(in), maybe(in_bias), column(out)}, {out_bias}};
}

std::vector<UnitRule> layers() {
  return {
      hidden("time_embed.", "0.weight", "0.bias", "2.weight", "2.bias"),
      hidden("label_emb.0.", "0.weight", "0.bias", "2.weight", "2.bias"),
      hidden("time_embedding.", "linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias"),
      hidden("add_embedding.", "linear_1.weight", "linear_1.bias", "linear_2.weight", "linear_2.bias"),
      hidden("mlp.", "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"),
      hidden("mlp.", "c_fc.weight", "c_fc.bias", "c_proj.weight", "c_proj.bias"),
      {"ff.net.",  // half of the rows is the gate of the other
       BlockCount::one,
       {share("0.proj.weight", 0, 2), share("0.proj.weight", 1, 2), share("0.proj.bias", 0, 2, 0, true),
        share("0.proj.bias", 1, 2, 0, true), column("2.weight")},
       {"2.bias"}},
      hidden("ff.net.", "0.proj.weight", "0.proj.bias", "2.weight", "2.bias"),
      {"",
       BlockCount::one,
       {row("gate_proj.weight"), maybe("gate_proj.bias"), row("up_proj.weight"), maybe("up_proj.bias"),
        column("down_proj.weight")},
       {"down_proj.bias"}},
      {"",
       BlockCount::one,
       {share("gate_up_proj.weight", 0, 2), share("gate_up_proj.weight", 1, 2), column("down_proj.weight")},
       {}},
      {"", BlockCount::one, {row("w1.weight"), row("w3.weight"), column("w2.weight")}, {}},
  };
}

std::vector<UnitRule> attentions() {
  return {
      {"",
       BlockCount::of_cross_attention,
       {row("to_q.weight"), maybe("to_q.bias"), row("to_k.weight"), maybe("to_k.bias"), row("to_v.weight", 1),
        maybe("to_v.bias", 1), column("to_out.0.weight", 1)},
       {"to_out.0.bias", "group_norm.weight", "group_norm.bias"}},
      {"self_attn.",
       BlockCount::of_clip,
       {row("q_proj.weight"), maybe("q_proj.bias"), row("k_proj.weight"), maybe("k_proj.bias"), row("v_proj.weight", 1),
        maybe("v_proj.bias", 1), column("out_proj.weight", 1)},
       {"out_proj.bias"}},
      {"attn.",
       BlockCount::of_clip,
       {share("in_proj_weight", 0, 3), share("in_proj_weight", 1, 3), share("in_proj_weight", 2, 3, 1),
        share("in_proj_bias", 0, 3, 0, true), share("in_proj_bias", 1, 3, 0, true),
        share("in_proj_bias", 2, 3, 1, true), column("out_proj.weight", 1)},
       {"out_proj.bias"}},
      {"self_attn.",
       BlockCount::of_rotary,
       {row("q_proj.weight", kQueries), maybe("q_proj.bias", kQueries), row("k_proj.weight", kKeys),
        maybe("k_proj.bias", kKeys), row("v_proj.weight", kValues), maybe("v_proj.bias", kValues),
        column("o_proj.weight", kOutputs)},
       {"o_proj.bias", "q_norm.weight", "k_norm.weight", "rotary_emb.inv_freq"}},
      {"",  // the one of a VAE, as its own program names it
       BlockCount::one,
       {row("q.weight"), maybe("q.bias"), row("k.weight"), maybe("k.bias"), row("v.weight", 1), maybe("v.bias", 1),
        column("proj_out.weight", 1)},
       {"proj_out.bias", "norm.weight", "norm.bias"}},
  };
}

// Between two convolutions, with a normalisation of 32 groups there.
std::vector<UnitRule> residual_blocks() {
  return {
      {"",
       BlockCount::of_groups,
       {row("in_layers.2.weight"), row("in_layers.2.bias"), row("emb_layers.1.weight"), row("emb_layers.1.bias"),
        row("out_layers.0.weight"), row("out_layers.0.bias"), column("out_layers.3.weight")},
       {"in_layers.0.weight", "in_layers.0.bias", "out_layers.3.bias", "skip_connection.weight",
        "skip_connection.bias"}},
      {"",
       BlockCount::of_groups,
       {row("conv1.weight"), row("conv1.bias"), maybe("time_emb_proj.weight"), maybe("time_emb_proj.bias"),
        row("norm2.weight"), row("norm2.bias"), column("conv2.weight")},
       {"norm1.weight", "norm1.bias", "conv2.bias", "conv_shortcut.weight", "conv_shortcut.bias", "nin_shortcut.weight",
        "nin_shortcut.bias"},
       {"resnets.", ".block_", ".block."}},
  };
}

}  // namespace

std::span<const UnitRule> unit_rules() {
  static const std::vector<UnitRule> kRules = [] {
    std::vector<UnitRule> all = layers();
    for (const auto& more : {attentions(), residual_blocks()}) all.insert(all.end(), more.begin(), more.end());
    return all;
  }();
  return kRules;
}

}  // namespace ckmerge
