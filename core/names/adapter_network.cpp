// SPDX-License-Identifier: Apache-2.0
#include "core/names/adapter_network.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <charconv>
#include <optional>

namespace ckmerge {
namespace {

using std::string_view;

// Longer names are of no network; a file may have names of megabytes.
constexpr size_t kLongestName = 300;

// Part of a path with underscores in place of dots and # in place of numbers; with ^ its beginning, with $ its end.
struct Sign {
  string_view fragment;
  const char* network;
  uint64_t width = 0;  // of the inputs; 0: any
};

// Special cases stand before what they are special cases of. Flux.2 has the names of Flux.1 but in its modulations; its
// widths are those of its three sizes.
constexpr auto kSigns = std::to_array<Sign>({
    {"to_qkv_mlp_proj", "flux2"},
    {"double_stream_modulation_img", "flux2"},
    {"double_stream_modulation_txt", "flux2"},
    {"single_stream_modulation", "flux2"},
    {"single_blocks_#_linear2", "flux2", 24576},
    {"single_blocks_#_linear2", "flux2", 16384},
    {"single_blocks_#_linear2", "flux2", 12288},
    {"double_blocks_#_img_attn_qkv", "flux2", 6144},
    {"double_blocks_#_img_attn_qkv", "flux2", 4096},
    {"txt_mode_blocks", "flux3"},
    {"single_blocks_#_q_proj", "flux3"},
    {"single_transformer_blocks_#_ff_linear_in", "flux3"},
    {"double_layers", "auraflow"},
    {"joint_transformer_blocks", "auraflow"},
    {"distilled_guidance_layer", "chroma"},
    {"individual_token_refiner", "hunyuan-video", 3072},
    {"token_refiner_refiner_blocks", "hunyuan-video", 3072},
    {"double_blocks_#_img_mod_linear", "hunyuan-video", 3072},
    {"single_blocks_#_modulation_linear", "hunyuan-video", 3072},
    {"joint_blocks", "sd3"},
    {"transformer_blocks_#_attn_to_q", "sd3", 1536},
    {"transformer_blocks_#_attn_to_q", "sd3", 2432},
    {"transformer_blocks_#_img_mlp_gate_up", "qwen-image-2.1"},
    {"transformer_blocks_#_img_mlp_gate_layer", "qwen-image-2.1"},
    {"transformer_blocks_#_img_mlp", "qwen-image"},
    {"transformer_blocks_#_img_mod", "qwen-image"},
    {"transformer_blocks_#_attn_to_gate", "krea2"},
    {"double_stream_blocks", "hidream"},
    {"^blocks_#_self_attn_q$", "wan"},
    {"^blocks_#_self_attn_k$", "wan"},
    {"^blocks_#_self_attn_v$", "wan"},
    {"^blocks_#_cross_attn_q$", "wan"},
    {"^blocks_#_cross_attn_k$", "wan"},
    {"^blocks_#_cross_attn_v$", "wan"},
    {"^blocks_#_ffn_net_#_proj", "wan"},
    {"^blocks_#_attn1_to_q", "wan", 1536},
    {"^blocks_#_attn1_to_q", "wan", 5120},
    {"^layers_#_attention_to_q", "z-image"},
    {"^layers_#_attention_qkv", "z-image", 3840},
    {"^layers_#_attention_qkv", "lumina2", 2304},
    {"double_blocks_#_img_attn", "flux"},
    {"double_blocks_#_txt_attn", "flux"},
    {"double_blocks_#_img_mlp", "flux"},
    {"double_blocks_#_txt_mlp", "flux"},
    {"single_blocks_#_linear1", "flux"},
    {"single_blocks_#_linear2", "flux"},
    {"single_transformer_blocks_#_attn_to", "flux"},
    {"single_transformer_blocks_#_proj_mlp", "flux"},
    {"block_sparse_moe", "mixtral"},
    {"kv_a_proj_with_mqa", "deepseek"},
    {"self_attn_qkv_proj", "phi3"},
    {"gpt_neox_layers", "gpt-neox"},
    {"SelfAttention", "t5"},
    {"EncDecAttention", "t5"},
    {"DenseReluDense", "t5"},
});

constexpr auto kUnetBlocks = std::to_array<string_view>(
    {"input_blocks_", "output_blocks_", "middle_block_", "down_blocks_", "up_blocks_", "mid_block_"});

// Whose names begin the paths of modules that only a network of one naming has.
struct Beginning {
  string_view text;
  ModuleNaming naming;
};
constexpr auto kBeginnings = std::to_array<Beginning>({
    {"input_blocks_", ModuleNaming::original},
    {"output_blocks_", ModuleNaming::original},
    {"middle_block_", ModuleNaming::original},
    {"down_blocks_", ModuleNaming::diffusers},
    {"up_blocks_", ModuleNaming::diffusers},
    {"mid_block_", ModuleNaming::diffusers},
    {"double_blocks_", ModuleNaming::original},
    {"single_blocks_", ModuleNaming::original},
    {"joint_blocks_", ModuleNaming::original},
    {"transformer_blocks_", ModuleNaming::diffusers},
    {"single_transformer_blocks_", ModuleNaming::diffusers},
    {"blocks_#_self_attn_", ModuleNaming::original},
    {"blocks_#_cross_attn_", ModuleNaming::original},
    {"blocks_#_ffn_net_", ModuleNaming::diffusers},
    {"blocks_#_ffn_", ModuleNaming::original},
    {"blocks_#_attn1_", ModuleNaming::diffusers},
    {"blocks_#_attn2_", ModuleNaming::diffusers},
    {"layers_#_attention_to_", ModuleNaming::diffusers},
    {"^layers_#_attention_qkv", ModuleNaming::original},
    {"layers_#_attention_out", ModuleNaming::original},
});

constexpr auto kFactors = std::to_array<string_view>({".lora", ".hada_", ".lokr_", ".alpha", ".dora_", ".diff", ".oft_",
                                                      ".w_norm", ".b_norm", ".weight", ".processor."});

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "double_blocks_#_img_attn_qkv" of "double_blocks.19.img_attn.qkv".
std::string folded(string_view name) {
  std::string out;
  for (size_t i = 0; i < name.size(); ++i) {
    const bool begins = i == 0 || name[i - 1] == '.' || name[i - 1] == '_';
    size_t end = i;
    while (end < name.size() && is_digit(name[end])) ++end;
    const bool ends = end == name.size() || name[end] == '.' || name[end] == '_';
    if (begins && ends && end > i) {
      out += '#';
      i = end - 1;
    } else {
      out += name[i] == '.' ? '_' : name[i];
    }
  }
  return out;
}

string_view without_fronts(string_view module) {
  constexpr auto kFronts =
      std::to_array<string_view>({"base_model.model.", "model.diffusion_model.", "diffusion_model.", "transformer.",
                                  "unet.", "lora_unet_", "lora_transformer_", "lycoris_"});
  for (const string_view front : kFronts)
    if (module.starts_with(front)) module.remove_prefix(front.size());
  return module;
}

string_view module_of(string_view tensor) {
  size_t end = tensor.size();
  for (const string_view factor : kFactors) end = std::min(end, tensor.find(factor));
  return tensor.substr(0, end);
}

bool has_part(string_view path, string_view fragment) {
  const bool at_begin = fragment.starts_with('^'), at_end = fragment.ends_with('$');
  if (at_begin) fragment.remove_prefix(1);
  if (at_end) fragment.remove_suffix(1);
  for (size_t at = path.find(fragment); at != path.npos; at = path.find(fragment, at + 1)) {
    const size_t end = at + fragment.size();
    const bool begins = at == 0 || (!at_begin && path[at - 1] == '_');
    if (begins && (end == path.size() || (!at_end && path[end] == '_'))) return true;
  }
  return false;
}

// The number behind `word`, which must begin a part of the name.
std::optional<uint32_t> number_behind(string_view module, string_view word) {
  for (size_t at = module.find(word); at != module.npos; at = module.find(word, at + 1)) {
    const size_t digits = at + word.size() + 1;
    if ((at > 0 && module[at - 1] != '.' && module[at - 1] != '_') || digits > module.size()) continue;
    uint32_t number = 0;
    if (std::from_chars(module.data() + digits, module.data() + module.size(), number).ec == std::errc()) return number;
  }
  return std::nullopt;
}

// Of the factor that reads the inputs of a matrix, how many they are; 0: it is none.
uint64_t width_of(const Tensor& tensor) {
  constexpr auto kReading = std::to_array<string_view>(
      {"lora_down.weight", "lora.down.weight", "lora_A.weight", "lora_A.default.weight", "hada_w1_b", "hada_w2_b"});
  const bool reads = std::ranges::any_of(kReading, [&](string_view factor) { return tensor.name.ends_with(factor); });
  return reads && tensor.shape.size() >= 2 ? tensor.shape[1] : 0;
}

class Evidence {
 public:
  void add(const Tensor& tensor) {
    const string_view module = module_of(tensor.name);
    const std::string path = folded(without_fronts(module));
    const uint64_t width = width_of(tensor);
    if (is_of_encoder(module)) return add_encoder(module, path, width);
    if (std::ranges::any_of(kUnetBlocks, [&](string_view block) { return path.find(block) != path.npos; }))
      return add_unet(module, path, width);
    for (size_t k = 0; k < kSigns.size(); ++k)
      if ((kSigns[k].width == 0 || kSigns[k].width == width) && has_part(path, kSigns[k].fragment)) found_.set(k);
    const auto behind = [&](const char* word) { return number_behind(module, word); };
    if (const auto single = behind("single_blocks") ? behind("single_blocks") : behind("single_transformer_blocks"))
      highest_single_ = std::max(highest_single_, *single);
    else if (const auto both = behind("double_blocks") ? behind("double_blocks") : behind("transformer_blocks"))
      highest_double_ = std::max(highest_double_, *both);
    if (has_part(path, "attn_to_q") || has_part(path, "img_attn_qkv"))
      width_of_attention_ = std::max(width, width_of_attention_);
    if (has_part(path, "^h_#_attn_c_attn$")) add_fused(tensor, width);
  }

