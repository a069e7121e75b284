// SPDX-License-Identifier: Apache-2.0
// The stage that reads the output back from the disk, before it is put in place (--verify).
#pragma once

#include <string>

#include "core/range_checksums.h"
#include "core/run.h"
#include "core/tile_sizing.h"
#include "io/output_file.h"

namespace ckmerge {

/// Throws Error(difference) when `output`, which will be `target`, is not what `checksums` were taken of; Error(io |
/// resources | interrupted).
void verify_output(OutputFile& output, const std::string& target, uint64_t file_size, const TileSizing& sizing,
                   RangeChecksums& checksums, const RunOptions& options);

}  // namespace ckmerge
