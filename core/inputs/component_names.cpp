// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/component_names.h"

#include <algorithm>

#include "core/inputs/asked_layout.h"
#include "core/inputs/judged_inputs.h"
#include "core/inputs/own_discards.h"
#include "core/inputs/pipeline_layout.h"
#include "core/names/model_buffers.h"
#include "core/names/part.h"
#include "core/names/training_state.h"
#include "core/recipe/layout_fields.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::string_view kVaePrefixes[] = {"first_stage_model.", "vae.", "pretransform.model."};
constexpr std::string_view kUnetPrefixes[] = {"model.diffusion_model.", "model.model.", "diffusion_model."};

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
  const std::vector<std::string> fields = fields_by_name(checkpoint);
  bool marked = false, mark_stays = false, changed = false;
  const std::vector<size_t> repeated = checkpoint.rename([&](std::string_view name) {
    std::string renamed = new_name(name);
    marked |= is_mark_of_codes(name);
    mark_stays |= is_mark_of_codes(name) && !renamed.empty();
    changed |= !renamed.empty() && renamed != name;
    if (renamed.empty())
      checkpoint.unplaced.push_back({.name = std::string(name), .fate = UnplacedTensor::Fate::left_out});
    return renamed;
  });
  if (changed && !fields.empty())
    throw Error(ErrorCode::mismatch, checkpoint.path,
                sentence(checkpoint.path, ": its metadata lists its tensors by name (", fields[0],
                         "), and in the result they would be called otherwise"));
  if (marked && !mark_stays && judge(checkpoint.tensors, {}).holds == Holds::codes)
    throw Error(ErrorCode::mismatch, checkpoint.path,
                sentence(checkpoint.path, ": its ", part,
                         " is quantized, which a mark beside all of its parts says "
                         "(scaled_fp8), and the result would be without it; give the whole file for the unet only"));
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

