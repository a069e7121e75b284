// SPDX-License-Identifier: Apache-2.0
// The path that a merge shall write: what may not be there, what it leads to, and whether its disk has room. Nothing
// here creates or changes a file, so that plan and --dry-run can ask too.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "io/file/input_file.h"
#include "io/text/error.h"

namespace ckmerge {

/// The target exists, or another run is writing it: whoever can choose another name may do so and try again.
class TargetTaken : public Error {
 public:
  using Error::Error;
};

/// Refuses a target that exists (without `replace`: TargetTaken), is not a regular file, or is one of `inputs` under
/// any name; a folder that cannot be written. Throws Error(usage | io).
void check_target(const std::string& target, std::span<const FileIdentity> inputs, bool replace);

/// Refuses a disk that has less than `size` bytes free for `target`. Throws Error(resources) with both numbers.
void check_space(const std::string& target, uint64_t size);

/// Whether a file at `target` would lie in memory (a tmpfs), where writing waits for no device.
bool target_in_memory(const std::string& target);

/// The file that writing to `target` means: what a link leads to. `target` itself where nothing is there, or nothing
/// that could be reached. Throws Error(io).
std::string resolve_target(const std::string& target);

/// The partial file of a resolved target, in the same folder: a hidden file, recognised by later runs.
std::string partial_path(const std::string& resolved);

/// The folder that holds `path`.
std::string folder_of(const std::string& path);

/// Throws Error(resources) where the system's `error` means that the disk is full, else Error(io):
/// "target: what: reason".
[[noreturn]] void fail_output(const std::string& target, const std::string& what, int error);

}  // namespace ckmerge
