// SPDX-License-Identifier: Apache-2.0
// Names are those of PEFT 0.21, LyCORIS 4.1, diffusers 0.42 and kohya's scripts in 2026. A name tells its kind by one
// of its last parts: `x.lora_A.weight`, `x.hada_w1_a`, `x.lora_A.default.weight`.
#include "io/table/adapter_rows.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <optional>
#include <unordered_map>

namespace ckmerge {
namespace {

using std::string_view;
using enum FactorSign;

struct AdapterRow {
  string_view part;  ///< of a name; `x_*`: one that begins so
  FactorSign sign;
  unsigned rank;  ///< which kind a file is called by where it has several: the highest
  string_view kind;
};

// LyCORIS calls both so; of BOFT they are blocks of several stages.
constexpr AdapterRow kStages = {"oft_blocks", factor, 4, "BOFT"};

// What a DoRA may be of besides LoRA.
struct DoraRow {
  string_view kind, with_dora;
};
constexpr DoraRow kDoras[] = {{"LoHa", "LoHa with DoRA"}, {"LoKr", "LoKr with DoRA"}};

constexpr AdapterRow kRows[] = {
    {"lora_A", factor, 2, "LoRA"},
    {"lora_B", factor, 2, "LoRA"},
    {"lora_down", factor, 2, "LoRA"},
    {"lora_up", factor, 2, "LoRA"},
    {"lora_mid", factor, 2, "LoRA"},
    {"lora_embedding_A", factor, 2, "LoRA"},
    {"lora_embedding_B", factor, 2, "LoRA"},
    {"lora_linear_layer", factor, 2, "LoRA"},
    {"lora_magnitude_vector", factor, 4, "LoRA with DoRA"},
    {"dora_scale", difference, 3, "LoRA with DoRA"},
    {"lora_E", factor, 4, "AdaLoRA"},
    {"lora_diag", factor, 4, "LoRA with KaSA"},
    {"lora_controlnet", mark, 5, "Control-LoRA"},
    {"hada_*", factor, 4, "LoHa"},
    {"lokr_*", factor, 4, "LoKr"},
    {"oft_blocks", factor, 4, "OFT"},
    {"oft_diag", factor, 4, "OFT"},
    {"oft_R", factor, 4, "OFT"},
    {"oft_embedding_R", factor, 4, "OFT"},
    {"boft_*", factor, 4, "BOFT"},
    {"ia3_l", factor, 4, "IA3"},
    {"on_input", difference, 1, "IA3"},
    {"vera_*", factor, 4, "VeRA"},
    {"pvera_*", factor, 4, "PVeRA"},
    {"randlora_*", factor, 4, "RandLoRA"},
    {"vblora_*", factor, 4, "VB-LoRA"},
    {"unilora_*", factor, 4, "Uni-LoRA"},
    {"tinylora_*", factor, 4, "TinyLoRA"},
    {"fourierft_*", factor, 4, "FourierFT"},
    {"waveft_*", factor, 4, "WaveFT"},
    {"c3a_kernel", factor, 4, "C3A"},
    {"shira_*", factor, 4, "SHiRA"},
    {"supertuning_*", factor, 4, "SuperTuning"},
    {"miss_block", factor, 4, "MiSS"},
    {"bone_block", factor, 4, "Bone"},
    {"hra_u", factor, 4, "HRA"},
    {"road_theta", factor, 4, "RoAd"},
    {"road_alpha", factor, 4, "RoAd"},
    {"delora_*", factor, 4, "DeLoRA"},
    {"gralora_*", factor, 4, "GraLoRA"},
    {"hira_A", factor, 4, "HiRA"},
    {"hira_B", factor, 4, "HiRA"},
    {"glora_*", factor, 4, "GLoRA"},
    {"deft_P", factor, 4, "DEFT"},
    {"deft_R", factor, 4, "DEFT"},
    {"psoft_*", factor, 4, "PSOFT"},
    {"osf_svd_params", factor, 4, "OSF"},
    {"frod_*", factor, 4, "FROD"},
    {"adamss_*", factor, 4, "AdaMSS"},
    {"beft_bias", factor, 4, "BEFT"},
    {"ln_tuning_layers", factor, 4, "LN tuning"},
    {"trainable_tokens_delta", factor, 4, "trainable tokens"},
    {"prompt_embeddings", factor, 4, "prompt tuning"},
    {"adaption_prompt", factor, 4, "adaption prompt"},
    {"adaption_gate", factor, 4, "adaption prompt"},
    {"q_layer", difference, 1, "T-LoRA"},
    {"lambda_layer", factor, 4, "T-LoRA"},
    {"diff", difference, 1, "full differences of LyCORIS"},
    {"diff_b", difference, 1, "full differences of LyCORIS"},
    {"w_norm", difference, 1, "norms of LyCORIS"},
    {"b_norm", difference, 1, "norms of LyCORIS"},
};

// Modules in front of whose factors trainers write this; nothing else begins so.
constexpr string_view kPrefixes[] = {"lora_unet_",   "lora_te_",          "lora_te1_",        "lora_te2_",
                                     "lora_te3_",    "lora_transformer_", "lora_prior_",      "lora_unet.",
                                     "lycoris_",     "oft_unet_",         "hada_unet_",       "lora_llm_",
                                     "lora_prompt_", "lora_t5_",          "xlora_classifier."};

// Most parts of most names begin like none of these, so that they are told apart by two characters.
class Rows {
 public:
  Rows() {
    for (const AdapterRow& row : kRows) {
      const string_view part = row.part.ends_with('*') ? row.part.substr(0, row.part.size() - 1) : row.part;
      begins_[beginning(part)] = true;
      rows_.emplace(part, &row);
    }
  }

