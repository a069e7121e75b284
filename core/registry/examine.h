// SPDX-License-Identifier: Apache-2.0
// What the registry records of a file: what it is, what its header says, and the sum that costs nothing. Only headers
// and 64 KiB are read.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "io/registry/registry.h"

namespace ckmerge {

/// Raised when files should be examined anew although they have not changed: more forms can be read, more is recorded.
inline constexpr int64_t kExaminer = 9;

/// Whether a file of this base name may be a checkpoint, by its extension.
bool is_called_like_a_checkpoint(std::string_view name);

/// The file at `path`, `name` being what it is called below its root. What the file itself does not give is its
/// `trouble`, not an error. None when it is no checkpoint at all: a .bin file of something else. `now` shows whether
/// the state is so fresh that it may still change unseen (RegisteredFile::settled). Throws Error(io) for what may be
/// otherwise the next time (a disk that fails, descriptors that have run out, a file without permission),
/// Error(resources).
std::optional<RegisteredFile> examine(const std::string& path, const std::string& name,
                                      std::chrono::system_clock::time_point now);

}  // namespace ckmerge
