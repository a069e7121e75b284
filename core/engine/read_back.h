// SPDX-License-Identifier: Apache-2.0
// The stage that reads the output back from the disk before it is put in place: to compare it with what was computed
// (--verify), and to hash it where its header was known last.
#pragma once

#include <string>

#include "core/engine/output_digest.h"
#include "core/engine/range_checksums.h"
#include "core/engine/run.h"
#include "core/engine/seals.h"
#include "core/read/tile_sizing.h"
#include "io/file/output_file.h"

namespace ckmerge {

/// Each pointer may be null; `seals` are those that were written. Throws Error(difference) when `output`, which will be
/// `target`, is not what `checksums` were taken of; Error(io | resources | interrupted).
void read_back(OutputFile& output, const std::string& target, uint64_t file_size, const TileSizing& sizing,
               RangeChecksums* checksums, OutputDigest* digest, const Seals* seals, const RunOptions& options);

}  // namespace ckmerge
