// SPDX-License-Identifier: Apache-2.0
#include "core/registry/examine.h"

#include <algorithm>
#include <array>
#include <map>

#include "core/families/told_architecture.h"
#include "core/families/told_component.h"
#include "io/checkpoint.h"
#include "io/file/folder_walk.h"
#include "io/file_kind.h"
#include "io/folder/shard_names.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"
#include "io/text/json_writer.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

// A1111 drops thumbnails; licences and workflows of megabytes stay in the file, where `ckmerge inspect` shows them.
constexpr size_t kLargestValue = 256 << 10, kLargestMetadata = 1 << 20;  // bytes

bool ends_with_ignoring_case(std::string_view text, std::string_view end) {
  if (text.size() <= end.size()) return false;
  text.remove_prefix(text.size() - end.size());
  return std::ranges::equal(text, end, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

std::string form_of(const InputFile& file) {
  std::array<std::byte, kFirstBytes> buffer;
  const auto first_bytes = std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size()));
  file.read_at(0, first_bytes);
  const InputForm& form = input_form(first_bytes);
  const bool claimed = form.begins(first_bytes) || other_file_kind({.first = first_bytes}).empty();
  const bool whole = !form.tensors_begin || form.tensors_begin(first_bytes, file.size());
  if (claimed && whole) return form.recorded;
  return is_gguf(first_bytes) ? "gguf" : "unknown";
}

// A modification in the clock's own step leaves no trace: FAT counts in steps of two seconds, others in those of the
// kernel's clock, 10 ms at most. A time far ahead was set by hand: no clock will step there.
bool is_settled(const FileIdentity& state, std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  const auto modified = seconds(state.mtime_seconds) + nanoseconds(state.mtime_nanoseconds);
  const auto step = state.mtime_nanoseconds == 0 ? milliseconds(2000) : milliseconds(50);
  const auto age = now.time_since_epoch() - modified;
  return age > step || age < -hours(1);
}

std::string metadata_json(const Metadata& metadata) {
  std::string out = "{";
  for (const auto& [key, value] : metadata) {
    if (key == "modelspec.thumbnail" || value.size() > kLargestValue || key.size() > kLargestValue) continue;
    if (out.size() + key.size() + value.size() > kLargestMetadata) continue;
    if (out.size() > 1) out += ", ";
    append_json_string(out, key);
    out += ": ";
    append_json_string(out, value);
  }
  return out + "}";
}

std::string dtypes_json(const TensorTable& tensors) {
  std::map<std::string, uint64_t> counts;
  for (size_t i = 0; i < tensors.size(); ++i) ++counts[info(tensors[i].dtype).name];
  std::string out = "{";
  for (const auto& [dtype, count] : counts) {
    if (out.size() > 1) out += ", ";
    append_json_string(out, dtype);
    out += sentence(": ", count);
  }
  return out + "}";
}

// What a later examination of the same bytes may find otherwise.
bool is_passing(ErrorCode code) {
  return code == ErrorCode::io || code == ErrorCode::resources || code == ErrorCode::interrupted;
}

// Of a component whose names only folders of diffusers have.
bool has_names_of_diffusers(const TensorTable& tensors) {
  return std::ranges::any_of(told_components(tensors), [](const ToldComponent& component) {
    return component.naming() == Naming::diffusers && component.family->left != component.family->right;
  });
}

void record_tensors(const Checkpoint& checkpoint, RegisteredFile& file) {
  file.tensors = checkpoint.tensors.size();
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i) file.parameters += checkpoint.tensors[i].count;
  file.dtypes = dtypes_json(checkpoint.tensors);
  if (checkpoint.has_metadata) file.metadata = metadata_json(checkpoint.metadata);
  const ArchitectureGuess guess = tell_architecture(checkpoint);
  file.architecture = guess.architecture;
  file.kind = guess.kind;
  if (!file.kind.empty() && has_names_of_diffusers(checkpoint.tensors)) file.kind += ", diffusers names";
}

// Tensors of a file that are all empty, and known as such; 0: it is of another kind.
uint64_t empty_tensors(const std::string& path) {
  try {
    const Checkpoint checkpoint = open_checkpoint(path, {.as_stored = true});
    const TensorTable& tensors = checkpoint.tensors;
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].count > 0) return 0;
    return tensors.size();
  } catch (const Error& error) {
    if (is_passing(error.code())) throw;
    return 0;
  }
}

}  // namespace

bool is_called_like_a_checkpoint(std::string_view name) {
  return is_called_like_a_form(name) || ends_with_ignoring_case(name, ".gguf");
}

std::optional<RegisteredFile> examine(const std::string& path, const std::string& name,
                                      std::chrono::system_clock::time_point now) {
  const InputFile input(path);
  RegisteredFile file;
  file.path = path;
  file.name = name;
  file.state = input.identity();
  file.settled = is_settled(file.state, now);
  file.examiner = kExaminer;
  file.form = form_of(input);
  // Firmware and tokenizers are called .bin too.
  if (file.form == "unknown" && ends_with_ignoring_case(name, ".bin")) return std::nullopt;
  // The first shard stands for all, which have no sum by which other programs know them.
  const bool of_set = !shards_from(path).empty();
  if (of_set) file.form = folder_form().recorded;
  if (!of_set) file.legacy_hash = legacy_hash(input);
  try {
    const Checkpoint checkpoint = open_checkpoint(path, {.alone = !of_set});
    record_tensors(checkpoint, file);
  } catch (const Error& error) {
    if (is_passing(error.code())) throw;
    file.trouble = valid_utf8(error.what());
    if (error.code() == ErrorCode::mismatch) file.tensors = empty_tensors(path);
  }
  FileIdentity now_there;
  file.settled = file.settled && look_up_file(path, now_there) && file.same_state(now_there);
  return file;
}

}  // namespace ckmerge
