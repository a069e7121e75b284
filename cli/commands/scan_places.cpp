// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/scan_places.h"

#include <algorithm>
#include <filesystem>

#include "cli/options/faults.h"
#include "io/file/folder_walk.h"
#include "io/file/input_file.h"
#include "io/registry/model_paths.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

struct KnownFolder {
  const char *path, *kind;
};

// Below an A1111 or Forge installation. What is there under other names belongs to extensions.
constexpr KnownFolder kA1111[] = {
    {"models/Stable-diffusion", "checkpoints"},
    {"models/VAE", "vae"},
    {"models/Lora", "loras"},
    {"models/LyCORIS", "loras"},
    {"models/hypernetworks", "hypernetworks"},
    {"embeddings", "embeddings"},
    {"models/ControlNet", "controlnet"},
    {"models/text_encoder", "text_encoders"},
    {"models/ESRGAN", "upscale_models"},
    {"models/RealESRGAN", "upscale_models"},
};
// Where ComfyUI's save nodes write.
constexpr KnownFolder kComfyOutput[] = {
    {"output/checkpoints", "checkpoints"},
    {"output/diffusion_models", "diffusion_models"},
    {"output/vae", "vae"},
    {"output/clip", "text_encoders"},
    {"output/loras", "loras"},
};

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_yaml(const std::string& path) {
  std::error_code error;
  return (path.ends_with(".yaml") || path.ends_with(".yml")) && fs::is_regular_file(path, error);
}

class Places {
 public:
  explicit Places(const std::string& home) : home_(home) {}

  void add_named(const std::string& place) {
    const std::string path = real_path(place);
    if (is_yaml(path)) return add_yaml(path);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (error) throw Error(ErrorCode::io, place, place + ": cannot be examined: " + error.message());
    if (!fs::is_directory(status))
      throw Error(ErrorCode::usage, place,
                  place + ": is neither a folder nor an extra_model_paths.yaml; give a folder");
    if (is_folder(path + "/models/Stable-diffusion")) return add_known(path, kA1111);
    if (is_folder(path + "/models/checkpoints")) return add_comfyui(path);
    add(path, "");
  }

  ScanPlaces places() { return std::move(out_); }

 private:
  void add(const std::string& path, const std::string& kind) {
    const std::string real = real_path(path);
    const auto known = std::ranges::find(out_.roots, real, &RegistryRoot::path);
    if (known == out_.roots.end()) out_.roots.push_back({real, kind});
  }

  void add_known(const std::string& folder, std::span<const KnownFolder> known) {
    for (const auto& [path, kind] : known)
      if (is_folder(folder + "/" + path)) add(folder + "/" + path, kind);
  }

  void add_comfyui(const std::string& folder) {
    std::vector<std::string> kinds;
    std::error_code error;
    for (fs::directory_iterator entry(folder + "/models", error), end; !error && entry != end; entry.increment(error))
      if (is_folder(entry->path().string())) kinds.push_back(entry->path().filename().string());
    if (error) throw Error(ErrorCode::io, folder, folder + ": its models cannot be searched: " + error.message());
    std::ranges::sort(kinds);
    for (const std::string& kind : kinds)
      if (kind != "configs") add(folder + "/models/" + kind, kind);
    add_known(folder, kComfyOutput);
    if (is_yaml(folder + "/extra_model_paths.yaml")) add_yaml(folder + "/extra_model_paths.yaml");
  }

  void add_yaml(const std::string& path) {
    const InputFile file(path);
    std::string text(std::min<uint64_t>(file.size(), (1 << 20) + 1), '\0');
    file.read_at(0, std::as_writable_bytes(std::span(text)));
    for (const ModelPlace& folder : parse_model_paths(text, path, home_)) {
      if (folder.kind == "configs" || folder.kind == "custom_nodes") continue;
      if (is_folder(folder.path))
        add(folder.path, folder.kind);
      else
        out_.warnings.push_back(path + ": its " + folder.kind + " folder " + folder.path + " is not there");
    }
  }

  const std::string& home_;
  ScanPlaces out_;
};

}  // namespace

ScanPlaces scan_places(const std::vector<std::string>& named, const std::string& home) {
  Places places(home);
  Faults faults;
  for (const std::string& place : named) faults.check([&] { places.add_named(place); });
  faults.raise();
  return places.places();
}

}  // namespace ckmerge::cli
