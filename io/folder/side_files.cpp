// SPDX-License-Identifier: Apache-2.0
#include "io/folder/side_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "io/folder/pipeline_entries.h"
#include "io/folder/weight_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;
using std::string_view;

// The names that say it alone.
struct NamedRow {
  SideKind kind;
  string_view name;
};

// A name that begins and ends so; the first that fits holds.
struct Row {
  SideKind kind;
  string_view begin, end;

  bool fits(string_view name) const {
    return name.size() >= begin.size() + end.size() && name.starts_with(begin) && name.ends_with(end);
  }
};

using enum SideKind;
constexpr auto kNames = std::to_array<NamedRow>({
    {config, "config.json"},
    {card, "README.md"},
    {card, "mergekit_config.yml"},
    {quantized, "quantize_config.json"},
    {quantized, "quant_config.json"},
    {quantized, "hf_quant_config.json"},
    {training, "trainer_state.json"},
    {training, "zero_to_fp32.py"},
    {training, "latest"},
    {native_config, "params.json"},
    {carried, "merges.txt"},
    {carried, "special_tokens_map.json"},
    {carried, "added_tokens.json"},
    {carried, "normalizer.json"},
    {carried, "modules.json"},
    {carried, "tekken.json"},
});

constexpr auto kRows = std::to_array<Row>({
    {adapter, "adapter_", ""},
    {training, "optimizer", ""},
    {training, "scheduler", ".pt"},
    {training, "scheduler", ".bin"},
    {training, "scaler", ".pt"},
    {training, "rng_state", ""},
    {training, "random_states_", ""},
    {training, "training_args", ""},
    {training, "", "_results.json"},
    {training, "events.out.", ""},
    {code, "", ".py"},
    {weights, "", ".safetensors"},
    {weights, "", ".bin"},
    {weights, "", ".pt"},
    {weights, "", ".pth"},
    {weights, "", ".ckpt"},
    {weights, "", ".h5"},
    {weights, "", ".msgpack"},
    {weights, "", ".ot"},
    {weights, "", ".onnx"},
    {weights, "", ".onnx_data"},
    {weights, "", ".gguf"},
    {weights, "", ".npz"},
    {weights, "", ".distcp"},
    {weights, "", ".flashpack"},
    {weights, "", ".index.json"},
    {carried, "", "_config.json"},
    {carried, "config_", ".json"},
    {carried, "tokenizer", ""},
    {carried, "vocab", ""},
    {carried, "chat_template", ""},
    {carried, "", ".model"},
    {carried, "", ".tiktoken"},
    {carried, "", ".spm"},
    {carried, "", ".vocab"},
    {carried, "", ".bpe"},
    {carried, "", ".codes"},
    {carried, "", ".jinja"},
    {carried, "LICENSE", ""},
    {carried, "LICENCE", ""},
    {carried, "NOTICE", ""},
    {carried, "USE_POLICY", ""},
});

// What the hub's code is called; any other Python in a folder is its owner's.
constexpr auto kCode = std::to_array<string_view>({"modeling_", "modelling_", "configuration_", "tokenization_",
                                                   "processing_", "image_processing_", "feature_extraction_"});

constexpr auto kStems =
    std::to_array<string_view>({"model", "diffusion_pytorch_model", "pytorch_model", "consolidated"});

[[noreturn]] void fail(const fs::path& path, const std::string& what) {
  throw Error(ErrorCode::io, path.string(), sentence(path.string(), ": ", what));
}

// "model.safetensors.index.fp16.json".
bool is_index(string_view name) { return name.find(".index.") != name.npos && name.ends_with(".json"); }

bool is_weights(string_view name) {
  return side_kind(name) == weights && std::ranges::any_of(kStems, [&](string_view stem) {
           return name.starts_with(stem) && name.find_first_of("-.", stem.size()) == stem.size();
         });
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    entries.push_back(*entry);
  if (error) fail(folder, "cannot be read: " + error.message());
  std::ranges::sort(entries);
  return entries;
}

std::string name_of(const fs::directory_entry& entry) { return entry.path().filename().string(); }

// Of what a link leads to. Throws where it is not known; nothing at all is a kind, too.
fs::file_type type_of(const fs::directory_entry& entry) {
  std::error_code error;
  const fs::file_type type = entry.status(error).type();
  if (type == fs::file_type::none) fail(entry.path(), "cannot be examined: " + error.message());
  return type;
}

bool is_folder(const fs::directory_entry& entry) { return type_of(entry) == fs::file_type::directory; }

