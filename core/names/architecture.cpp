// SPDX-License-Identifier: Apache-2.0
#include "core/names/architecture.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/names/adapter_network.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

enum Part : unsigned { kNoPart = 0, kUnet = 1, kText = 2, kVaePart = 4, kControl = 8 };

struct Prefix {
  std::string_view text;
  Part part;
};

// The parts of a whole checkpoint, and what wraps a network without meaning anything.
constexpr Prefix kPrefixes[] = {
    {"model.diffusion_model.", kUnet},
    {"first_stage_model.", kVaePart},
    {"cond_stage_model.", kText},
    {"conditioner.embedders.", kText},
    {"text_encoders.", kText},
    {"vae.", kVaePart},
    {"control_model.", kControl},
    {"pretransform.model.", kVaePart},
    {"model.model.", kUnet},
    {"diffusion_model.", kNoPart},
    {"language_model.", kNoPart},
    {"transformer.", kNoPart},
    {"unet.", kUnet},
    {"net.", kNoPart},
    {"bert.", kNoPart},
    {"roberta.", kNoPart},
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool separates(char c) { return c == '.' || c == '_'; }

// Numbers that stand alone between dots and underscores become '#': one rule for all blocks and shards.
std::string normalised(std::string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size();) {
    size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    const bool alone = end > i && (i == 0 || separates(name[i - 1])) && (end == name.size() || separates(name[end]));
    if (alone) {
      out += '#';
      i = end;
    } else {
      out += name[i++];
    }
  }
  return out;
}

// Longer names are of no network; a file may have names of megabytes.
constexpr size_t kLongestName = 300;

struct Found {
  std::vector<std::array<bool, 3>> signs;  // per rule
  unsigned parts = 0;
  uint64_t in_channels = 0;  // of a UNet's first convolution
  uint32_t blocks = 0;       // one more than the highest number of an input block or down block
};

struct SignPlace {
  size_t rule, sign;
};

const std::unordered_multimap<std::string, SignPlace>& places() {
  static const auto all = [] {
    std::unordered_multimap<std::string, SignPlace> map;
    const auto rules = architecture_rules();
    for (size_t r = 0; r < rules.size(); ++r)
      for (size_t s = 0; s < std::size(rules[r].signs) && rules[r].signs[s].name; ++s)
        map.emplace(normalised(rules[r].signs[s].name), SignPlace{r, s});
    return map;
  }();
  return all;
}

uint32_t blocks_to(std::string_view name) {
  for (const std::string_view front : {std::string_view("input_blocks."), std::string_view("down_blocks.")}) {
    if (!name.starts_with(front)) continue;
    uint32_t number = 0;
    const char* const begin = name.data() + front.size();
    return std::from_chars(begin, name.data() + name.size(), number).ec == std::errc() ? number + 1 : 0;
  }
  return 0;
}

bool fits(const ArchitectureSign& sign, Shape shape) {
  if (sign.dimension == ArchitectureSign::kRank) return shape.size() == sign.size;
  if (sign.dimension < 0) return true;
  const auto dimension = static_cast<size_t>(sign.dimension);
  return dimension < shape.size() && shape[dimension] == sign.size;
}

void look_at(const Tensor& tensor, Found& found) {
  if (tensor.name.size() > kLongestName) return;
  std::string_view name = tensor.name;
  for (const Prefix& prefix : kPrefixes)
    if (name.starts_with(prefix.text)) {
      found.parts |= prefix.part;
      name.remove_prefix(prefix.text.size());
      break;
    }
  found.blocks = std::max(found.blocks, blocks_to(name));
  if (name == "input_blocks.0.0.weight" && tensor.shape.size() == 4) found.in_channels = tensor.shape[1];
  const auto [begin, end] = places().equal_range(normalised(name));
  for (auto place = begin; place != end; ++place)
    if (fits(architecture_rules()[place->second.rule].signs[place->second.sign], tensor.shape))
      found.signs[place->second.rule][place->second.sign] = true;
}

