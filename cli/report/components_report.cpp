// SPDX-License-Identifier: Apache-2.0
#include "cli/report/components_report.h"

#include <array>
#include <vector>

#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "core/families/told_architecture.h"
#include "core/inputs/component_places.h"
#include "core/names/part.h"
#include "io/input_forms.h"

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

std::string shard_lines(const Checkpoint& checkpoint) {
  std::string out;
  if (is_pipeline(checkpoint))
    for (const InputFile& shard : checkpoint.shards)
      out += "  " + visible(shard.path()) + ": " + size_text(shard.size()) + "\n";
  return out;
}

}  // namespace

std::string component_lines(const Checkpoint& checkpoint) {
  std::string out = shard_lines(checkpoint);
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
  if (!is_pipeline(checkpoint)) return;
  json.key("shards").begin_array();
  for (const InputFile& shard : checkpoint.shards) json.value(shard.path());
  json.end_array();
}

}  // namespace ckmerge::cli
