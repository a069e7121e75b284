// SPDX-License-Identifier: Apache-2.0
// The files of an output. They lie one behind another in one space of offsets, in which steps, tiles and whatever is
// asked of them have their place; each file begins at a multiple of kFileAlignment and none of them knows of the
// others. Today a merge writes one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/plan/plan.h"

namespace ckmerge {

/// Files are placed at multiples of this, that of direct I/O; the offsets between them belong to none.
inline constexpr uint64_t kFileAlignment = 4096;

/// What goes into one file.
struct FileContents {
  std::vector<uint32_t> steps;    ///< indices of the plan's steps
  std::string prefix = {};        ///< what all their names begin with, and the file leaves out
  bool is_further_shard = false;  ///< of the file before it: its metadata has the format alone
};

/// Lays out the steps of `plan` in `files`, and puts them in the order of the output. REQUIRES: every step is in one of
/// them. Throws Error(resources).
void lay_out_files(Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const FileContents> files);

/// Index of the file that `offset` lies in, or behind.
size_t file_at(const Plan& plan, uint64_t offset);

/// Where the output goes on behind bytes that end at `offset`: there, or where the next file begins.
uint64_t next_offset(const Plan& plan, uint64_t offset);

/// The tile that begins at `offset`: `tile_size` bytes, or what is left of the file.
ByteRange tile_at(const Plan& plan, uint64_t offset, uint64_t tile_size);

/// The headers of all files with the inputs' hashes in them (recipe.hash), which a plan cannot know: as long as those
/// of the plan, which have stand-ins in their place. Throws Error(malformed) should one be longer: the tensors' place
/// is fixed.
std::vector<std::string> headers_with_hashes(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                             std::span<const InputHash> hashes);

}  // namespace ckmerge
