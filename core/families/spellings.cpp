// SPDX-License-Identifier: Apache-2.0
// Sources: files written by transformers 4.57 and 5.24 in each class, and those on the Hub; torch.nn.utils'
// parametrizations; TensorFlow's names of norms.
#include "core/families/spellings.h"

#include <array>

namespace ckmerge {
namespace {

using std::string_view;

enum class Place : uint8_t { anywhere, front, end };

// Whole components of a name, each with its dot, the last one too.
struct Spelling {
  string_view pieces, plain;
  Place place = Place::anywhere;
  uint32_t tower = 0;
};

// Of those that begin alike the longest is first.
constexpr std::array kSpellings{
    // Several networks in one model, and the classes that hold one of them alone.
    Spelling{"language_model.model.", "", Place::anywhere},
    Spelling{"language_model.", ""},
    Spelling{"text_model.model.", ""},  // Emu3
    Spelling{"text_model.", "", Place::anywhere, kTextTower},
    Spelling{"vision_model.", "", Place::anywhere, kVisionTower},
    // The network in the class that has a head, or others beside it.
    Spelling{"model.", "", Place::front},
    Spelling{"transformer.", "", Place::front},
    Spelling{"backbone.", "", Place::front},  // Mamba, Nemotron-H
    // Programs' own modules around a network.
    Spelling{"net.", "", Place::front},
    Spelling{"pipe.dit.", "", Place::front},
    // T5 and BART.
    Spelling{"encoder.embed_tokens.", "shared."},
    // Mixtral, Phi-MoE and MiniMax against the classes of today; Granite's experts.
    Spelling{"block_sparse_moe.gate.", "mlp.gate."},
    Spelling{"block_sparse_moe.input_linear.weight.", "mlp.experts.gate_up_proj."},
    Spelling{"block_sparse_moe.output_linear.weight.", "mlp.experts.down_proj."},
    Spelling{"block_sparse_moe.router.layer.weight.", "mlp.gate.weight."},
    Spelling{"block_sparse_moe.router.", "mlp.gate."},
    Spelling{"block_sparse_moe.", "mlp."},
    Spelling{"mlp.router.", "mlp.gate."},
    Spelling{"mlp.e_score_correction_bias.", "mlp.gate.e_score_correction_bias."},
    // ViT and its kin, DINOv2.
    Spelling{"encoder.layer.", "layers."},
    Spelling{"attention.attention.query.", "attention.q_proj."},
    Spelling{"attention.attention.key.", "attention.k_proj."},
    Spelling{"attention.attention.value.", "attention.v_proj."},
    Spelling{"attention.output.dense.", "attention.o_proj."},
    Spelling{"intermediate.dense.", "mlp.fc1."},
    Spelling{"output.dense.", "mlp.fc2."},
    // Attention of VAEs, of diffusers before 0.16 and since.
    Spelling{"mid_block.attentions.0.query.", "mid_block.attentions.0.to_q."},
    Spelling{"mid_block.attentions.0.key.", "mid_block.attentions.0.to_k."},
    Spelling{"mid_block.attentions.0.value.", "mid_block.attentions.0.to_v."},
    Spelling{"mid_block.attentions.0.proj_attn.", "mid_block.attentions.0.to_out.0."},
    // Weight norm as a hook and as a parametrization; norms as TensorFlow calls theirs.
    Spelling{"parametrizations.weight.original0.", "weight_g.", Place::end},
    Spelling{"parametrizations.weight.original1.", "weight_v.", Place::end},
    Spelling{"gamma.", "weight.", Place::end},
    Spelling{"beta.", "bias.", Place::end},
};

// Where `rest` begins with all of a spelling.
const Spelling* spelling_at(string_view rest, bool is_front) {
  for (const Spelling& spelling : kSpellings) {
    if (!rest.starts_with(spelling.pieces)) continue;
    if (spelling.place == Place::front && !is_front) continue;
    if (spelling.place == Place::end && rest.size() != spelling.pieces.size()) continue;
    return &spelling;
  }
  return nullptr;
}

}  // namespace

PlainName plain_name(string_view name) {
  PlainName plain;
  plain.text.reserve(name.size() + 1);
  std::string dotted(name);
  dotted += '.';
  for (string_view rest = dotted; !rest.empty();) {
    if (const Spelling* const spelling = spelling_at(rest, plain.text.empty())) {
      plain.text += spelling->plain;
      plain.towers |= spelling->tower;
      rest.remove_prefix(spelling->pieces.size());
    } else {
      const size_t component = rest.find('.') + 1;
      plain.text += rest.substr(0, component);
      rest.remove_prefix(component);
    }
  }
  return plain;
}

uint32_t sole_tower(const TensorTable& tensors) {
  bool text = false, vision = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const string_view name = tensors.name(i);
    text |= name.ends_with("embeddings.token_embedding.weight");
    vision |= name.ends_with("embeddings.patch_embedding.weight") || name.ends_with("embeddings.class_embedding");
  }
  if (text == vision) return 0;
  return text ? kTextTower : kVisionTower;
}

}  // namespace ckmerge
