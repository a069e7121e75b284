// SPDX-License-Identifier: Apache-2.0
#include "cli/report/components_report.h"

#include <array>
#include <vector>

#include "cli/options/sizes.h"
#include "cli/report/report.h"
#include "cli/system/text.h"
#include "core/families/told_architecture.h"
#include "core/inputs/component_places.h"
#include "core/names/part.h"
#include "io/folder/model_folder.h"
#include "io/folder/shard_names.h"

namespace ckmerge::cli {
namespace {

const char* role_name(ComponentRole role) {
  switch (role) {
    case ComponentRole::transformer: return "transformer";
    case ComponentRole::unet: return "unet";
    case ComponentRole::vae: return "vae";
    case ComponentRole::text_encoder: return "text encoder";
    case ComponentRole::audio_vae: return "audio vae";
    case ComponentRole::controlnet: return "controlnet";
  }
  return "";
}

std::string component_line(const PlacedComponent& component) {
  std::string out = std::string("  ") + role_name(component.member.role) + ": ";
  out += component.told ? std::string(component.told->family->name) + ", " + name(component.told->naming()) + " names"
                        : std::string("of no naming that is told");
  return out + (component.prefix.empty() ? ", no prefix" : ", prefix " + visible(component.prefix)) + "\n";
}

std::array<uint64_t, kPartCount> part_counts(const Checkpoint& checkpoint) {
  std::array<uint64_t, kPartCount> counts{};
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (const auto part = part_of(checkpoint.tensors.name(i))) ++counts[static_cast<size_t>(*part)];
  return counts;
}

std::string part_line(const Checkpoint& checkpoint) {
  const std::array<uint64_t, kPartCount> counts = part_counts(checkpoint);
  std::vector<std::string> parts;
  for (size_t i = 0; i < kPartCount; ++i)
    if (counts[i] > 0) parts.push_back(std::string(kPartNames[i]) + " " + counted(counts[i], "tensor"));
  return parts.empty() ? "" : "  parts: " + joined(parts, ", ") + "\n";
}

const char* kind_text(FolderKind kind) {
  switch (kind) {
    case FolderKind::transformers: return "transformers";
    case FolderKind::diffusers: return "diffusers";
    case FolderKind::pipeline: return "pipeline";
    case FolderKind::plain: return "plain";
  }
  return "";
}

std::string index_text(const ModelFolder::Component& component) {
  if (component.shards < 2 && component.index.empty()) return "";
  return component.index.empty() ? ", no index" : ", index " + visible(component.index);
}

// The folder's files, and for each component in several how they are known to be one.
std::string files_of_folder(const Checkpoint& checkpoint) {
  if (!checkpoint.folder) return "";
  const ModelFolder& folder = *checkpoint.folder;
  std::string out = std::string("  folder: ") + kind_text(folder.kind) + ", " +
                    counted(checkpoint.shards.size(), "file") +
                    (folder.components.size() == 1 ? index_text(folder.components[0]) : "") + "\n";
  if (folder.components.size() > 1)
    for (const ModelFolder::Component& component : folder.components)
      if (const std::string index = index_text(component); !index.empty())
        out += "  " + visible(component.name) + ": " + counted(component.shards, "shard") + index + "\n";
  return out + listed(checkpoint.shards.size(), [&](size_t i) {
           const InputFile& shard = checkpoint.shards[i];
           return visible(name_in_folder(checkpoint, shard)) + ": " + size_text(shard.size());
         });
}

void write_model_folder(JsonWriter& json, const Checkpoint& checkpoint) {
  json.key("folder");
  if (!checkpoint.folder) return static_cast<void>(json.null());
  const ModelFolder& folder = *checkpoint.folder;
  json.begin_object();
  json.key("kind").value(kind_text(folder.kind));
  json.key("components").begin_array();
  for (const ModelFolder::Component& component : folder.components) {
    json.begin_object();
    json.key("name").value(component.name);
    json.key("stem").value(component.stem);
    json.key("variant").value(component.variant);
    json.key("index").value(component.index);
    json.key("shards").value(component.shards);
    json.end_object();
  }
  json.end_array();
  json.key("left").begin_array();
  for (const std::string& name : folder.left) json.value(name);
  json.end_array().end_object();
}

}  // namespace

std::string component_lines(const Checkpoint& checkpoint) {
  std::string out = files_of_folder(checkpoint);
  const ArchitectureGuess guess = tell_architecture(checkpoint);
  if (!guess.architecture.empty())
    out += "  " + guess.architecture + (guess.kind.empty() ? "" : ", " + guess.kind) + "\n";
  for (const PlacedComponent& component : placed_components(checkpoint).components) out += component_line(component);
  return out + part_line(checkpoint);
}

void write_components(JsonWriter& json, const Checkpoint& checkpoint) {
  const ArchitectureGuess guess = tell_architecture(checkpoint);
  json.key("guess").begin_object();  // as `list` calls it
  json.key("architecture").value(guess.architecture);
  json.key("kind").value(guess.kind);
  json.end_object();
  json.key("components").begin_array();
  for (const PlacedComponent& component : placed_components(checkpoint).components) {
    json.begin_object();
    json.key("role").value(role_name(component.member.role));
    json.key("family").value(component.told ? component.told->family->name : "");
    json.key("naming").value(component.told ? name(component.told->naming()) : "");
    json.key("prefix").value(component.prefix);
    json.end_object();
  }
  json.end_array();
  json.key("parts").begin_object();
  const std::array<uint64_t, kPartCount> counts = part_counts(checkpoint);
  for (size_t i = 0; i < kPartCount; ++i) json.key(kPartNames[i]).value(counts[i]);
  json.end_object();
  write_model_folder(json, checkpoint);
  if (!checkpoint.folder) return;
  json.key("shards").begin_array();
  for (const InputFile& shard : checkpoint.shards) json.value(shard.path());
  json.end_array();
}

}  // namespace ckmerge::cli
