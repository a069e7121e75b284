// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/config_file.h"

#include <algorithm>
#include <filesystem>

#include "cli/system/text.h"
#include "core/read/staging.h"
#include "io/file/input_file.h"
#include "io/file/output_file.h"
#include "io/file/output_target.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

// A configuration of 1 MiB is none.
constexpr uint64_t kMaxSize = uint64_t{1} << 20;

std::string yaml_beside(const std::string& path) { return fs::path(path).replace_extension(".yaml").string(); }

// What A1111 takes for a model that has none: copied, it would say nothing.
bool is_default(const std::string& path) { return fs::path(path).filename() == "v1-inference.yaml"; }

bool has_config(const std::string& input) {
  if (names_memory(input)) return false;
  std::error_code error;
  const std::string path = yaml_beside(input);
  return fs::is_regular_file(path, error) && !is_default(path);
}

// Where a file lies, its links followed; empty when that cannot be told.
fs::path real_folder(const fs::path& path) {
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  return error ? fs::path() : real.parent_path();
}

// A link that leads elsewhere than to where `beside` lies, under its own name or that which a link has for it.
bool leads_away(const std::string& path, const std::string& beside) {
  std::error_code error;
  if (!fs::is_symlink(path, error)) return false;
  const fs::path folder = fs::path(beside).parent_path();
  const fs::path real = real_folder(path);
  return real != real_folder(beside) && real != fs::canonical(folder.empty() ? "." : folder, error);
}

std::string not_followed(const std::string& path) {
  return path + ": is a link that leads out of its folder, and is not followed; copy the file, or give --config none";
}

std::string chosen(ConfigSource source, const std::vector<std::string>& inputs, std::vector<std::string>& warnings) {
  if (source == ConfigSource::none) return "";
  if (source == ConfigSource::automatic) {
    const auto candidates = std::span(inputs).first(std::min<size_t>(inputs.size(), 3));
    const auto found = std::ranges::find_if(candidates, has_config);
    if (found == candidates.end()) return "";
    if (!leads_away(yaml_beside(*found), *found)) return yaml_beside(*found);
    warnings.push_back(not_followed(yaml_beside(*found)));
    return "";
  }
  const auto k = static_cast<size_t>(source) - static_cast<size_t>(ConfigSource::a);
  if (k >= inputs.size()) throw Error(ErrorCode::usage, "--config", "--config: there is no checkpoint " + letter(k));
  std::error_code error;
  if (is_default(yaml_beside(inputs[k])) && fs::is_regular_file(yaml_beside(inputs[k]), error))
    throw Error(ErrorCode::usage, "--config",
                "--config: " + yaml_beside(inputs[k]) +
                    " is what A1111 takes for a model that has none, and is not copied (--config none)");
  if (!has_config(inputs[k]))
    throw Error(ErrorCode::usage, "--config",
                "--config: there is no " + yaml_beside(inputs[k]) + ", nor is one needed (--config none)");
  if (leads_away(yaml_beside(inputs[k]), inputs[k]))
    throw Error(ErrorCode::usage, "--config", not_followed(yaml_beside(inputs[k])));
  return yaml_beside(inputs[k]);
}

// Nobody can read the copy who cannot read the original.
uint32_t mode_of(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  return error ? 0600 : static_cast<uint32_t>(status.permissions()) & 0666;
}

// What the end of the work would say of the copy's place.
void check_place(const ConfigCopy& copy, const std::string& output, bool replace) {
  if (leads_away(copy.to, output)) {
    std::error_code error;
    if (fs::exists(copy.to, error)) throw Error(ErrorCode::usage, copy.to, not_followed(copy.to));
  }
  const FileIdentity from = InputFile(copy.from).identity();
  check_target(copy.to, {&from, 1}, replace);
}

void write_copy(const std::string& from, const std::string& to, const RunOptions& options) {
  const InputFile file(from);
  Staging bytes(kMaxSize);
  const std::span<std::byte> text = bytes.first(std::min(file.size(), kMaxSize));
  file.read_at(0, text);
  const FileIdentity identity = file.identity();
  OutputFile output(to, text.size(), {&identity, 1},
                    {.replace = options.replace, .sync = options.sync, .mode = mode_of(from)});
  if (!text.empty()) output.write_at(0, text);
  output.commit();
}

}  // namespace

std::optional<ConfigCopy> config_copy(ConfigSource source, const std::vector<std::string>& inputs,
                                      const std::string& output, bool replace, std::vector<std::string>& warnings) {
  const ConfigCopy copy{chosen(source, inputs, warnings), yaml_beside(output)};
  std::error_code error;
  if (copy.from.empty() || fs::equivalent(copy.from, copy.to, error)) return std::nullopt;
  if (fs::file_size(copy.from, error) > kMaxSize)
    throw Error(ErrorCode::usage, copy.from, copy.from + ": is too large for a configuration (--config none)");
  if (!replace && fs::exists(copy.to, error))
    throw Error(ErrorCode::usage, copy.to, copy.to + ": exists; replace it with -f, or leave it (--config none)");
  check_place(copy, output, replace);
  return copy;
}

// The output may be called otherwise than was planned, where another run took its number.
void copy_config(const ConfigCopy& copy, const std::string& output, const RunOptions& options) try {
  write_copy(copy.from, yaml_beside(output), options);
} catch (const Error& e) {
  throw Error(e.code(), e.where(), std::string(e.what()) + "; " + output + " is complete");
}

}  // namespace ckmerge::cli