// What a model has beside its VAE has the same names in every checkpoint.
bool is_beside_vae(std::string_view name) {
  constexpr std::string_view kBeside[] = {"audio_vae.", "vocoder."};
  return std::ranges::any_of(kBeside, [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::string vae_name(std::string_view name, std::string_view prefix) {
  if (is_left_by_training(name) || is_of_another(Part::vae, name)) return "";
  if (is_beside_vae(name)) return std::string(name);
  return std::string(prefix).append(without_prefix(name));
}

// Of a file that is given as one.
void check_is_vae(const Checkpoint& file) {
  const auto decodes = [](std::string_view name) {
    if (is_of_another(Part::vae, name)) return false;
    const std::string_view inner = without_prefix(name);
    return inner.starts_with("decoder.") || inner.starts_with("geo_decoder.");  // which makes shapes
  };
  if (!any_name(file, decodes))
    throw Error(
        ErrorCode::mismatch, file.path,
        file.path + ": has no tensor of a VAE's decoder (decoder.); --vae takes a VAE, or a checkpoint that has one");
}

size_t read_as_vae(Checkpoint& vae, std::string_view prefix) {
  // Of a whole checkpoint its VAE is meant, and what belongs to no part is no VAE's either.
  const bool whole = any_name(vae, [](std::string_view name) { return part_of(name) == Part::vae; });
  return rename(
      vae, [&](std::string_view name) { return whole && !part_of(name) ? "" : vae_name(name, prefix); }, "VAE");
}

// What says how a model is sampled stands beside its parts; a mark between underscores stands in the unet.
bool stands_beside_parts(std::string_view name) {
  const BufferRow* const row = buffer_row(name, {});
  if (row && is_of_sampling(*row) && !name.starts_with("__") && !part_of(name)) return true;
  // What Stable Audio's model knows of lengths.
  return name.starts_with("conditioner.conditioners.seconds_");
}

// "model." is in front of longer ones, too.
std::string_view unet_prefix_of(std::string_view name, std::string_view prefix) {
  std::string_view longest = name.starts_with(prefix) ? prefix : std::string_view();
  for (const std::string_view front : kUnetPrefixes)
    if (front.size() > longest.size() && name.starts_with(front)) longest = front;
  return longest;
}

size_t read_as_unet(Checkpoint& unet, const std::string& prefix) {
  const bool whole = any_name(unet, [&](std::string_view name) { return unet_prefix_of(name, prefix) == prefix; });
  return rename(
      unet,
      [&](std::string_view name) -> std::string {
        const bool beside = is_mark_of_codes(name) ? whole : stands_beside_parts(name);
        const std::string_view front = unet_prefix_of(name, prefix);
        if (front == prefix || beside) return std::string(name);
        if (whole || is_of_another(Part::unet, name)) return "";
        return std::string(prefix).append(name.substr(front.size()));
      },
      "unet");
}

bool has_place_of(const Checkpoint& file, const Layout& layout) {
  return std::ranges::any_of(layout.encoders, [&](const EncoderPlace& place) {
    return place.prefix && any_begins(file, std::string(place.prefix).append(place.transformer));
  });
}

// The sole component of a file, whose prefix stays. False where it is none that is told.
bool bring_to_naming(Checkpoint& file, std::optional<Naming> wanted = {}) {
  for (const ToldComponent& told : told_components(file.tensors)) {
    if (!told.prefix.empty()) continue;
    const bool is_encoder = told.family->role == ComponentRole::text_encoder;
    if (is_encoder != wanted.has_value()) continue;
    bring_component(file, told, wanted.value_or(naming_in(AskedLayout::comfy, *told.family)), told.prefix);
    return true;
  }
  return false;
}

// From that of a folder of diffusers. What stays in it, because no rules tell it, is refused.
void bring_to_comfy(Checkpoint& file, Part part) {
  if (part == Part::te) return;
  bring_to_naming(file);
  const auto is_of_diffusers = [](std::string_view name) {
    return name.starts_with("decoder.") && name.find(".resnets.") != std::string_view::npos;
  };
  if (part == Part::vae && any_name(file, is_of_diffusers))
    throw Error(ErrorCode::mismatch, file.path,
                file.path +
                    ": is in diffusers' naming, which no checkpoint in one file has, and of no family whose "
                    "other naming is known");
}

// From that in which a class of transformers 5 saves it.
void bring_to_hugging_face(Checkpoint& file) {
  for (const ToldComponent& told : told_components(file.tensors))
    if (told.prefix.empty() && told.family->role == ComponentRole::text_encoder &&
        told.naming() == Naming::transformers)
      return bring_component(file, told, Naming::hugging_face, told.prefix);
}

size_t read_as_encoder(Checkpoint& file, const Layout& layout) {
  const bool whole = any_name(file, [](std::string_view name) { return part_of(name) == Part::te; });
  if (whole && !has_place_of(file, layout))
    throw Error(ErrorCode::mismatch, file.path,
                sentence(file.path, ": its text encoders are named as those of another layout than ", layout.name, " (",
                         layout.encoder_prefix, ")"));
  if (!whole) bring_to_hugging_face(file);
  EncoderKind kind = whole ? EncoderKind() : encoder_kind(file);
  const Naming other = kind.open_clip ? Naming::hugging_face : Naming::open_clip;
  if (!whole && wants_other_naming(layout, kind) && bring_to_naming(file, other)) kind.open_clip = !kind.open_clip;
  return rename(
      file,
      [&](std::string_view name) -> std::string {
        if (whole) return part_of(name) == Part::te ? std::string(name) : "";
        return encoder_name(layout, kind, name, file.path);
      },
      "text encoder");
}

const Layout& layout_of(const Recipe& recipe, std::span<const Checkpoint> checkpoints) {
  const auto unet = std::ranges::find(recipe.roles, "unet");
  if (unet == recipe.roles.end()) {
    if (recipe.layout.empty()) throw Error(ErrorCode::usage, "--layout", "--layout must be given without a unet");
    return parse_layout(recipe.layout);
  }
  const Checkpoint& file = checkpoints[static_cast<size_t>(unet - recipe.roles.begin())];
  const Layout* const told = layout_of_unet(file);
  const Layout* const said = recipe.layout.empty() ? nullptr : &parse_layout(recipe.layout);
  if (told && said && told != said)
    throw Error(ErrorCode::usage, "--layout",
                sentence("--layout ", said->name, ": ", file.path, " is a unet of ", told->name,
                         ", which no program reads under other names; leave --layout out"));
  if (told || said) return told ? *told : *said;
  throw Error(ErrorCode::mismatch, file.path,
              sentence(file.path,
                       ": is no unet of SD 1, SD 2, SDXL, SD3, Flux or another family of --layout that can "
                       "be told by its tensors; name it (--layout)"));
}

std::vector<std::string> read_in_roles(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (recipe.roles.size() != checkpoints.size())
    throw Error(ErrorCode::usage, "roles",
                sentence(recipe.roles.size(), " files are to be put together, ", checkpoints.size(), " were given"));
  for (size_t k = 0; k < checkpoints.size(); ++k)
    bring_without_discarded(recipe, {&checkpoints[k]},
                            [&] { bring_to_comfy(checkpoints[k], parse_part("roles", recipe.roles[k])); });
  const Layout& layout = layout_of(recipe, checkpoints);
  std::vector<std::string> notes;
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    Checkpoint& file = checkpoints[k];
    switch (parse_part("roles", recipe.roles[k])) {
      case Part::unet: add_note(notes, file, read_as_unet(file, layout.unet_prefix), "unet"); break;
      case Part::te: add_note(notes, file, read_as_encoder(file, layout), "text encoder"); break;
      case Part::vae:
        check_is_vae(file);
        if (std::string told = other_latents(layout, file); !told.empty()) notes.push_back(std::move(told));
        add_note(notes, file, read_as_vae(file, layout.vae_prefix), "VAE");
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
  const auto has_vae = [&](std::string_view prefix) { return any_begins(checkpoints[0], prefix); };
  const auto* const prefix = std::ranges::find_if(kVaePrefixes, has_vae);
  std::vector<std::string> notes;
  Checkpoint& vae = checkpoints.back();
  if (recipe.layout != "diffusers" && !is_pipeline(checkpoints[0]))
    bring_without_discarded(recipe, {&vae}, [&] { bring_to_comfy(vae, Part::vae); });
  add_note(notes, vae, read_as_vae(vae, prefix == std::end(kVaePrefixes) ? kVaePrefixes[0] : *prefix), "VAE");
  return notes;
}

}  // namespace ckmerge
