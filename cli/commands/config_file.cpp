// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/config_file.h"

#include <algorithm>
#include <filesystem>

#include "cli/system/text.h"
#include "core/read/staging.h"
#include "io/file/output_file.h"
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
  std::error_code error;
  const std::string path = yaml_beside(input);
  return fs::is_regular_file(path, error) && !is_default(path);
}

std::string chosen(ConfigSource source, const std::vector<std::string>& inputs) {
  if (source == ConfigSource::none) return "";
  if (source == ConfigSource::automatic) {
    const auto candidates = std::span(inputs).first(std::min<size_t>(inputs.size(), 3));
    const auto found = std::ranges::find_if(candidates, has_config);
    return found == candidates.end() ? "" : yaml_beside(*found);
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
  return yaml_beside(inputs[k]);
}

void write_copy(const std::string& from, const std::string& to, const RunOptions& options) {
  const InputFile file(from);
  Staging bytes(kMaxSize);
  const std::span<std::byte> text = bytes.first(std::min(file.size(), kMaxSize));
  file.read_at(0, text);
  const FileIdentity identity = file.identity();
  OutputFile output(to, text.size(), {&identity, 1}, {.replace = options.replace, .sync = options.sync});
  if (!text.empty()) output.write_at(0, text);
  output.commit();
}

}  // namespace

std::optional<ConfigCopy> config_copy(ConfigSource source, const std::vector<std::string>& inputs,
                                      const std::string& output, bool replace) {
  const ConfigCopy copy{chosen(source, inputs), yaml_beside(output)};
  std::error_code error;
  if (copy.from.empty() || fs::equivalent(copy.from, copy.to, error)) return std::nullopt;
  if (fs::file_size(copy.from, error) > kMaxSize)
    throw Error(ErrorCode::usage, copy.from, copy.from + ": is too large for a configuration (--config none)");
  if (!replace && fs::exists(copy.to, error))
    throw Error(ErrorCode::usage, copy.to, copy.to + ": exists; replace it with -f, or leave it (--config none)");
  return copy;
}

// The output may be called otherwise than was planned, where another run took its number.
void copy_config(const ConfigCopy& copy, const std::string& output, const RunOptions& options) try {
  write_copy(copy.from, yaml_beside(output), options);
} catch (const Error& e) {
  throw Error(e.code(), e.where(), std::string(e.what()) + "; " + output + " is complete");
}

}  // namespace ckmerge::cli