  const AdapterRow* find(string_view part) const {
    constexpr size_t kLongest = 64;  // of parts that a row knows, with room for what follows a star
    if (part.size() < 2 || part.size() > kLongest || !begins_[beginning(part)]) return nullptr;
    if (const auto whole = rows_.find(part); whole != rows_.end()) return whole->second;
    const size_t line = part.find('_');
    if (line == string_view::npos) return nullptr;
    const auto start = rows_.find(part.substr(0, line + 1));
    return start == rows_.end() ? nullptr : start->second;
  }

 private:
  static size_t beginning(string_view part) {
    return static_cast<size_t>(static_cast<unsigned char>(part[0])) << 8 | static_cast<unsigned char>(part[1]);
  }

  std::bitset<1 << 16> begins_;
  std::unordered_map<string_view, const AdapterRow*> rows_;  // whole parts, and those with a star up to it
};

const AdapterRow* row_of_part(string_view part) {
  static const Rows rows;
  return rows.find(part);
}

constexpr AdapterRow kByPrefix{"", factor, 0, "LoRA or another of kohya's or LyCORIS's kinds"},
    kOldLora{"", factor, 2, "LoRA"}, kGlora{"", difference, 1, "GLoRA"};

// The last parts of a name, last first; empty where there are no more.
std::array<string_view, 3> last_parts(string_view name) {
  std::array<string_view, 3> parts;
  for (string_view& part : parts) {
    const size_t dot = name.rfind('.');
    part = dot == string_view::npos ? name : name.substr(dot + 1);
    name = dot == string_view::npos ? string_view() : name.substr(0, dot);
    if (name.empty()) break;
  }
  return parts;
}

// "x.to_q_lora.down.weight", "x.lora.up.weight", "x:down".
bool is_old_lora(string_view name, const std::array<string_view, 3>& parts) {
  if (parts[0] == "weight" && (parts[1] == "down" || parts[1] == "up"))
    return parts[2].find("lora") != string_view::npos;
  return name.ends_with(":down") || name.ends_with(":up");
}

bool is_prefixed(string_view name) {
  if (name.empty() || string_view("lohx").find(name[0]) == string_view::npos) return false;
  return std::ranges::any_of(kPrefixes, [&](string_view prefix) { return name.starts_with(prefix); });
}

// LyCORIS has these four in each module, with an alpha; another's layers may be called so.
bool is_glora(string_view name, const std::array<string_view, 3>& parts, const TensorTable& tensors) {
  constexpr string_view kPlaces[] = {"a1", "a2", "b1", "b2"};
  if (parts[0] != "weight" || std::ranges::find(kPlaces, parts[1]) == std::end(kPlaces)) return false;
  name.remove_suffix(string_view("a1.weight").size());
  return is_prefixed(name) || tensors.find(std::string(name) + "alpha") != TensorTable::npos;
}

const AdapterRow* row_of(string_view name, const TensorTable& tensors) {
  const std::array<string_view, 3> parts = last_parts(name);
  for (const string_view part : parts)
    if (const AdapterRow* row = row_of_part(part)) return row;
  if (is_old_lora(name, parts)) return &kOldLora;
  if (is_glora(name, parts, tensors)) return &kGlora;
  return nullptr;
}

struct PeftType {
  string_view type, kind;
};
constexpr PeftType kPeftTypes[] = {
    {"LORA", "LoRA"}, {"XLORA", "X-LoRA"}, {"ADALORA", "AdaLoRA"}, {"LOHA", "LoHa"},   {"LOKR", "LoKr"},
    {"MISS", "MiSS"}, {"VERA", "VeRA"},    {"ROAD", "RoAd"},       {"GLORA", "GLoRA"}, {"RANDLORA", "RandLoRA"}};

}  // namespace

FactorCounts count_factors(const TensorTable& tensors) {
  FactorCounts counts;
  std::optional<unsigned> rank;
  bool has_dora = false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const string_view name = tensors[i].name;
    const bool prefixed = is_prefixed(name);
    const AdapterRow* row = row_of(name, tensors);
    counts.bases += name.ends_with(".base_layer.weight");
    counts.of_peft += name.starts_with("base_model.");
    if (row && row->part == kStages.part && tensors[i].shape.size() == 4) row = &kStages;
    if (!row && prefixed) row = &kByPrefix;
    if (!row) continue;
    if (row->sign == mark)
      ++counts.marks;
    else
      ++(prefixed || row->sign == factor ? counts.factors : counts.differences);
    has_dora |= row->part == "dora_scale";
    if (rank && *rank >= row->rank) continue;
    rank = row->rank;
    counts.kind = row->kind;
    counts.example = name;
  }
  for (const DoraRow& dora : kDoras)
    if (has_dora && counts.kind == dora.kind) counts.kind = dora.with_dora;
  return counts;
}

string_view kind_of_peft_type(string_view peft_type) {
  const auto known = std::ranges::find(kPeftTypes, peft_type, &PeftType::type);
  return known == std::end(kPeftTypes) ? peft_type : known->kind;
}

}  // namespace ckmerge
