// SPDX-License-Identifier: Apache-2.0
#include "core/plan/component_names.h"

#include <algorithm>

#include "core/names/part.h"
#include "core/names/training_state.h"
#include "core/plan/judged_inputs.h"
#include "core/plan/pipeline_layout.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kVaePrefixes[] = {"first_stage_model.", "vae."};
constexpr std::string_view kUnetPrefix = "model.diffusion_model.", kBareUnetPrefix = "diffusion_model.";

// A1111 leaves out what an autoencoder's training left, and so do we.
bool is_left_by_training(std::string_view name) { return name.starts_with("loss") || is_training_state(name); }

std::string_view without_prefix(std::string_view name) {
  for (const std::string_view prefix : kVaePrefixes)
    if (name.starts_with(prefix)) return name.substr(prefix.size());
  return name;
}

bool any_name(const Checkpoint& checkpoint, const auto& test) {
  for (size_t i = 0; i < checkpoint.tensors.size(); ++i)
    if (test(checkpoint.tensors[i].name)) return true;
  return false;
}

bool any_begins(const Checkpoint& checkpoint, std::string_view beginning) {
  return any_name(checkpoint, [&](std::string_view name) { return name.starts_with(beginning); });
}

// Where a whole checkpoint is given for one of its parts, the others are left out.
bool is_of_another(Part part, std::string_view name) {
  const std::optional<Part> own = part_of(name);
  return own && *own != part;
}

// Renames, with a count of what has no place. Throws for names that come to the same, or none.
size_t rename(Checkpoint& checkpoint, const std::function<std::string(std::string_view)>& new_name,
              const std::string& part) {
  const size_t before = checkpoint.tensors.size();
  const std::vector<size_t> repeated = checkpoint.tensors.rename(new_name);
  if (!repeated.empty())
    throw Error(
        ErrorCode::mismatch, checkpoint.path,
        sentence(checkpoint.path, ": two of its tensors would be called ", checkpoint.tensors[repeated[0]].name));
  if (checkpoint.tensors.size() == 0)
    throw Error(ErrorCode::mismatch, checkpoint.path, checkpoint.path + ": has no tensor of a " + part);
  return before - checkpoint.tensors.size();
}

void add_note(std::vector<std::string>& notes, const Checkpoint& checkpoint, size_t left_out, const char* part) {
  if (left_out > 0)
    notes.push_back(sentence(checkpoint.path, ": ", left_out, left_out == 1 ? " tensor is" : " tensors are",
                             " left out, being of no ", part, " that the result has"));
}

std::string vae_name(std::string_view name, std::string_view prefix) {
  if (is_left_by_training(name) || is_of_another(Part::vae, name)) return "";
  return std::string(prefix).append(without_prefix(name));
}

// Of a file that is given as one; what is baked in has to fit the tensors that are there.
void check_is_vae(const Checkpoint& file) {
  const auto decodes = [](std::string_view name) {
    return !is_of_another(Part::vae, name) && without_prefix(name).starts_with("decoder.");
  };
  if (!any_name(file, decodes))
    throw Error(ErrorCode::mismatch, file.path, file.path + ": has no tensor of a VAE's decoder (decoder.)");
}

size_t read_as_vae(Checkpoint& vae, std::string_view prefix) {
  if (any_begins(vae, "decoder.up_blocks.") || any_begins(vae, "decoder.mid_block."))
    throw Error(ErrorCode::mismatch, vae.path,
                vae.path + ": is in diffusers' naming, which no checkpoint in one file has; convert it first");
  // Of a whole checkpoint its VAE is meant, and what belongs to no part is no VAE's either.
  const bool whole = any_name(vae, [](std::string_view name) { return part_of(name) == Part::vae; });
  return rename(
      vae, [&](std::string_view name) { return whole && !part_of(name) ? "" : vae_name(name, prefix); }, "VAE");
}

size_t read_as_unet(Checkpoint& unet) {
  const bool whole = any_begins(unet, kUnetPrefix);
  return rename(
      unet,
      [&](std::string_view name) -> std::string {
        if (name.starts_with(kUnetPrefix)) return std::string(name);
        if (whole || is_of_another(Part::unet, name)) return "";
        if (name.starts_with(kBareUnetPrefix)) name.remove_prefix(kBareUnetPrefix.size());
        return std::string(kUnetPrefix).append(name);
      },
      "unet");
}

size_t read_as_encoder(Checkpoint& file, Layout layout) {
  const bool whole = any_name(file, [](std::string_view name) { return part_of(name) == Part::te; });
  if (whole && !any_begins(file, encoder_prefix(layout)))
    throw Error(ErrorCode::mismatch, file.path,
                sentence(file.path, ": its text encoders are named as those of another layout than ", name(layout),
                         " (", encoder_prefix(layout), ")"));
  const EncoderKind kind = whole ? EncoderKind() : encoder_kind(file);
  return rename(
      file,
      [&](std::string_view name) -> std::string {
        if (whole) return part_of(name) == Part::te ? std::string(name) : "";
        return encoder_name(layout, kind, name, file.path);
      },
      "text encoder");
}

Layout layout_of(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  if (!recipe.layout.empty()) return parse_layout(recipe.layout);
  const auto unet = std::ranges::find(recipe.roles, "unet");
  if (unet == recipe.roles.end()) throw Error(ErrorCode::usage, "--layout", "--layout must be given without a unet");
  return layout_of_unet(checkpoints[static_cast<size_t>(unet - recipe.roles.begin())]);
}

std::vector<std::string> read_in_roles(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (recipe.roles.size() != checkpoints.size())
    throw Error(ErrorCode::usage, "roles",
                sentence(recipe.roles.size(), " files are to be put together, ", checkpoints.size(), " were given"));
  const Layout layout = layout_of(recipe, checkpoints);
  std::vector<std::string> notes;
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    Checkpoint& file = checkpoints[k];
    switch (parse_part("roles", recipe.roles[k])) {
      case Part::unet: add_note(notes, file, read_as_unet(file), "unet"); break;
      case Part::te: add_note(notes, file, read_as_encoder(file, layout), "text encoder"); break;
      case Part::vae:
        check_is_vae(file);
        add_note(notes, file, read_as_vae(file, vae_prefix(layout)), "VAE");
        break;
    }
  }
  return notes;
}

}  // namespace

std::vector<std::string> name_components(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (!recipe.roles.empty() || recipe.bake_vae) refuse_unmergeable(recipe, checkpoints);
  if (!recipe.roles.empty()) return read_in_roles(recipe, checkpoints);
  if (!recipe.bake_vae) return {};
  if (checkpoints.size() < 2) throw Error(ErrorCode::usage, "--vae", "a VAE needs a checkpoint to be baked into");
  const bool flux = any_begins(checkpoints[0], "vae.") && !any_begins(checkpoints[0], "first_stage_model.");
  std::vector<std::string> notes;
  Checkpoint& vae = checkpoints.back();
  add_note(notes, vae, read_as_vae(vae, flux ? "vae." : "first_stage_model."), "VAE");
  return notes;
}

}  // namespace ckmerge