// "1_Pooling": a module of sentence-transformers behind the model, which modules.json names.
bool is_module(string_view folder) {
  const size_t digits = folder.find_first_not_of("0123456789");
  return digits != 0 && digits != folder.npos && folder[digits] == '_';
}

SideFile side_file(const fs::directory_entry& entry, const std::string& path) {
  SideFile file{.path = path, .kind = side_kind(name_of(entry))};
  const fs::file_type type = type_of(entry);
  if (type == fs::file_type::not_found && (file.kind == carried || file.kind == config))
    fail(entry.path(),
         "is a link to a file that is not there; complete the download, or give a whole copy of the folder");
  if (type != fs::file_type::regular) file.kind = other;
  if (file.kind == other) return file;
  std::error_code error;
  file.size = entry.file_size(error);
  if (error) fail(entry.path(), "cannot be examined: " + error.message());
  return file;
}

// All that a sub-folder holds, or the folder itself where not all of it is carried.
void add_folder(const fs::directory_entry& folder, std::vector<SideFile>& files) {
  const std::string name = name_of(folder);
  if (name != kChatTemplates && !is_module(name)) return files.push_back({.path = name + "/"});
  std::vector<SideFile> inside;
  for (const fs::directory_entry& entry : entries_of(folder.path()))
    if (!name_of(entry).starts_with('.')) inside.push_back(side_file(entry, name + "/" + name_of(entry)));
  const auto is_carried = [](const SideFile& file) { return file.kind == carried || file.kind == config; };
  if (!std::ranges::all_of(inside, is_carried)) return files.push_back({.path = name + "/"});
  for (SideFile& file : inside) {
    file.kind = carried;  // the config of a module is not that of the model
    files.push_back(std::move(file));
  }
}

bool is_own_code(string_view name) {
  return name.ends_with(".py") &&
         std::ranges::any_of(kCode, [&](string_view front) { return name.starts_with(front); });
}

// What a merge writes, or the hub has beside weights.
bool is_of_model(const fs::directory_entry& entry) {
  const std::string name = name_of(entry);
  if (entry.is_symlink()) return false;
  if (is_folder(entry)) {
    std::vector<SideFile> inside;
    add_folder(entry, inside);
    return std::ranges::none_of(inside, [](const SideFile& file) { return file.kind == other; });
  }
  switch (side_kind(name)) {
    case config:
    case native_config:
    case carried:
    case card:
    case quantized: return true;
    case code: return is_own_code(name);
    case weights: return is_weights(name);
    default: return name == ".gitattributes";
  }
}

}  // namespace

SideKind side_kind(string_view name) {
  if (is_index(name)) return weights;
  const auto named = std::ranges::find(kNames, name, &NamedRow::name);
  if (named != kNames.end()) return named->kind;
  const auto row = std::ranges::find_if(kRows, [&](const Row& candidate) { return candidate.fits(name); });
  return row == kRows.end() ? other : row->kind;
}

string_view reason(SideKind kind) {
  switch (kind) {
    case native_config: return "of weights in Mistral's own names";
    case weights: return "weights of another form";
    case adapter: return "an adapter";
    case quantized: return "said of weights that are codes";
    case training: return "left by a trainer";
    case code: return "code";
    case other: return "not known as a part of a model";
    default: return "";
  }
}

std::vector<SideFile> side_files(const std::string& folder) {
  std::vector<SideFile> files;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const std::string name = name_of(entry);
    if (name.starts_with('.')) continue;
    if (is_folder(entry))
      add_folder(entry, files);
    else
      files.push_back(side_file(entry, name));
  }
  return files;
}

std::string foreign_model_entry(const std::string& folder) {
  for (const fs::directory_entry& entry : entries_of(folder))
    if (!is_of_model(entry)) return name_of(entry);
  return "";
}

bool holds_model(const std::string& folder) {
  return std::ranges::any_of(entries_of(folder),
                             [](const fs::directory_entry& entry) { return is_weights(name_of(entry)); });
}

std::string foreign_adapter_entry(const std::string& folder) {
  for (const fs::directory_entry& entry : entries_of(folder)) {
    std::string name = name_of(entry);
    const bool is_known =
        is_adapter_name(name) || name == "adapter_config.json" || name == ".gitattributes" || side_kind(name) == card;
    if (!is_known || entry.is_symlink() || is_folder(entry)) return name;
  }
  return "";
}

bool holds_adapter(const std::string& folder) {
  return std::ranges::any_of(entries_of(folder),
                             [](const fs::directory_entry& entry) { return is_adapter_name(name_of(entry)); });
}

}  // namespace ckmerge
