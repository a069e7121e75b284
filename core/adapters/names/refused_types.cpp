// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/names/refused_types.h"

#include <algorithm>
#include <iterator>

namespace ckmerge {
namespace {

struct RefusedType {
  std::string_view type, why;
};

constexpr RefusedType kTypes[] = {
    {"PROMPT_TUNING", "is prompt tuning, whose prompts stand in front of texts and belong to no weight"},
    {"MULTITASK_PROMPT_TUNING",
     "is multitask prompt tuning, whose prompts stand in front of texts and belong to no weight"},
    {"P_TUNING", "is P-tuning, whose prompts stand in front of texts and belong to no weight"},
    {"PREFIX_TUNING", "is prefix tuning, whose keys and values stand in front of texts and belong to no weight"},
    {"CPT", "is CPT, whose prompts stand in front of texts and belong to no weight"},
    {"CARTRIDGE", "is a cartridge, whose keys and values stand in front of texts and belong to no weight"},
    {"ADAPTION_PROMPT", "is an adaption prompt, which adds to activations and belongs to no weight"},
    {"POLY", "is Poly, whose adapters are chosen for each task"},
    {"LILY", "is Lily, whose experts are chosen for each token"},
    {"SHADOW", "is a shadow model, which runs beside the model"},
    {"XLORA", "is an X-LoRA, whose router chooses among adapters for each token, which no weight can"},
    {"PSOFT",
     "is PSOFT, whose result hangs on the signs that an SVD of the base had when it was trained, and no file has"},
    {"ADAMSS", "is AdaMSS, whose rows were chosen by a clustering of the base when it was trained, and no file has"},
    {"TINYLORA", "is TinyLoRA: which of its vectors belongs to which layer is the model's order, and no file has it"},
    {"BONE", "is Bone, which PEFT 0.21 no longer has; convert it to MiSS with the PEFT that trained it"},
};

struct KnownType {
  std::string_view type;
  std::string_view kind;  ///< that factors' names tell; empty: it has whole tensors alone
};

constexpr KnownType kKnown[] = {
    {"LORA", "LoRA"},
    {"ADALORA", "AdaLoRA"},
    {"LOHA", "LoHa"},
    {"LOKR", "LoKr"},
    {"OFT", "OFT"},
    {"BOFT", "BOFT"},
    {"IA3", "IA3"},
    {"VERA", "VeRA"},
    {"PVERA", "PVeRA"},
    {"HRA", "HRA"},
    {"GLORA", "GLoRA"},
    {"MISS", "MiSS"},
    {"DELORA", "DeLoRA"},
    {"GRALORA", "GraLoRA"},
    {"HIRA", "HiRA"},
    {"C3A", "C3A"},
    {"FOURIERFT", "FourierFT"},
    {"WAVEFT", "WaveFT"},
    {"SHIRA", "SHiRA"},
    {"SUPERTUNING", "SuperTuning"},
    {"RANDLORA", "RandLoRA"},
    {"VBLORA", "VB-LoRA"},
    {"UNILORA", "Uni-LoRA"},
    {"ROAD", "RoAd"},
    {"DEFT", "DEFT"},
    {"PEANUT", "PEANUT"},
    {"OSF", "OSF"},
    {"FROD", "FROD"},
    {"BEFT", "BEFT"},
    {"LN_TUNING", ""},
    {"TRAINABLE_TOKENS", ""},
};

constexpr std::string_view kWithDora = " with DoRA";

}  // namespace

bool is_known_type(std::string_view peft_type) {
  return std::ranges::find(kKnown, peft_type, &KnownType::type) != std::end(kKnown) || !refused_type(peft_type).empty();
}

bool may_have_kind(std::string_view peft_type, std::string_view kind) {
  if (kind == "KaSA") return peft_type == "LORA";
  if (kind.ends_with(kWithDora)) kind.remove_suffix(kWithDora.size());
  const auto found = std::ranges::find(kKnown, peft_type, &KnownType::type);
  return found == std::end(kKnown) || found->kind == kind;
}

std::string_view refused_type(std::string_view peft_type) {
  const auto found = std::ranges::find(kTypes, peft_type, &RefusedType::type);
  return found == std::end(kTypes) ? std::string_view() : found->why;
}

}  // namespace ckmerge
