// SPDX-License-Identifier: Apache-2.0
// The forms in which checkpoints are read, one row each: how a file of that form begins, who opens it, and what
// whoever looks at it may ask. Rows are asked in their order; each has a folder of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/table/checkpoint.h"

namespace ckmerge {

struct InputForm {
  const char* name;                         ///< for people: "safetensors", "torch zip", "pickle", "folder", "memory"
  const char* recorded;                     ///< in the registry
  std::span<const char* const> extensions;  ///< of files that may be of the form
  /// Whether a file begins like one of this form, as far as its first 512 bytes tell. No earlier row has claimed it.
  bool (*begins)(std::span<const std::byte> first_bytes);
  /// Fills `checkpoint` from its only shard. Throws Error(malformed | mismatch | usage) without the path.
  void (*open)(Checkpoint& checkpoint, const OpenOptions& options);
  /// Where the tensors begin, which are all the rest of the file and have a sum of their own (AutoV3); none where these
  /// are not the first bytes of a whole file of the form. Null: tensors lie scattered.
  std::optional<uint64_t> (*tensors_begin)(std::span<const std::byte> first_bytes, uint64_t file_size) = nullptr;
  /// Whether the file is laid out as ckmerge would lay it out. Null: ckmerge does not judge files of the form.
  bool (*is_canonical)(const Checkpoint& checkpoint) = nullptr;
  bool has_pickle = false;    ///< in place of a header; it names globals, and tensors are found by a key in it
  bool shares_bytes = false;  ///< a tensor's bytes may be another's too
};

/// In the order of asking. The first is what most files are, and goes without saying.
std::span<const InputForm> input_forms();

/// Bytes from a file's start that tell its form: enough for every row, and for every kind that io/file_kind knows (the
/// farthest is tar's mark, at 257).
inline constexpr uint64_t kFirstBytes = 512;

/// The row that claims a file, or the first: what begins like nothing known is most likely a safetensors file that is
/// damaged, and its reader says in what way.
const InputForm& input_form(std::span<const std::byte> first_bytes);

/// The row of checkpoints that no file holds.
const InputForm& memory_form();

/// The row of folders: of a model, or of components.
const InputForm& folder_form();
/// Whether it is a folder of components, one or several, whose names have them in front.
bool is_pipeline(const Checkpoint& checkpoint);
/// The sub-folders of such a folder, which stand in front of its names as it was opened; of any other none.
std::vector<std::string> components_of(const Checkpoint& checkpoint);

/// Whether a file's name ends like one of any form, in whatever case.
bool is_called_like_a_form(std::string_view name);

/// Whether files that the registry records as `recorded` have a sum of their tensors.
bool has_tensor_sum(std::string_view recorded);

}  // namespace ckmerge
