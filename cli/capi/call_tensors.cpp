// SPDX-License-Identifier: Apache-2.0
#include "cli/capi/call_tensors.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "cli/system/text.h"
#include "io/text/error.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

using JsonKind = JsonValue::Kind;

// Metadata holds recipes and lineages, which are long.
constexpr JsonLimits kMetadataLimits{
    .size = size_t{64} << 20, .depth = 2, .values = size_t{1} << 20, .unique_keys = true};

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

std::span<const ckmerge_tensors> tables_of(const ckmerge_call_options& options) {
  return {options.tensors, options.tensors_count};
}

std::string path_of(const ckmerge_tensors& table) { return std::string(kMemoryPrefix) + table.name; }

bool is_asked(const ckmerge_tensor& tensor) { return (tensor.flags & CKMERGE_TENSOR_ASKED) != 0; }

std::string what_is_missing(const ckmerge_tensor& tensor, const ckmerge_tensors& table) {
  if (!tensor.name) return "has no name";
  if (!tensor.dtype) return "has no dtype";
  if (tensor.rank > 0 && !tensor.shape) return "has no shape";
  if ((tensor.flags & ~CKMERGE_TENSOR_ASKED) != 0) return "has flags that are not known";
  if ((!tensor.data || is_asked(tensor)) && !table.read &&
      std::find(tensor.shape, tensor.shape + tensor.rank, 0) == tensor.shape + tensor.rank)
    return "has neither data nor a function that reads it";
  return "";
}

void check_table(const ckmerge_tensors& table) {
  const std::string path = path_of(table);
  if (table.count > 0 && !table.tensors) refuse(path, path + ": its tensors are NULL");
  for (size_t i = 0; i < table.count; ++i)
    if (const std::string missing = what_is_missing(table.tensors[i], table); !missing.empty())
      refuse(path, path + ": tensor " + std::to_string(i) + " " + missing);
}

Metadata metadata_of(const ckmerge_tensors& table) {
  const std::string path = path_of(table);
  JsonValue object;
  try {
    object = parse_json(table.metadata, kMetadataLimits);
  } catch (const Error& error) {
    refuse(path, path + ": its metadata: " + error.what());
  }
  const auto is_text = [](const JsonValue& value) { return value.kind == JsonKind::string; };
  if (object.kind != JsonKind::object || !std::ranges::all_of(object.items, is_text))
    refuse(path, path + ": its metadata is no JSON object of texts");
  Metadata metadata;
  for (size_t i = 0; i < object.keys.size(); ++i)
    metadata.emplace_back(std::move(object.keys[i]), std::move(object.items[i].text));
  return metadata;
}

std::vector<MemoryTensor> described(const ckmerge_tensors& table) {
  std::vector<MemoryTensor> out;
  out.reserve(table.count);
  for (const ckmerge_tensor& tensor : std::span(table.tensors, table.count))
    out.push_back({.name = tensor.name,
                   .dtype = tensor.dtype,
                   .shape = {tensor.shape, tensor.rank},
                   .strides = {tensor.strides, tensor.strides ? tensor.rank : 0},
                   .data = is_asked(tensor) ? nullptr : tensor.data,
                   .same = is_asked(tensor) ? reinterpret_cast<uintptr_t>(tensor.data) : 0});
  return out;
}

ReadTensor reader_of(const ckmerge_tensors& table) {
  if (!table.read) return {};
  return [read = table.read, context = table.context](size_t tensor, uint64_t offset, std::span<std::byte> out) {
    return read(context, tensor, offset, out.size(), out.data());
  };
}

}  // namespace

void check_tables(const ckmerge_call_options& options) {
  if (options.tensors_count > 0 && !options.tensors)
    refuse("ckmerge_call_options", "ckmerge_call_options: tensors_count is not 0, but tensors is NULL");
  std::set<std::string_view> names;
  for (const ckmerge_tensors& table : tables_of(options)) {
    if (!table.name || !*table.name) refuse("ckmerge_tensors", "a checkpoint in memory has no name");
    if (!names.insert(table.name).second) refuse(path_of(table), path_of(table) + ": is handed over twice");
    check_table(table);
  }
}

Checkpoint open_table(const ckmerge_call_options& options, const std::string& path, const OpenOptions& how) {
  std::vector<std::string> names;
  for (const ckmerge_tensors& table : tables_of(options)) {
    names.push_back(path_of(table));
    if (names.back() != path) continue;
    const std::vector<MemoryTensor> tensors = described(table);
    const Metadata metadata = table.metadata ? metadata_of(table) : Metadata();
    return open_tensors(
        {.name = path, .tensors = tensors, .metadata = table.metadata ? &metadata : nullptr, .read = reader_of(table)},
        how);
  }
  const std::string near = did_you_mean(path, names);
  refuse(path, path + ": no checkpoint in memory of this name is handed over" +
                   (near.empty() ? "; a file that is called so is ./" + path : near));
}

}  // namespace ckmerge::cli
