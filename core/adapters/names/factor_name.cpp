// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/factor_name.h"

#include <algorithm>
#include <array>
#include <vector>

namespace ckmerge {
namespace {

using std::string_view;
using enum FactorRole;

// What may stand behind the stem.
enum class Behind : uint8_t {
  nothing,
  weight,   // nothing, "weight"
  adapter,  // these, and the name of the adapter in front, where a program saved its tensors itself; "bias" of lora_B
  any,      // more of the factor's name
};

struct Row {
  string_view stem;  // of a name, a whole component; `x_*`: one that begins so
  string_view name;  // empty: as it stands
  Behind behind;
  unsigned rank;
  string_view kind;
  FactorRole role = of_module;
};

constexpr string_view kControlLora = "a Control-LoRA, which is a ControlNet and adds nothing to a model's weights";
constexpr string_view kXLora = "an X-LoRA: its router chooses among adapters for each token, which no weight can";
constexpr string_view kPrompts = "prompts, which stand in front of texts and belong to no weight";
constexpr string_view kAdaptionPrompt = "an adaption prompt, which adds to activations and belongs to no weight";
constexpr string_view kLily = "a Lily, whose experts are chosen for each token";
constexpr string_view kPoly = "a Poly, whose adapters are chosen for each task";
constexpr string_view kShadow = "a shadow model, which runs beside the model";
constexpr string_view kPsoft =
    "PSOFT, whose result hangs on the signs that an SVD of the base had when it was trained, and no file has";
constexpr string_view kAdamss =
    "AdaMSS, whose rows were chosen by a clustering of the base when it was trained, and no file has";
constexpr string_view kBone = "Bone, which PEFT 0.21 no longer has; convert it to MiSS with the PEFT that trained it";

constexpr Row kRows[] = {
    {"lora_A", "lora_A", Behind::adapter, 2, "LoRA"},
    {"lora_B", "lora_B", Behind::adapter, 2, "LoRA"},
    {"lora_down", "lora_A", Behind::adapter, 2, "LoRA"},
    {"lora_up", "lora_B", Behind::adapter, 2, "LoRA"},
    {"lora_mid", "lora_mid", Behind::adapter, 2, "LoRA"},
    {"lora_embedding_A", "lora_embedding_A", Behind::adapter, 2, "LoRA"},
    {"lora_embedding_B", "lora_embedding_B", Behind::adapter, 2, "LoRA"},
    {"lora_magnitude_vector", "lora_magnitude_vector", Behind::adapter, 1, "DoRA"},
    {"dora_scale", "", Behind::weight, 1, "DoRA"},
    {"lora_E", "lora_E", Behind::adapter, 4, "AdaLoRA"},
    {"lora_diag", "lora_diag", Behind::adapter, 4, "KaSA"},
    {"lora_controlnet", "", Behind::any, 9, kControlLora, refused},
    {"alpha", "", Behind::nothing, 0, "", alpha},
    {"hada_*", "", Behind::adapter, 4, "LoHa"},
    {"lokr_*", "", Behind::adapter, 4, "LoKr"},
    {"oft_blocks", "", Behind::nothing, 4, "Diag-OFT"},
    {"rescale", "", Behind::nothing, 0, "Diag-OFT"},
    {"oft_R", "", Behind::adapter, 4, "OFT"},
    {"oft_embedding_R", "", Behind::adapter, 4, "OFT"},
    {"boft_R", "", Behind::adapter, 4, "BOFT"},
    {"boft_s", "", Behind::adapter, 4, "BOFT"},
    {"ia3_l", "", Behind::adapter, 4, "IA3"},
    {"on_input", "", Behind::nothing, 4, "IA3 of LyCORIS"},
    {"vera_*", "", Behind::adapter, 4, "VeRA"},
    {"pvera_*", "", Behind::adapter, 4, "PVeRA"},
    {"randlora_*", "", Behind::adapter, 4, "RandLoRA"},
    {"vblora_*", "", Behind::adapter, 4, "VB-LoRA"},
    {"unilora_*", "", Behind::adapter, 4, "Uni-LoRA"},
    {"tinylora_*", "", Behind::any, 4, "TinyLoRA"},
    {"fourierft_*", "", Behind::adapter, 4, "FourierFT"},
    {"waveft_*", "", Behind::adapter, 4, "WaveFT"},
    {"c3a_kernel", "", Behind::adapter, 4, "C3A"},
    {"shira_*", "", Behind::adapter, 4, "SHiRA"},
    {"supertuning_*", "", Behind::adapter, 4, "SuperTuning"},
    {"miss_block", "", Behind::adapter, 4, "MiSS"},
    {"bone_block", "", Behind::any, 9, kBone, refused},
    {"hra_u", "", Behind::adapter, 4, "HRA"},
    {"road_theta", "", Behind::adapter, 4, "RoAd"},
    {"road_alpha", "", Behind::adapter, 4, "RoAd"},
    {"delora_*", "", Behind::adapter, 4, "DeLoRA"},
    {"gralora_*", "", Behind::adapter, 4, "GraLoRA"},
    {"hira_*", "", Behind::adapter, 4, "HiRA"},
    {"glora_*", "", Behind::any, 4, "GLoRA"},
    {"deft_P", "", Behind::adapter, 4, "DEFT"},
    {"deft_R", "", Behind::adapter, 4, "DEFT"},
    {"peanut_*", "", Behind::any, 4, "PEANUT"},
    {"psoft_*", "", Behind::any, 9, kPsoft, refused},
    {"osf_svd_params", "", Behind::any, 4, "OSF"},
    {"frod_*", "", Behind::any, 4, "FROD"},
    {"adamss_*", "", Behind::any, 9, kAdamss, refused},
    {"beft_bias", "", Behind::adapter, 4, "BEFT"},
    {"q_layer", "", Behind::weight, 4, "T-LoRA"},
    {"p_layer", "", Behind::weight, 4, "T-LoRA"},
    {"lambda_layer", "", Behind::weight, 4, "T-LoRA"},
    {"diff", "", Behind::nothing, 4, "full difference"},
    {"diff_b", "", Behind::nothing, 4, "full difference"},
    {"w_norm", "", Behind::nothing, 4, "norm"},
    {"b_norm", "", Behind::nothing, 4, "norm"},
    {"a1", "", Behind::weight, 4, "GLoRA of LyCORIS"},
    {"a2", "", Behind::weight, 4, "GLoRA of LyCORIS"},
    {"b1", "", Behind::weight, 4, "GLoRA of LyCORIS"},
    {"b2", "", Behind::weight, 4, "GLoRA of LyCORIS"},
    {"ln_tuning_layers", "", Behind::any, 4, "LN tuning", replaced},
    {"trainable_tokens_delta", "", Behind::adapter, 4, "trainable tokens", tokens},
    {"velora_*", "", Behind::any, 0, "", unused},
    {"lora_velora_*", "", Behind::any, 0, "", unused},
    {"lora_monteclora*", "", Behind::any, 0, "", unused},
    {"monteclora_*", "", Behind::any, 0, "", unused},
    {"lora_mica*", "", Behind::any, 0, "", unused},
    {"mica_*", "", Behind::any, 0, "", unused},
    {"xlora_classifier", "", Behind::any, 9, kXLora, refused},
    {"prompt_embeddings", "", Behind::any, 9, kPrompts, refused},
    {"adaption_prompt", "", Behind::any, 9, kAdaptionPrompt, refused},
    {"adaption_gate", "", Behind::any, 9, kAdaptionPrompt, refused},
    {"lily_*", "", Behind::any, 9, kLily, refused},
    {"poly_*", "", Behind::any, 9, kPoly, refused},
    {"shadow_*", "", Behind::any, 9, kShadow, refused},
};

bool has_stem(const Row& row, string_view part) {
  return row.stem.ends_with('*') ? part.starts_with(row.stem.substr(0, row.stem.size() - 1)) : part == row.stem;
}

const Row* row_of(string_view part) {
  // A few hundred thousand names at most, each with some components: by their first character most are none.
  static const auto kFirst = [] {
    std::array<std::vector<const Row*>, 256> first;
    for (const Row& row : kRows) first[static_cast<unsigned char>(row.stem[0])].push_back(&row);
    return first;
  }();
  if (part.empty()) return nullptr;
  for (const Row* const row : kFirst[static_cast<unsigned char>(part[0])])
    if (has_stem(*row, part)) return row;
  return nullptr;
}

// Whether `rest`, with the dot in front, may stand behind the stem.
bool may_follow(Behind behind, string_view rest) {
  if (rest.empty() || behind == Behind::any) return true;
  if (behind == Behind::nothing) return false;
  if (rest == ".weight") return true;
  if (behind == Behind::weight) return false;
  const size_t second = rest.find('.', 1);
  return second == string_view::npos || rest.substr(second) == ".weight" || rest.substr(second) == ".bias";
}

string_view without_weight(string_view text) {
  constexpr string_view kWeight = ".weight";
  return text.ends_with(kWeight) ? text.substr(0, text.size() - kWeight.size()) : text;
}

// "x.lora.down.weight", "x.to_q_lora.up.weight", "x.to_q.lora_linear_layer.down.weight" of diffusers before PEFT.
std::optional<FactorName> old_name(string_view name) {
  const string_view stem = without_weight(name);
  const bool is_down = stem.ends_with(".down");
  if (stem.size() == name.size() || (!is_down && !stem.ends_with(".up"))) return std::nullopt;
  string_view module = stem.substr(0, stem.rfind('.'));
  for (const string_view end : {".lora_linear_layer", ".lora", "_lora"})
    if (module.ends_with(end)) {
      module.remove_suffix(end.size());
      FactorName found{.module = std::string(module), .name = is_down ? "lora_A" : "lora_B", .kind = "LoRA", .rank = 2};
      constexpr string_view kProcessor = ".processor.";
      if (const size_t at = found.module.rfind(kProcessor); end == "_lora" && at != std::string::npos)
        found.module.replace(at, kProcessor.size(), ".");
      if (end == "_lora" && found.module.ends_with(".to_out")) found.module += ".0";
      return found;
    }
  return std::nullopt;
}

FactorName made_name(string_view name, size_t begin, size_t end, const Row& row) {
  FactorName found{.role = row.role,
                   .module = std::string(name.substr(0, begin == 0 ? 0 : begin - 1)),
                   .name = name.substr(begin, end - begin),
                   .kind = row.kind,
                   .rank = row.rank};
  if (row.behind == Behind::any) found.name = without_weight(name.substr(begin));
  if (!row.name.empty()) found.name = row.name;
  if (row.name == "lora_B" && name.ends_with(".bias")) found.name = "lora_B.bias";
  if (row.role == replaced) found.name = name.substr(name.rfind('.') + 1);
  return found;
}

}  // namespace

std::optional<FactorName> factor_name(string_view name) {
  constexpr int kMostParts = 5;  // from the end: a stem is never farther in front
  size_t end = name.size();
  for (int part = 0; part < kMostParts && end != string_view::npos; ++part) {
    const size_t dot = end == 0 ? string_view::npos : name.rfind('.', end - 1);
    const size_t begin = dot == string_view::npos ? 0 : dot + 1;
    if (const Row* row = row_of(name.substr(begin, end - begin)); row && may_follow(row->behind, name.substr(end)))
      return made_name(name, begin, end, *row);
    end = dot;
  }
  return old_name(name);
}

bool is_shared(string_view module) { return module.empty() || module == "base_model" || module == "base_model.model"; }

}  // namespace ckmerge