  std::string network() const {
    if (!unet_.empty()) return unet_;
    for (size_t k = 0; k < kSigns.size(); ++k)
      if (found_.test(k)) return with_its_blocks(kSigns[k].network);
    if (highest_double_ > 19 && width_of_attention_ == 3072) return "qwen-image";
    if (inputs_ > 0 && outputs_ == 3 * inputs_) return "gpt2";
    return encoder_;
  }

 private:
  static bool is_of_encoder(string_view module) {
    return module.starts_with("lora_te") || module.starts_with("text_encoder");
  }

  // Flux.1 has 19 and 38 blocks, Hunyuan Video, whose blocks are called alike, 20 and 40.
  std::string with_its_blocks(string_view network) const {
    if (network != "flux" || (highest_double_ < 19 && highest_single_ < 38)) return std::string(network);
    return width_of_attention_ == 3072 || width_of_attention_ == 0 ? "hunyuan-video" : "";
  }

  void add_unet(string_view module, string_view path, uint64_t width) {
    if (has_part(path, "attn2_to_k") || has_part(path, "attn2_to_v"))
      unet_ = width == 768    ? "sd1"
              : width == 1024 ? "sd2"
              : width == 1280 ? "sdxl-refiner"
              : width == 2048 ? "sdxl"
                              : unet_;
    if (unet_.empty() && number_behind(module, "transformer_blocks").value_or(0) > 3) unet_ = "sdxl";
  }

