// SPDX-License-Identifier: Apache-2.0
#include "io/hash/checkpoint_names.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "io/hash/sha256.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// Python's os.path.splitext: dots at the beginning of a base name begin no extension.
std::string_view without_extension(std::string_view path) {
  const size_t base = path.rfind('/') + 1;  // npos + 1 is 0
  const size_t first = path.find_first_not_of('.', base);
  const size_t dot = path.rfind('.');
  if (dot == path.npos || first == path.npos || dot < first) return path;
  return path.substr(0, dot);
}

// In the words of Python's os.path: the head of the path, and its tail.
std::pair<std::string_view, std::string_view> split(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Of the first shard, which stands for all of them: "model" of "model-00001-of-00003".
std::string_view without_number(std::string_view name) {
  constexpr std::string_view kFirst = "-00001-of-";
  constexpr size_t kDigits = 5;
  if (name.size() <= kFirst.size() + kDigits) return name;
  const std::string_view front = name.substr(0, name.size() - kDigits);
  const bool has_count = name.find_last_not_of("0123456789") == front.size() - 1;
  return has_count && front.ends_with(kFirst) ? front.substr(0, front.size() - kFirst.size()) : name;
}

bool is_weights_of_folder(std::string_view file) {
  constexpr std::string_view kWeights[] = {
      "diffusion_pytorch_model", "diffusion_pytorch_model.fp16", "model",        "model.fp16",
      "pytorch_model",           "pytorch_model.fp16",           "adapter_model"};
  return std::ranges::find(kWeights, without_number(without_extension(file))) != std::end(kWeights);
}

// Folders inside of a pipeline's, which are called alike themselves.
bool is_of_pipeline(std::string_view folder) {
  constexpr std::string_view kFolders[] = {"transformer",   "unet",           "vae",         "controlnet",
                                           "image_encoder", "safety_checker", "text_encoder"};
  if (const size_t end = folder.find_last_not_of("0123456789"); end != folder.npos && folder[end] == '_')
    folder = folder.substr(0, end);
  return std::ranges::find(kFolders, folder) != std::end(kFolders);
}

}  // namespace

std::string_view telling_name(std::string_view path) {
  const auto [folder, file] = split(path);
  if (folder.empty() || !is_weights_of_folder(file)) return file;
  const auto [above, own] = split(folder);
  const size_t most = own.size() + 1 + file.size();
  const std::string_view pipeline = is_of_pipeline(own) ? split(above).second : "";
  return path.substr(path.size() - most - (pipeline.empty() ? 0 : pipeline.size() + 1));
}

CheckpointNames checkpoint_names(std::string_view name, std::string_view legacy_hash, std::string_view sha256) {
  CheckpointNames out;
  out.name = name;
  const std::string_view telling = telling_name(name);
  const bool of_folder = telling.find('/') != telling.npos;
  out.name_for_extra = of_folder ? split(telling).first : without_extension(telling);
  std::string flat(name);
  for (char& c : flat)
    if (c == '/' || c == '\\') c = '_';
  out.model_name = without_extension(flat);
  out.short_hash = short_hash(sha256);
  const auto with = [](std::string_view text, std::string_view hash) { return sentence(text, " [", hash, "]"); };
  const std::string plain(of_folder ? split(name).first : name);
  out.title = sha256.empty() ? plain : with(plain, out.short_hash);
  out.short_title = sha256.empty() ? out.name_for_extra : with(out.name_for_extra, out.short_hash);
  std::vector<std::string> all{std::string(legacy_hash), out.model_name, out.title, plain, out.name,
                               out.name_for_extra};
  if (!legacy_hash.empty()) all.push_back(with(name, legacy_hash));
  if (!sha256.empty())
    for (const std::string& alias : {out.short_hash, std::string(sha256), out.short_title}) all.push_back(alias);
  for (const std::string& alias : all)
    if (!alias.empty() && std::ranges::find(out.aliases, alias) == out.aliases.end()) out.aliases.push_back(alias);
  return out;
}

}  // namespace ckmerge
