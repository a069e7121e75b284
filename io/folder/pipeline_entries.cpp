// SPDX-License-Identifier: Apache-2.0
// Names as save_pretrained of diffusers 0.42 and transformers 5.24 writes them.
#include "io/folder/pipeline_entries.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "io/folder/pipeline_index.h"
#include "io/folder/side_files.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

// With a number behind an underscore they are further ones.
constexpr auto kComponents =
    std::to_array<string_view>({"transformer", "unet", "vae", "text_encoder", "prior", "decoder", "image_encoder",
                                "audio_vae", "vocoder", "connectors", "controlnet", "safety_checker"});
constexpr auto kOthers =
    std::to_array<string_view>({"tokenizer", "scheduler", "feature_extractor", "image_processor", "processor"});

// The files of configs, schedulers, tokenizers and processors.
constexpr auto kConfigs = std::to_array<string_view>(
    {"config.json", "generation_config.json", "scheduler_config.json", "preprocessor_config.json",
     "processor_config.json", "video_preprocessor_config.json", "tokenizer_config.json", "tokenizer.json",
     "tokenizer.model", "special_tokens_map.json", "added_tokens.json", "chat_template.json", "chat_template.jinja",
     "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "sentencepiece.bpe.model"});

constexpr auto kStems =
    std::to_array<string_view>({"diffusion_pytorch_model", "model", "pytorch_model", "diffusion_flax_model"});
constexpr auto kVariants = std::to_array<string_view>({".fp16", ".bf16", ".fp32", ".non_ema"});
constexpr auto kEndings =
    std::to_array<string_view>({".safetensors", ".bin", ".safetensors.index.json", ".bin.index.json"});

bool is_one_of(std::span<const string_view> names, string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_numbered(std::span<const string_view> known, string_view name) {
  return std::ranges::any_of(known, [&](string_view front) {
    if (!name.starts_with(front)) return false;
    const string_view rest = name.substr(front.size());
    return rest.empty() || (rest.size() == 2 && rest[0] == '_' && rest[1] >= '2' && rest[1] <= '9');
  });
}

// "-00001-of-00003" in front of `rest`, which is taken off.
void take_number(string_view& rest) {
  constexpr string_view kNumber = "-00000-of-00000";
  const auto fits = [](char wanted, char c) { return wanted == '0' ? c >= '0' && c <= '9' : c == wanted; };
  if (rest.size() >= kNumber.size() && std::equal(kNumber.begin(), kNumber.end(), rest.begin(), fits))
    rest.remove_prefix(kNumber.size());
}

void take_variant(string_view& rest) {
  const auto variant = std::ranges::find_if(kVariants, [&](string_view front) { return rest.starts_with(front); });
  if (variant != kVariants.end()) rest.remove_prefix(variant->size());
}

// A variant stands on either side of a shard's number.
bool is_weights(string_view name) {
  return std::ranges::any_of(kStems, [&](string_view stem) {
    if (!name.starts_with(stem)) return false;
    string_view rest = name.substr(stem.size());
    take_variant(rest);
    take_number(rest);
    take_variant(rest);
    return is_one_of(kEndings, rest);
  });
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(*entry);
  if (error)
    throw Error(ErrorCode::io, folder.string(), sentence(folder.string(), ": cannot be read: ", error.message()));
  std::ranges::sort(entries);
  return entries;
}

// Not where a link leads.
bool is_file(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.symlink_status(error).type() == fs::file_type::regular;
}

bool is_plain_folder(const fs::directory_entry& entry) {
  std::error_code error;
  return entry.symlink_status(error).type() == fs::file_type::directory;
}

bool holds_chat_templates(const fs::directory_entry& folder) {
  return is_plain_folder(folder) && folder.path().filename() == kChatTemplates &&
         std::ranges::all_of(entries_of(folder.path()), [](const fs::directory_entry& entry) {
           return is_file(entry) && entry.path().extension() == ".jinja";
         });
}

// As merges carry it from a pipeline's sub-folders.
bool is_carried(string_view name) {
  const SideKind kind = side_kind(name);
  return kind == SideKind::carried || kind == SideKind::config;
}

// Beside the sub-folders: the index, the card, what the hub has there.
bool is_of_whole(string_view name) {
  return name == "model_index.json" || name == "README.md" || name == ".gitattributes" ||
         side_kind(name) == SideKind::carried;
}

// What is to be replaced may be broken.
std::optional<PipelineIndex> readable_index(const std::string& folder) try {
  return pipeline_index(folder);
} catch (const Error&) {
  return std::nullopt;
}

std::string foreign_file(const fs::path& folder) {
  for (const fs::directory_entry& entry : entries_of(folder))
    if (std::string name = entry.path().filename().string();
        !holds_chat_templates(entry) &&
        (!is_file(entry) || !(is_one_of(kConfigs, name) || is_weights(name) || is_carried(name))))
      return name;
  return "";
}

}  // namespace

bool is_component_name(string_view folder) { return is_numbered(kComponents, folder); }

bool is_pipeline_folder(string_view folder) { return is_component_name(folder) || is_numbered(kOthers, folder); }

std::string foreign_entry(const std::string& folder) {
  const std::optional<PipelineIndex> index = readable_index(folder);
  for (const fs::directory_entry& entry : entries_of(folder)) {
    std::string name = entry.path().filename().string();
    if (is_file(entry) && is_of_whole(name)) continue;
    if (!is_plain_folder(entry) || !(is_pipeline_folder(name) || (index && index->find(name)))) return name;
    if (const std::string file = foreign_file(entry.path()); !file.empty()) return name + "/" + file;
  }
  return "";
}

bool holds_pipeline(const std::string& folder) {
  std::error_code error;
  if (fs::exists(fs::path(folder) / "model_index.json", error)) return true;
  const auto is_weights_file = [](const fs::directory_entry& file) {
    return is_weights(file.path().filename().string());
  };
  return std::ranges::any_of(entries_of(folder), [&](const fs::directory_entry& entry) {
    return is_plain_folder(entry) && is_component_name(entry.path().filename().string()) &&
           std::ranges::any_of(entries_of(entry.path()), is_weights_file);
  });
}

}  // namespace ckmerge
