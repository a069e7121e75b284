// SPDX-License-Identifier: Apache-2.0
// As DiffusionPipeline.save_pretrained of diffusers 0.42 writes it: {"_class_name": ..., "unet": [library, class],
// ...}.
#include "io/folder/pipeline_index.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include "io/file/input_file.h"
#include "io/folder/path_status.h"
#include "io/folder/pipeline_entries.h"
#include "io/text/error.h"
#include "io/text/json_text.h"
#include "io/text/json_value.h"
#include "io/text/python_json.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kMaxSize = uint64_t{1} << 20;  // published ones have 1 kB

constexpr auto kWithoutWeights =
    std::to_array<std::string_view>({"Scheduler", "Processor", "ProcessorFast", "Extractor"});
constexpr std::string_view kTokenizer = "Tokenizer";  // T5Tokenizer, CLIPTokenizerFast, TokenizersBackend

using Kind = JsonValue::Kind;

std::string text_of(const std::string& path) {
  const InputFile file(path);
  if (file.size() > kMaxSize) throw Error(ErrorCode::malformed, path, "it is too large");
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

bool is_entry(const JsonValue& value) { return value.kind == Kind::array && value.items.size() == 2; }

// Beside components there are settings of the pipeline, of any kind and name.
void expect_entry(const std::string& name, const JsonValue& value) {
  if (is_entry(value) || value.kind == Kind::null || !is_pipeline_folder(name)) return;
  throw Error(ErrorCode::malformed, "", sentence("its entry ", name, " is no pair of a library and a class"));
}

PipelineIndex index_of(std::string text) {
  PipelineIndex index;
  index.text = std::move(text);
  const JsonValue document = parse_python_json(index.text);
  if (document.kind != Kind::object) throw Error(ErrorCode::malformed, "", "it is no JSON object");
  for (size_t i = 0; i < document.keys.size(); ++i) {
    const JsonValue& value = document.items[i];
    expect_entry(document.keys[i], value);
    if (document.keys[i] == "_class_name" && value.kind == Kind::string) index.class_name = value.text;
    if (is_entry(value))
      index.entries.push_back(
          {.component = document.keys[i], .class_name = value.items[1].text, .library = value.items[0].text});
  }
  return index;
}

JsonValue json_of(const PipelineIndex::Entry& entry) {
  JsonValue pair{.kind = Kind::array};
  pair.items.resize(2);
  if (entry.class_name.empty()) return pair;
  pair.items[0] = {.kind = entry.library.empty() ? Kind::null : Kind::string, .text = entry.library};
  pair.items[1] = {.kind = Kind::string, .text = entry.class_name};
  return pair;
}

}  // namespace

const PipelineIndex::Entry* PipelineIndex::find(std::string_view component) const {
  const auto entry = std::ranges::find(entries, component, &Entry::component);
  return entry == entries.end() ? nullptr : &*entry;
}

std::string PipelineIndex::with(std::span<const Entry> changed) const {
  if (changed.empty()) return text;
  JsonValue document = parse_python_json(text);
  for (const Entry& entry : changed) {
    const auto key = std::ranges::find(document.keys, entry.component);
    const auto place = static_cast<size_t>(key - document.keys.begin());
    if (key == document.keys.end()) {
      document.keys.push_back(entry.component);
      document.items.emplace_back();
    }
    document.items[place] = json_of(entry);
  }
  return python_json_text(document);
}

std::optional<PipelineIndex> pipeline_index(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "model_index.json").string();
  if (path_status(path) == PathStatus::nothing) return std::nullopt;
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw Error(ErrorCode::io, path, path + ": is no file, and should list the components beside it");
  try {
    return index_of(text_of(path));
  } catch (const Error& fault) {
    if (fault.code() != ErrorCode::malformed) throw;
    throw Error(ErrorCode::malformed, path, path + " cannot be read: " + fault.what() + "; download it again");
  }
}

bool has_weights(const PipelineIndex::Entry& entry) {
  const auto ends = [&](std::string_view end) { return entry.class_name.ends_with(end); };
  if (entry.class_name.empty() || entry.class_name.find(kTokenizer) != std::string::npos) return false;
  return std::ranges::none_of(kWithoutWeights, ends);
}

}  // namespace ckmerge
