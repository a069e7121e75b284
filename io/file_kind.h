// SPDX-License-Identifier: Apache-2.0
// What a file really is, from a few of its bytes: the commonest "corrupt checkpoint" is a download of something else.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace ckmerge {

/// What is looked at.
struct FileLook {
  std::span<const std::byte> first;      ///< bytes from its start
  std::span<const std::byte> last = {};  ///< and up to its end; empty: not looked at
  std::string_view path = {};
};

/// One clause for a person ("a Git-LFS pointer, not the file itself; run `git lfs pull`"), or empty when the bytes
/// could be the start of a safetensors file or of nothing known.
std::string_view other_file_kind(const FileLook& look);

/// Whether they begin a GGUF file, which is a checkpoint, although its tensors are not read.
bool is_gguf(std::span<const std::byte> first_bytes);

}  // namespace ckmerge
