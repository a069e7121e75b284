// SPDX-License-Identifier: Apache-2.0
// The sums by which people know a file, all from one read: blocks are read in any order and pass the SHA-256 of the
// whole file and that of the tensors one after another, so that two cores hash while others read and make CRCs. Several
// files at once where there are more cores than one file can use. Memory is constant: a block for each thread.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "core/engine/run.h"
#include "io/file/input_file.h"
#include "io/text/error.h"

namespace ckmerge {

struct FileSums {
  FileIdentity file;          ///< the state that was read
  std::string sha256;         ///< of the whole file; its first 10 digits are AutoV2 and A1111's short hash
  std::string legacy_hash;    ///< AutoV1: 8 digits
  std::string tensor_sha256;  ///< AutoV3: of what lies behind a safetensors header; empty for other files
  std::string crc32;          ///< 8 digits
};

enum class SumKinds : uint8_t { all, sha256_only };

/// What became of one of the files.
struct SummedFile {
  size_t index = 0;            ///< in the list that was given
  FileSums sums;               ///< without `error`
  std::optional<Error> error;  ///< it cannot be read, or was changed meanwhile
};

/// Reads every file once. `on_file` is told of each, one at a time, from any thread, in any order; it may throw, which
/// ends the rest. `options`: threads, stop and on_progress (Stage::hash). Sums go into options.hash_cache.
/// Throws Error(interrupted | resources).
void sum_files(std::span<const std::string> paths, SumKinds kinds, const RunOptions& options,
               const std::function<void(const SummedFile&)>& on_file);

}  // namespace ckmerge
