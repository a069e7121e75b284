// SPDX-License-Identifier: Apache-2.0
#include "core/recipe/layout_fields.h"

#include <algorithm>
#include <unordered_set>

#include "io/text/error.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

using std::string_view;

constexpr string_view kFormat = "format", kTorch = "pt", kOffsets = kShardOffsetsField, kSlices = kSlicesField;
// The shards of torch's distributed checkpoints; the slices of nanotron's, whose reader asks for its version.
constexpr string_view kShardFields[] = {kOffsets, "DCP_VERSION"};
constexpr string_view kSliceFields[] = {kSlices, kWholeShapeField, "version"};
// ComfyUI's layers of codes; torchao's list of tensors, each of which has a field of its own besides.
constexpr string_view kListing[] = {kOffsets, "_quantization_metadata"}, kTorchaoNames = "tensor_names";

std::unordered_set<string_view> keys_of(const Checkpoint& checkpoint) {
  std::unordered_set<string_view> keys;
  for (const auto& [key, value] : checkpoint.metadata) keys.insert(key);
  return keys;
}

}  // namespace

const std::string* field(const Checkpoint& checkpoint, string_view key) {
  const auto found = std::ranges::find(checkpoint.metadata, key, &Metadata::value_type::first);
  return found == checkpoint.metadata.end() ? nullptr : &found->second;
}

// Programs disagree on an empty one; torch's readers take any.
std::string format_of(const Checkpoint& checkpoint) {
  const std::string* const format = field(checkpoint, kFormat);
  return format && !format->empty() ? *format : std::string(kTorch);
}

std::string output_format(std::span<const Checkpoint> checkpoints) {
  return checkpoints.empty() ? std::string(kTorch) : valid_utf8(format_of(checkpoints[0]));
}

bool says_format(std::span<const Checkpoint> checkpoints) {
  return !checkpoints.empty() && field(checkpoints[0], kFormat);
}

Metadata kept_layout_fields(std::span<const Checkpoint> checkpoints) {
  Metadata kept;
  if (checkpoints.empty()) return kept;
  const auto keep = [&](std::span<const string_view> keys) {
    for (const string_view key : keys)
      if (const std::string* value = field(checkpoints[0], key)) kept.emplace_back(key, *value);
  };
  if (field(checkpoints[0], kOffsets)) keep(kShardFields);
  if (field(checkpoints[0], kSlices)) keep(kSliceFields);
  return kept;
}

std::vector<std::string> fields_by_name(const Checkpoint& checkpoint) {
  std::vector<std::string> keys;
  for (const string_view key : kListing)
    if (field(checkpoint, key)) keys.emplace_back(key);
  const std::string* const names = field(checkpoint, kTorchaoNames);
  if (!names) return keys;
  keys.emplace_back(kTorchaoNames);
  const std::unordered_set<string_view> all = keys_of(checkpoint);
  try {
    for (JsonValue& name : parse_json(*names, kListLimits).items)
      if (all.contains(name.text)) keys.push_back(std::move(name.text));
  } catch (const Error&) {
    return keys;  // no list of torchao's
  }
  return keys;
}

bool lists_tensors_by_name(const Checkpoint& checkpoint) { return !fields_by_name(checkpoint).empty(); }

Metadata kept_fields_by_name(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  Metadata kept;
  if (recipe.roles.empty() && !checkpoints.empty()) checkpoints = checkpoints.first(1);
  for (const Checkpoint& checkpoint : checkpoints)
    for (const std::string& key : fields_by_name(checkpoint)) kept.emplace_back(key, *field(checkpoint, key));
  return kept;
}

}  // namespace ckmerge
