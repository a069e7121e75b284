// SPDX-License-Identifier: Apache-2.0
// One file as a checkpoint, as it is stored: the part of opening that files of a folder go through one by one.
#pragma once

#include <string>
#include <utility>

#include "io/table/checkpoint.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

/// What `read` returns; errors of the pure readers, which know bytes only, get `path` in front.
template <typename Read>
auto naming(const std::string& path, Read&& read) {
  try {
    return std::forward<Read>(read)();
  } catch (const Error& error) {
    throw Error(error.code(), path, sentence(path, ": ", error.what()), error.details());
  }
}

/// Reads an open file that is, or will be, `path`: its tensors under the names that they have there, not judged yet.
/// Throws Error with the path in front.
Checkpoint read_file(InputFile file, const std::string& path, const OpenOptions& options);

/// Takes averages, wrappers and old names off, as `options` say. Throws Error(mismatch) without the path where all
/// tensors are empty.
void take_names(Checkpoint& checkpoint, const OpenOptions& options);

}  // namespace ckmerge
