// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/module_names.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using std::string_view;

// What names begin with, and which component that is.
struct Front {
  string_view spelled, component;
};
constexpr std::array<Front, 15> kFronts{{
    {"lora_unet_", "unet"},
    {"lora_transformer_", "unet"},
    {"lora_te_", "te1"},
    {"lora_te1_", "te1"},
    {"lora_te2_", "te2"},
    {"lora_te3_", "te3"},
    {"base_model.model.", "model"},
    {"diffusion_model.", "unet"},
    {"model.diffusion_model.", "unet"},
    {"transformer.", "unet"},
    {"unet.", "unet"},
    {"text_encoder.", "te1"},
    {"text_encoder_2.", "te2"},
    {"text_encoder_3.", "te3"},
    {"lycoris_", "unet"},
}};

const Front* front_of(string_view name) {
  const auto found = std::ranges::find_if(kFronts, [&](const Front& front) { return name.starts_with(front.spelled); });
  return found == kFronts.end() ? nullptr : &*found;
}

// Behind the component.
string_view path_of(string_view name) {
  const Front* const front = front_of(name);
  return front ? name.substr(front->spelled.size()) : name;
}

std::string with_underscores(string_view path) {
  std::string out(path);
  std::ranges::replace(out, '.', '_');
  return out;
}

// The numbers behind `word` in a path of underscores, one or two of them, with `between` in the midst.
struct Numbers {
  int first = -1, second = -1;
  string_view rest = {};
};
std::optional<Numbers> numbers_behind(string_view path, string_view word) {
  const size_t at = path.find(word);
  if (at == string_view::npos || (at > 0 && path[at - 1] != '_')) return std::nullopt;
  Numbers out;
  out.rest = path.substr(at + word.size());
  const auto take = [&](int& number) {
    const auto [end, error] = std::from_chars(out.rest.data(), out.rest.data() + out.rest.size(), number);
    if (error != std::errc()) return false;
    out.rest.remove_prefix(static_cast<size_t>(end - out.rest.data()));
    return true;
  };
  if (!take(out.first)) return std::nullopt;
  for (const string_view part : {"_attentions_", "_resnets_", "_downsamplers_", "_upsamplers_"})
    if (out.rest.starts_with(part)) {
      out.rest.remove_prefix(part.size());
      take(out.second);
      out.rest = part;
      break;
    }
  return out;
}

std::string numbered(const char* group, int number) { return sentence(group, number < 10 ? "0" : "", number); }

// Diffusers' blocks have three of the publisher's each.
std::string block_of_diffusers(string_view path) {
  if (const auto down = numbers_behind(path, "down_blocks_"); down && down->second >= 0)
    return numbered("IN", 3 * down->first + (down->rest == "_downsamplers_" ? 3 : 1 + down->second));
  if (const auto up = numbers_behind(path, "up_blocks_"); up && up->second >= 0)
    return numbered("OUT", 3 * up->first + (up->rest == "_upsamplers_" ? 2 : up->second));
  return path.find("mid_block_") != string_view::npos ? "M00" : "BASE";
}

std::vector<std::string> range(const char* group, int first, int last) {
  std::vector<std::string> out;
  for (int number = first; number <= last; ++number) out.push_back(numbered(group, number));
  return out;
}

std::vector<std::string> joined(std::initializer_list<std::vector<std::string>> parts) {
  std::vector<std::string> out;
  for (const std::vector<std::string>& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

std::string_view component_of_module(string_view name) {
  const Front* const front = front_of(name);
  if (front && front->component != "model") return front->component;
  return naming_of_module(name) == ModuleNaming::unknown ? "model" : "unet";
}

ModuleNaming naming_of_module(string_view name) { return module_naming(path_of(name)); }

// CLIP of transformers 5 has no text_model.
std::string folded_module_name(string_view name) {
  const string_view component = component_of_module(name);
  string_view path = path_of(name);
  for (const string_view model : {"text_model.", "text_model_"})
    if (component.starts_with("te") && path.starts_with(model)) path.remove_prefix(model.size());
  return sentence(component, "_", with_underscores(path));
}

bool is_of_encoder(string_view name) {
  const Front* const front = front_of(name);
  return front && front->component.starts_with("te");
}

std::optional<std::string> respelled(string_view name, AdapterSpelling from, AdapterSpelling to, bool sole_encoder) {
  if (from == to) return std::string(name);
  if (from == AdapterSpelling::kohya) return std::nullopt;
  const Front* const front = front_of(name);
  const string_view path = front ? name.substr(front->spelled.size()) : name;
  const string_view component = front ? front->component : "model";
  if (to == AdapterSpelling::peft) return sentence("base_model.model.", path);
  if (to == AdapterSpelling::diffusers) return sentence(component == "unet" ? "transformer." : "", path);
  if (component == "model") return std::nullopt;
  const bool is_publishers = name.starts_with("diffusion_model.") || name.starts_with("unet.");
  const string_view kohya = component == "unet"  ? (is_publishers ? "lora_unet_" : "lora_transformer_")
                            : component == "te1" ? (sole_encoder ? "lora_te_" : "lora_te1_")
                            : component == "te2" ? "lora_te2_"
                                                 : "lora_te3_";
  return sentence(kohya, with_underscores(path));
}

std::string module_block(string_view name) {
  if (is_of_encoder(name)) return "BASE";
  const std::string path = folded_module_name(name);
  if (const auto block = numbers_behind(path, "input_blocks_")) return numbered("IN", block->first);
  if (const auto block = numbers_behind(path, "output_blocks_")) return numbered("OUT", block->first);
  if (path.find("middle_block_") != std::string::npos) return "M00";
  if (const auto block = numbers_behind(path, "double_blocks_")) return numbered("D", block->first);
  if (const auto block = numbers_behind(path, "single_blocks_")) return numbered("S", block->first);
  if (const auto block = numbers_behind(path, "single_transformer_blocks_")) return numbered("S", block->first);
  if (path.starts_with("unet_transformer_blocks_"))
    if (const auto block = numbers_behind(path, "transformer_blocks_")) return numbered("D", block->first);
  return block_of_diffusers(path);
}

std::vector<std::string> blocks_of_list(size_t count) {
  const std::vector<std::string> base{"BASE"}, middle{"M00"};
  switch (count) {
    case 12: return joined({base, range("IN", 4, 5), range("IN", 7, 8), middle, range("OUT", 0, 5)});
    case 17:
      return joined({base, range("IN", 1, 2), range("IN", 4, 5), range("IN", 7, 8), middle, range("OUT", 3, 11)});
    case 20: return joined({base, range("IN", 0, 8), middle, range("OUT", 0, 8)});
    case 26: return joined({base, range("IN", 0, 11), middle, range("OUT", 0, 11)});
    case 61: return joined({{"BASE", "T5", "IN"}, range("D", 0, 18), range("S", 0, 37), {"OUT"}});
    default: return {};
  }
}

double strength_in_list(std::span<const double> list, string_view module) {
  const std::vector<std::string> blocks = blocks_of_list(list.size());
  const auto found = std::ranges::find(blocks, module_block(module));
  return found == blocks.end() ? 1 : list[static_cast<size_t>(found - blocks.begin())];
}

}  // namespace ckmerge
