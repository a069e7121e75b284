// SPDX-License-Identifier: Apache-2.0
#include "cli/report/registry_report.h"

#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "io/file/folder_walk.h"
#include "io/folder/shard_names.h"
#include "io/hash/checkpoint_names.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kPresence[] = {"there", "changed", "gone"};

// The members of an object that the registry itself wrote; none where somebody else wrote it.
JsonValue object_in(const std::string& text) {
  try {
    if (!text.empty()) return parse_json(text, {.size = size_t{4} << 20, .depth = 2, .values = size_t{1} << 18});
  } catch (const Error&) {
  }
  return {};
}

// Of all shards, of those that are still there.
uint64_t size_of(const RegisteredFile& file) {
  if (file.form != folder_form().recorded) return file.state.size;
  uint64_t size = 0;
  for (const std::string& shard : shards_from(file.path))
    if (FileIdentity state; look_up_file(shard, state)) size += state.size;
  return size;
}

std::string dtypes_text(const RegisteredFile& file) { return joined(object_in(file.dtypes).keys, " "); }

void text_or_null(JsonWriter& json, const char* key, const std::string& text) {
  json.key(key);
  text.empty() ? json.null() : json.value(text);
}

void append_lineage(std::string& out, const Lineage& node, size_t depth) {
  const std::string indent(2 * depth, ' ');
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    const Lineage& input = node.inputs[k];
    std::string line = indent + letter(k) + "  " + (input.name.empty() ? "unnamed" : shortened(input.name, kNameWidth));
    line += input.sha256.empty() ? ", its hash was not recorded" : " [" + shortened(short_hash(input.sha256), 10) + "]";
    if (!input.path.empty()) line += "  " + shortened(input.path, kNameWidth);
    out += line + "\n";
    if (!input.made_by.empty()) out += indent + "   made by " + shortened(input.made_by, kNameWidth) + " of\n";
    append_lineage(out, input, depth + 2);
  }
  if (node.cut) out += indent + "...\n";
}

}  // namespace

std::string what_text(const RegisteredFile& file, Presence presence) {
  std::vector<std::string> parts;
  std::string what = file.architecture;
  if (!file.kind.empty()) what += (what.empty() ? "" : " ") + file.kind;
  parts.push_back(what.empty() ? "unknown" : what);
  if (file.form != input_forms().front().recorded) parts.push_back(file.form);
  if (const std::string dtypes = dtypes_text(file); !dtypes.empty()) parts.push_back(dtypes);
  parts.push_back(size_text(size_of(file)));
  if (!file.trouble.empty())
    parts.emplace_back(file.tensors > 0 ? "its tensors are all empty" : "its tensors are not known");
  if (presence == Presence::gone) parts.emplace_back("GONE");
  if (presence == Presence::changed) parts.emplace_back("CHANGED since it was scanned");
  return visible(joined(parts, ", "));
}

void write_file(JsonWriter& json, const RegisteredFile& file, Presence presence) {
  const CheckpointNames names = checkpoint_names(file.name, file.legacy_hash, file.sha256);
  json.key("name").value(names.name);
  json.key("path").value(file.path);
  json.key("title").value(names.title);
  text_or_null(json, "short_hash", names.short_hash);
  text_or_null(json, "sha256", file.sha256);
  text_or_null(json, "legacy_hash", file.legacy_hash);
  text_or_null(json, "tensor_sha256", file.tensor_sha256);
  text_or_null(json, "crc32", file.crc32);
  json.key("form").value(file.form);
  text_or_null(json, "kind", file.kind);
  text_or_null(json, "architecture", file.architecture);
  json.key("size").value(size_of(file));
  json.key("modified").value(file.state.mtime_seconds);
  json.key("tensors").value(file.tensors);
  json.key("parameters").value(file.parameters);
  json.key("dtypes").begin_object();
  const JsonValue dtypes = object_in(file.dtypes);
  for (size_t i = 0; i < dtypes.keys.size(); ++i)
    json.key(dtypes.keys[i]).value(strtoull(dtypes.items[i].text.c_str(), nullptr, 10));
  json.end_object();
  json.key("state").value(kPresence[static_cast<size_t>(presence)]);
  text_or_null(json, "trouble", file.trouble);
}

std::string lineage_text(const Lineage& lineage) {
  if (lineage.made_by.empty()) return "  lineage: none recorded\n";
  std::string out = "  made by " + shortened(lineage.made_by, kNameWidth) + " of\n";
  append_lineage(out, lineage, 2);
  return out;
}

void write_lineage(JsonWriter& json, const Lineage& lineage) {
  json.begin_object();
  json.key("name").value(lineage.name);
  text_or_null(json, "sha256", lineage.sha256);
  text_or_null(json, "path", lineage.path);
  text_or_null(json, "made_by", lineage.made_by);
  json.key("cut").value(lineage.cut);
  json.key("inputs").begin_array();
  for (const Lineage& input : lineage.inputs) write_lineage(json, input);
  json.end_array().end_object();
}

}  // namespace ckmerge::cli