const ArchitectureRule* first_rule(const Found& found) {
  const auto rules = architecture_rules();
  for (size_t r = 0; r < rules.size(); ++r) {
    bool all = true;
    for (size_t s = 0; s < std::size(rules[r].signs) && rules[r].signs[s].name; ++s) all = all && found.signs[r][s];
    if (all && (rules[r].blocks == 0 || rules[r].blocks == found.blocks)) return &rules[r];
  }
  return nullptr;
}

// ---- what the file says of itself, where its tensors say nothing

std::string stated_architecture(const Metadata& metadata) {
  struct Statement {
    std::string_view key, beginning;
    const char* architecture;
  };
  constexpr Statement kStatements[] = {{"modelspec.architecture", "stable-diffusion-v1", "sd1"},
                                       {"modelspec.architecture", "stable-diffusion-v2", "sd2"},
                                       {"modelspec.architecture", "stable-diffusion-xl-v1-refiner", "sdxl-refiner"},
                                       {"modelspec.architecture", "stable-diffusion-xl", "sdxl"},
                                       {"modelspec.architecture", "stable-diffusion-3", "sd3"},
                                       {"modelspec.architecture", "stable-diffusion-v3", "sd3"},
                                       {"modelspec.architecture", "flux-1-schnell", "flux-schnell"},
                                       {"modelspec.architecture", "flux-1", "flux-dev"},
                                       {"ss_base_model_version", "sd_v1", "sd1"},
                                       {"ss_base_model_version", "sd_v2", "sd2"},
                                       {"ss_base_model_version", "sdxl", "sdxl"},
                                       {"ss_base_model_version", "sd3", "sd3"},
                                       {"ss_base_model_version", "flux2", "flux2"},
                                       {"ss_base_model_version", "flux", "flux"},
                                       {"ss_base_model_version", "wan", "wan"},
                                       {"ss_base_model_version", "qwen_image", "qwen-image"},
                                       {"ss_base_model_version", "hunyuan_video", "hunyuan-video"}};
  for (const Statement& statement : kStatements)
    for (const auto& [key, value] : metadata)
      if (key == statement.key && value.starts_with(statement.beginning)) return statement.architecture;
  return "";
}

ArchitectureGuess of_rule(const ArchitectureRule& rule, const Found& found) {
  ArchitectureGuess guess{rule.architecture, rule.kind};
  const bool whole = (found.parts & kUnet) && (found.parts & (kText | kVaePart));
  if (whole) guess.kind = "checkpoint";
  if (found.parts & kControl) guess.kind = "controlnet";
  if (guess.kind != "controlnet" && found.in_channels == 9) guess.architecture += "-inpainting";
  if (guess.kind != "controlnet" && found.in_channels == 8) guess.architecture += "-pix2pix";
  return guess;
}

}  // namespace

std::string_view network_of(std::string_view architecture) {
  for (const std::string_view end : {"-inpainting", "-pix2pix", "-dev", "-schnell"})
    if (architecture.ends_with(end)) architecture.remove_suffix(end.size());
  return architecture;
}

ArchitectureGuess guess_architecture(const TensorTable& tensors, const Metadata& metadata, const Judgement& judgement) {
  Found found{.signs = std::vector<std::array<bool, 3>>(architecture_rules().size())};
  for (size_t i = 0; i < tensors.size(); ++i) look_at(tensors[i], found);
  ArchitectureGuess guess;
  if (judgement.holds == Holds::factors)
    guess = {adapter_network(tensors), sentence("adapter (", judgement.kind, ")")};
  else if (const ArchitectureRule* rule = first_rule(found))
    guess = of_rule(*rule, found);
  if (judgement.holds == Holds::codes)
    guess.kind += sentence(guess.kind.empty() ? "" : ", ", "quantized (", judgement.kind, ")");
  if (guess.architecture.empty()) guess.architecture = stated_architecture(metadata);
  return guess;
}

}  // namespace ckmerge
