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
#include "io/text/json_value.h"

namespace ckmerge {

/// Of a shard of torch's distributed checkpoints; of nanotron's slices, and of what they are slices.
inline constexpr std::string_view kShardOffsetsField = "DCP_SHARDING_INFO", kSlicesField = "local_global_slices_pairs",
                                  kWholeShapeField = "unsharded_shape";

/// For fields that list tensors: some hundred thousand names. Those that are equal as texts are not read at all.
inline constexpr JsonLimits kListLimits{.size = size_t{16} << 20, .depth = 8, .values = size_t{1} << 20};

/// The value of a field of the metadata; null where there is none.
const std::string* field(const Checkpoint& checkpoint, std::string_view key);

/// What the metadata call the framework whose order the elements have; "pt" where nothing is said.
std::string format_of(const Checkpoint& checkpoint);

/// What `format` of a result is: the first checkpoint's, or pt where it has none.
std::string output_format(std::span<const Checkpoint> checkpoints);
/// Whether the first checkpoint says itself what that is.
bool says_format(std::span<const Checkpoint> checkpoints);

/// The fields of the first checkpoint, but `format`, without which its tensors would be taken for something else.
Metadata kept_layout_fields(std::span<const Checkpoint> checkpoints);

/// The fields of `checkpoint` that describe its tensors by their names, be it as one list or as a field per tensor.
std::vector<std::string> fields_by_name(const Checkpoint& checkpoint);

/// Whether it has any: its tensors cannot be renamed then, since what the fields say would be of no tensor.
bool lists_tensors_by_name(const Checkpoint& checkpoint);

/// What of fields_by_name() a result has: the first checkpoint's, or of files that are put together each one's.
Metadata kept_fields_by_name(const Recipe& recipe, std::span<const Checkpoint> checkpoints);

}  // namespace ckmerge
