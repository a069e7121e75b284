// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <algorithm>
#include <array>

#include "io/file_kind.h"
#include "io/quantized_names.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text_encoder_names.h"
#include "io/torch/torch_file.h"
#include "io/torch/zip_directory.h"

namespace ckmerge {
namespace {

// Enough for every signature in file_kind.cpp; the farthest is tar's, at 257.
constexpr uint64_t kFirstBytes = 512;

// InputFile names its path itself; the pure readers know bytes only.
template <typename Read>
auto naming(const std::string& path, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    throw Error(error.code(), path, sentence(path, ": ", error.what()), error.details());
  }
}

std::vector<std::byte> first_bytes_of(const InputFile& file) {
  std::vector<std::byte> bytes(std::min(kFirstBytes, file.size()));
  file.read_at(0, bytes);
  return bytes;
}

// Read, not parsed in the map: another process may change the file meanwhile.
void read_safetensors(Checkpoint& checkpoint, std::span<const std::byte> first_bytes) {
  const InputFile& file = checkpoint.shards[0];
  if (const std::string_view kind = other_file_kind(first_bytes); !kind.empty())
    throw Error(ErrorCode::malformed, "", sentence("not a safetensors or PyTorch file but ", kind));
  std::vector<std::byte> json(header_size(first_bytes, file.size()));
  if (ends_as_zip(file)) throw Error(ErrorCode::malformed, "", "safetensors in front and a zip archive behind");
  file.read_at(8, json);
  Header header = parse_header(json, file.size(), 0);
  checkpoint.tensors = std::move(header.tensors);
  checkpoint.metadata = std::move(header.metadata);
  checkpoint.has_metadata = header.has_metadata;
  checkpoint.header_size = header.size;
}

FileForm form_of(std::span<const std::byte> first_bytes) {
  if (is_zip(first_bytes)) return FileForm::torch_zip;
  if (begins_torch_stream(first_bytes)) return FileForm::torch_stream;
  return is_pickle(first_bytes) ? FileForm::pickle : FileForm::safetensors;
}

void read_form(Checkpoint& checkpoint, std::span<const std::byte> first_bytes, const OpenOptions& options) {
  switch (checkpoint.form) {
    case FileForm::torch_zip: return read_torch_zip(checkpoint, options);
    case FileForm::torch_stream: return read_torch_stream(checkpoint, options);
    case FileForm::pickle: return read_plain_pickle(checkpoint, options);
    case FileForm::safetensors: return read_safetensors(checkpoint, first_bytes);
  }
}

// To look at, a file that would run something is worth more than the reason why its tensors cannot be read.
void read_to_look(Checkpoint& checkpoint, std::span<const std::byte> first_bytes, const OpenOptions& options) {
  try {
    read_form(checkpoint, first_bytes, options);
  } catch (const Error& error) {
    const bool read = !checkpoint.globals.empty() && error.where() != checkpoint.globals.front().name;
    const auto unsafe = [](const PickleGlobal& global) { return global.danger == PickleDanger::unsafe; };
    if (!read || std::ranges::none_of(checkpoint.globals, unsafe)) throw;
    checkpoint.tensors = {};
    checkpoint.notes.push_back(sentence("its tensors cannot be read: ", error.what()));
  }
}

}  // namespace

uint64_t Checkpoint::file_size() const {
  uint64_t size = 0;
  for (const InputFile& shard : shards) size += shard.size();
  return size;
}

std::vector<FileIdentity> identities(std::span<const Checkpoint> checkpoints) {
  std::vector<FileIdentity> files;
  for (const Checkpoint& checkpoint : checkpoints)
    for (const InputFile& shard : checkpoint.shards) files.push_back(shard.identity());
  return files;
}

const char* name(FileForm form) {
  constexpr const char* kNames[] = {"safetensors", "torch zip", "torch stream", "pickle"};
  return kNames[static_cast<size_t>(form)];
}

Checkpoint open_checkpoint(const std::string& path, const OpenOptions& options) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  checkpoint.shards.emplace_back(path);
  const std::vector<std::byte> first_bytes = first_bytes_of(checkpoint.shards[0]);
  checkpoint.form = form_of(first_bytes);
  naming(path, [&] {
    if (options.as_stored) return read_to_look(checkpoint, first_bytes, options);
    read_form(checkpoint, first_bytes, options);
    rename_old_text_encoder(checkpoint);
  });
  checkpoint.codes = quantized_kind(checkpoint.tensors, checkpoint.metadata);
  return checkpoint;
}

}  // namespace ckmerge
