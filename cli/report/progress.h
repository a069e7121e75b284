// SPDX-License-Identifier: Apache-2.0
// How far a merge is, as text: a bar for a terminal, lines elsewhere, JSON objects for programs. Bytes and rates are
// those of the stage; hashing and verifying are named. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "core/threads/progress.h"

namespace ckmerge::cli {

/// The bar for a terminal of `width` columns: as many facts as have room, in fewer than `width` columns.
std::string bar_line(const Progress& progress, unsigned width);

/// One line without a line end for ProgressKind::plain.
std::string plain_line(const Progress& progress);

/// The objects of ProgressKind::json, each on one line without a line end: in front of all work, during a stage, and
/// when all is done.
std::string start_event(uint64_t total);
std::string progress_event(const Progress& progress);
std::string finish_event(uint64_t total, double seconds);

}  // namespace ckmerge::cli
