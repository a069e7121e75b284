// SPDX-License-Identifier: Apache-2.0
// Fields of metadata that say how tensors lie, all of them (`format`) or one by one (the offsets of a distributed
// checkpoint's shards, the slices of nanotron's). Without them the numbers of a file mean something else, so they are
// kept whatever else of the metadata is, and inputs that contradict each other in them do not fit together.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/recipe/recipe.h"
#include "io/table/checkpoint.h"

namespace ckmerge {

/// What `format` of a result is: the first checkpoint's, or pt where it has none.
std::string output_format(std::span<const Checkpoint> checkpoints);

/// The fields of the first checkpoint, but `format`, without which its tensors would be taken for something else.
Metadata kept_layout_fields(std::span<const Checkpoint> checkpoints);

/// The fields of `checkpoint` that describe its tensors by their names, be it as one list or as a field per tensor.
std::vector<std::string> fields_by_name(const Checkpoint& checkpoint);

/// Whether it has any: its tensors cannot be renamed then, since what the fields say would be of no tensor.
bool lists_tensors_by_name(const Checkpoint& checkpoint);

/// What of fields_by_name() a result has: the first checkpoint's, or of files that are put together each one's.
Metadata kept_fields_by_name(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

/// What the fields have against a merge, one line each, and what its user should know of it.
struct LayoutVerdict {
  std::vector<std::string> faults, warnings;
};

/// Judges `checkpoints`, which are merged by a method that looks at whole tensors where `needs_whole_tensors`.
LayoutVerdict judge_layout_fields(const Recipe& recipe, std::span<const Checkpoint> checkpoints,
                                  bool needs_whole_tensors);

}  // namespace ckmerge
