// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/config_files.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "core/read/staging.h"
#include "io/file/input_file.h"
#include "io/file/output_file.h"
#include "io/folder/pipeline_entries.h"
#include "io/folder/pipeline_index.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxSize = uint64_t{64} << 20;   // tokenizers of 256,000 words take 34 MB
constexpr uint64_t kMaxConfig = uint64_t{1} << 20;  // published ones have some kB

constexpr auto kWeights = std::to_array<std::string_view>(
    {".safetensors", ".sft", ".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx", ".onnx_data", ".gguf",
     ".index.json", ".png", ".jpg", ".jpeg", ".webp", ".gif", ".mp4"});

bool is_config(const std::string& name) {
  const auto ends = [&](std::string_view end) { return name.ends_with(end); };
  return !name.starts_with('.') && std::ranges::none_of(kWeights, ends);
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::usage, "--config-from", "--config-from: " + what);
}

bool is_of_pipeline(const std::string& sub_folder, const std::optional<PipelineIndex>& index) {
  return is_pipeline_folder(sub_folder) || (index && index->find(sub_folder));
}

// Beside the sub-folders the index alone is taken: what is said there of the model is not true of another.
void add_files(const fs::path& folder, const fs::path& below, std::vector<std::string>& files) {
  const std::optional<PipelineIndex> index = below.empty() ? pipeline_index(folder) : std::nullopt;
  const auto goes_down = [&](const std::string& name) {
    return below.empty() ? is_of_pipeline(name, index) : name == kChatTemplates;
  };
  std::error_code error;
  for (fs::directory_iterator entry(folder / below, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code unknown;
    if (entry->is_directory(unknown) && goes_down(name)) add_files(folder, below / name, files);
    if (entry->is_symlink(unknown) && !entry->exists(unknown))
      refuse(entry->path().string() + " is a link to a file that is not there; complete the download");
    if (!entry->is_regular_file(unknown) || !is_config(name)) continue;
    if (below.empty() && name != "model_index.json") continue;
    if (entry->file_size(unknown) > kMaxSize)
      refuse(entry->path().string() + " is too large for a config; move it away, or give another folder");
    files.push_back((below / name).string());
  }
  if (error) refuse((folder / below).string() + " cannot be read: " + error.message());
}

constexpr uint64_t kPiece = uint64_t{4} << 20;  // a multiple of OutputFile::kAlignment

// `read` fills what it is given with the bytes from an offset on.
template <typename Read>
void write(const std::string& to, uint64_t size, bool sync, const Read& read) {
  Staging staging(kPiece);
  OutputFile file(to, size, {}, {.sync = sync, .sync_folder = false});
  for (uint64_t offset = 0; offset < size; offset += kPiece) {
    const std::span<std::byte> piece = staging.first(std::min(kPiece, size - offset));
    read(offset, piece);
    file.write_at(offset, piece);
  }
  file.commit();
}

}  // namespace

std::vector<std::string> config_files(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) refuse(folder + " is no folder; name one of the same family of models");
  std::vector<std::string> files;
  add_files(folder, "", files);
  if (files.empty()) refuse(folder + " holds no config; name a folder of diffusers (with model_index.json)");
  std::ranges::sort(files);
  return files;
}

std::string config_text(const std::string& file) {
  const InputFile input(file);
  if (input.size() > kMaxConfig) throw Error(ErrorCode::malformed, file, file + ": is too large for a config");
  std::string text(input.size(), '\0');
  input.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void write_text(const std::string& to, const std::string& text, bool sync) {
  write(to, text.size(), sync, [&](uint64_t offset, std::span<std::byte> piece) {
    std::memcpy(piece.data(), text.data() + offset, piece.size());
  });
}

void copy_file(const std::string& from, const std::string& to, bool sync) {
  const InputFile file(from);
  write(to, file.size(), sync, [&](uint64_t offset, std::span<std::byte> piece) { file.read_at(offset, piece); });
  file.check_unchanged();
}

}  // namespace ckmerge::cli
