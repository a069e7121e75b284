// SPDX-License-Identifier: Apache-2.0
// The end of a zip archive, which says where its directory lies: a record at the end of the file, a zip64 record before
// it where numbers are large, and a comment behind it.
#pragma once

#include <cstdint>

#include "io/file/input_file.h"

namespace ckmerge {

/// What is said of a file that torch.distributed.checkpoint wrote.
inline constexpr const char* kDistributedShard =
    "a shard of torch's distributed checkpoint (.distcp), which holds pieces of tensors; bring its folder together "
    "with "
    "`python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER OUT.pt` and give OUT.pt";

/// The central directory: its bytes in the file and how many records it promises.
struct ZipEnd {
  uint64_t begin = 0, end = 0, entries = 0;
};

/// Throws Error(malformed) without the path, Error(io).
ZipEnd find_zip_end(const InputFile& file);

/// Whether the last bytes of the file are the end of a zip archive: a file that begins as something else is read as a
/// zip by other programs.
bool ends_as_zip(const InputFile& file);

}  // namespace ckmerge
