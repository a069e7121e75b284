// SPDX-License-Identifier: Apache-2.0
// `ckmerge list` and `ckmerge show`: what the registry has, and all it knows of one checkpoint.
#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/operands/registry_access.h"
#include "cli/report/registry_report.h"
#include "cli/report/report.h"
#include "io/hash/checkpoint_names.h"
#include "io/input_forms.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Every word must be found somewhere.
bool matches(const RegisteredFile& file, const std::vector<std::string>& words) {
  const std::string title = checkpoint_names(file.name, file.legacy_hash, file.sha256).title;
  const std::string text =
      lower(joined({title, file.path, file.architecture, file.kind, file.form, file.sha256}, "\n"));
  return std::ranges::all_of(words, [&](const std::string& word) { return text.find(lower(word)) != text.npos; });
}

std::string list_text(const std::vector<RegisteredFile>& files) {
  size_t width = 0;
  std::vector<std::string> titles;
  for (const RegisteredFile& file : files) {
    titles.push_back(shortened(checkpoint_names(file.name, file.legacy_hash, file.sha256).title, kNameWidth));
    width = std::max(width, std::min<size_t>(titles.back().size(), 60));
  }
  std::string out;
  for (size_t i = 0; i < files.size(); ++i) {
    titles[i].resize(std::max(titles[i].size(), width), ' ');
    out += titles[i] + "  " + what_text(files[i], presence_of(files[i])) + "\n";
  }
  return out + counted(files.size(), "checkpoint") + "\n";
}

JsonWriter list_json(const std::string& registry, const std::vector<RegisteredFile>& files) {
  JsonWriter json;
  json.begin_object();
  json.key("registry").value(registry);
  json.key("files").begin_array();
  for (const RegisteredFile& file : files) {
    json.begin_object();
    write_file(json, file, presence_of(file));
    json.end_object();
  }
  json.end_array().end_object();
  return json;
}

// ---- show

constexpr size_t kMetadataWidth = 100;

struct Shown {
  RegisteredFile file;
  Presence presence = Presence::there;
  CheckpointNames names;
  JsonValue metadata;
  Lineage lineage;
};

JsonValue metadata_of(const RegisteredFile& file) {
  try {
    if (!file.metadata.empty())
      return parse_json(file.metadata, {.size = size_t{4} << 20, .depth = 2, .values = size_t{1} << 18});
  } catch (const Error&) {
    // Somebody else wrote it.
  }
  return {};
}

Shown look_at(const Registry& registry, const std::string& name) {
  Shown shown;
  shown.file = find_one(registry, name);
  shown.presence = presence_of(shown.file);
  shown.names = checkpoint_names(shown.file.name, shown.file.legacy_hash, shown.file.sha256);
  shown.metadata = metadata_of(shown.file);
  shown.lineage = lineage_of(shown.file, [&](const std::string& sha256) { return registry.with_sha256(sha256); });
  return shown;
}

std::string row(const char* heading, const std::string& text) {
  std::string line = std::string("  ") + heading;
  line.resize(14, ' ');
  return line + (text.empty() ? "not known" : visible(text)) + "\n";
}

std::string show_text(const Shown& shown) {
  const RegisteredFile& file = shown.file;
  std::string out = shortened(shown.names.title, kNameWidth) + ": " + what_text(file, shown.presence) + "\n";
  out += row("path", file.path) + row("name", shown.names.name) + row("aliases", joined(shown.names.aliases, ", "));
  out += row("SHA-256", file.sha256) + row("short hash", shown.names.short_hash) + row("legacy hash", file.legacy_hash);
  if (has_tensor_sum(file.form)) out += row("AutoV3", file.tensor_sha256.substr(0, 12));
  if (!file.crc32.empty()) out += row("CRC32", file.crc32);
  if (file.trouble.empty())
    out += row("tensors", grouped(file.tensors) + ", " + counted(file.parameters, "parameter"));
  else
    out += row("tensors", "not known: " + file.trouble);
  out += lineage_text(shown.lineage);
  if (shown.metadata.keys.empty()) return out + "  no metadata\n";
  out += "  metadata: " + counted(shown.metadata.keys.size(), "key") + "\n";
  return out + listed(shown.metadata.keys.size(), [&](size_t i) {
           return shortened(shown.metadata.keys[i], kMetadataWidth) + ": " +
                  shortened(shown.metadata.items[i].text, kMetadataWidth);
         });
}

JsonWriter show_json(const Shown& shown) {
  JsonWriter json;
  json.begin_object();
  write_file(json, shown.file, shown.presence);
  json.key("name_for_extra").value(shown.names.name_for_extra);
  json.key("model_name").value(shown.names.model_name);
  json.key("short_title").value(shown.names.short_title);
  json.key("aliases").begin_array();
  for (const std::string& alias : shown.names.aliases) json.value(alias);
  json.end_array();
  json.key("metadata").begin_object();
  for (size_t i = 0; i < shown.metadata.keys.size(); ++i)
    json.key(shown.metadata.keys[i]).value(shown.metadata.items[i].text);
  json.end_object();
  json.key("lineage");
  write_lineage(json, shown.lineage);
  json.end_object();
  return json;
}

}  // namespace

void list_command(const Request& request, Caller& caller) {
  request.refused.raise();
  const std::string path = registry_path(request.settings, caller.environment);
  std::vector<RegisteredFile> files;
  with_registry(path, Registry::Access::existing, caller,
                [&](const Registry& registry) { files = registry.files(Registry::Columns::without_metadata); });
  std::erase_if(files, [&](const RegisteredFile& file) { return !matches(file, request.operands); });
  if (request.settings.json) return caller.tell(list_json(path, files));
  caller.tell(list_text(files));
}

void show_command(const Request& request, Caller& caller) {
  const std::vector<std::string>& names = request.operands;
  if (names.size() != 1)
    throw Error(ErrorCode::usage, names.empty() ? "" : names[1],
                "`ckmerge show NAME` takes the name, alias or hash of one checkpoint; `ckmerge list` shows them");
  request.refused.raise();
  const std::string name = names[0].starts_with('@') ? names[0].substr(1) : names[0];
  Shown shown;
  with_registry(registry_path(request.settings, caller.environment), Registry::Access::existing, caller,
                [&](const Registry& registry) { shown = look_at(registry, name); });
  if (request.settings.json) return caller.tell(show_json(shown));
  caller.tell(show_text(shown));
}

}  // namespace ckmerge::cli
