// SPDX-License-Identifier: Apache-2.0
#include "io/checkpoint.h"

#include <algorithm>
#include <array>

#include "io/error.h"
#include "io/file_kind.h"
#include "io/sentence.h"

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

uint64_t header_size_of(const InputFile& file) {
  std::array<std::byte, kFirstBytes> buffer;
  const auto first_bytes = std::span(buffer).first(std::min(kFirstBytes, file.size()));
  file.read_at(0, first_bytes);
  return naming(file.path(), [&] {
    if (const std::string_view kind = other_file_kind(first_bytes); !kind.empty())
      throw Error(ErrorCode::malformed, "", sentence("not a safetensors file but ", kind));
    return header_size(first_bytes, file.size());
  });
}

// Read, not parsed in the map: another process may change the file meanwhile.
Header read_header(const InputFile& file, uint32_t shard) {
  std::vector<std::byte> json(header_size_of(file));
  file.read_at(8, json);
  return naming(file.path(), [&] { return parse_header(json, file.size(), shard); });
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

Checkpoint open_checkpoint(const std::string& path) {
  Checkpoint checkpoint;
  checkpoint.path = path;
  Header header = read_header(checkpoint.shards.emplace_back(path), 0);
  checkpoint.tensors = std::move(header.tensors);
  checkpoint.metadata = std::move(header.metadata);
  checkpoint.has_metadata = header.has_metadata;
  checkpoint.header_size = header.size;
  return checkpoint;
}

}  // namespace ckmerge
