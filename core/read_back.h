// SPDX-License-Identifier: Apache-2.0
// The stage that reads the output back from the disk before it is put in place: to compare it with what was computed
// (--verify), and to hash it where its header was known last.
#pragma once

#include <string>

#include "core/output_digest.h"
#include "core/range_checksums.h"
#include "core/run.h"
#include "core/seals.h"
#include "core/tile_sizing.h"
#include "io/output_file.h"

namespace ckmerge {

/// Each may be null; of a .ckpt the `seals` are needed. Throws Error(difference) when `output`, which will be `target`,
/// is not what `checksums` were taken of; Error(io | resources | interrupted).
void read_back(OutputFile& output, const std::string& target, uint64_t file_size, const TileSizing& sizing,
               RangeChecksums* checksums, OutputDigest* digest, const Seals* seals, const RunOptions& options);

}  // namespace ckmerge