  // CLIP-L alone is of many. The second of Flux is a T5.
  void add_encoder(string_view module, string_view path, uint64_t width) {
    const bool is_second = module.starts_with("lora_te2_") || module.starts_with("text_encoder_2.");
    const bool is_clip = path.find("encoder_layers_#_") != path.npos;
    if (!is_clip) return;
    if (is_second) encoder_ = "sdxl";
    if (module.starts_with("lora_te_") && width > 0 && encoder_.empty()) encoder_ = "sd1";
    if ((module.starts_with("lora_te_") || module.starts_with("text_encoder.")) && width == 1024) encoder_ = "sd2";
  }

  // Of GPT-2's three in one; others that are called so have fewer outputs.
  void add_fused(const Tensor& tensor, uint64_t width) {
    if (width > 0) inputs_ = width;
    if (tensor.name.ends_with("lora_B.weight") && tensor.shape.size() == 2) outputs_ = tensor.shape[0];
  }

  std::bitset<kSigns.size()> found_;
  std::string unet_, encoder_;
  uint32_t highest_double_ = 0, highest_single_ = 0;
  uint64_t width_of_attention_ = 0, inputs_ = 0, outputs_ = 0;
};

}  // namespace

std::string adapter_network(const TensorTable& tensors) {
  Evidence evidence;
  for (size_t row = 0; row < tensors.size(); ++row)
    if (tensors.name(row).size() <= kLongestName) evidence.add(tensors[row]);
  return evidence.network();
}

ModuleNaming module_naming(string_view path) {
  if (path.size() > kLongestName) return ModuleNaming::unknown;
  const std::string from = folded(path);
  const auto found =
      std::ranges::find_if(kBeginnings, [&](const Beginning& beginning) { return from.starts_with(beginning.text); });
  return found == kBeginnings.end() ? ModuleNaming::unknown : found->naming;
}

}  // namespace ckmerge
