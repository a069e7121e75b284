// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/asked_layout.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/inputs/component_places.h"
#include "core/inputs/judged_inputs.h"
#include "core/inputs/layout_target.h"
#include "core/inputs/mixed_naming.h"
#include "core/inputs/naming_path.h"
#include "core/inputs/own_discards.h"
#include "core/inputs/taken_averages.h"
#include "core/layouts/rewriting.h"
#include "core/layouts/unit_matrix.h"
#include "core/names/sampling_marks.h"
#include "core/recipe/layout_fields.h"
#include "io/checkpoint.h"
#include "io/input_forms.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr std::array<const char*, 3> kNames{"comfy", "diffusers", "original"};
constexpr size_t kNamed = 3;

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::mismatch, path, sentence(path, ": ", what));
}

// Rows of one component have one name, where it has more than two namings.
bool any_row_has(const ModelFamily& family, Naming naming) {
  return std::ranges::any_of(model_families(), [&](const ModelFamily& row) {
    return std::string_view(row.name) == family.name && (row.left == naming || row.right == naming);
  });
}

std::string named(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamed); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text + (names.size() > kNamed ? ", ..." : "");
}

void add_unplaced(Checkpoint& checkpoint, const std::vector<std::string>& names, UnplacedTensor::Fate fate) {
  for (const std::string& name : names) checkpoint.unplaced.push_back({.name = name, .fate = fate});
}

void note(Checkpoint& checkpoint, const NamingStep& step, const Rewriting& done) {
  const std::string family = step.family->name;
  std::string text = sentence(family, ": ", name(step.from()), " names to ", name(step.to()), ", ",
                              counted(done.renamed + done.reshaped, "tensor"));
  if (done.renamed + done.reshaped == 0)
    text = sentence(family, ": has the same names in ", name(step.to()), " naming");
  if (done.reshaped > 0) text += sentence(", ", done.reshaped, " of them cut, joined or turned");
  checkpoint.notes.push_back(text);
  add_unplaced(checkpoint, done.carried, UnplacedTensor::Fate::carried);
  add_unplaced(checkpoint, done.left_out, UnplacedTensor::Fate::left_out);
  if (!done.carried.empty())
    checkpoint.notes.push_back(sentence(family, ": ", counted(done.carried.size(), "tensor"),
                                        done.carried.size() == 1 ? " is" : " are",
                                        " of no rule and carried along under the old name: ", named(done.carried)));
  if (!done.left_out.empty())
    checkpoint.notes.push_back(sentence(family, ": ", counted(done.left_out.size(), "tensor"),
                                        done.left_out.size() == 1 ? " is" : " are", " left out, which ",
                                        name(step.to()), " names have no place for: ", named(done.left_out)));
}

void change_prefix(Checkpoint& checkpoint, const std::string& from, const std::string& to,
                   std::span<const std::string> others) {
  if (from == to) return;
  const auto is_others = [&](std::string_view name) {
    return std::ranges::any_of(others, [&](const std::string& prefix) { return name.starts_with(prefix); });
  };
  const std::vector<size_t> repeated = checkpoint.rename([&](std::string_view name) {
    return name.starts_with(from) && !is_others(name) ? std::string(to).append(name.substr(from.size()))
                                                      : std::string(name);
  });
  if (!repeated.empty())
    refuse(checkpoint.path, sentence("two of its tensors would be called ", checkpoint.tensors[repeated[0]].name));
  const auto shown = [](const std::string& prefix) { return prefix.empty() ? std::string("none") : prefix; };
  checkpoint.notes.push_back(sentence("prefix ", shown(from), " to ", shown(to)));
}

// Names in lists and marks beside the tensors would not follow.
void expect_free_to_rename(const Checkpoint& checkpoint) {
  const std::vector<std::string> fields = fields_by_name(checkpoint);
  if (!fields.empty())
    refuse(checkpoint.path, sentence("its metadata lists its tensors by name (", fields[0],
                                     "), and in the layout they would be called otherwise"));
}

void bring(Checkpoint& checkpoint, const PlacedComponents& placed, const LayoutTarget& target) {
  for (const PlacedComponent& component : placed.components) {
    const std::optional<std::string> prefix = target.prefix_of(component);
    if (!prefix) continue;
    const std::vector<std::string> others = component.prefix.empty() ? target.prefixes() : std::vector<std::string>();
    if (component.told)
      bring_component(checkpoint, *component.told, target.naming_of(component), *prefix, others);
    else
      change_prefix(checkpoint, component.prefix, *prefix, others);
  }
}

// The first encoder of Stable Diffusion 3 has a projection in diffusers, which is a unit matrix: ComfyUI applies none.
void make_projection(Checkpoint& checkpoint, const PlacedComponents& placed) {
  constexpr PipelineMember kFirst{.role = ComponentRole::text_encoder};
  if (!placed.layout || std::string_view(placed.layout->name) != "sd3") return;
  const auto is_comfys = [&](const PlacedComponent& component) {
    return component.member == kFirst && component.prefix.starts_with(placed.layout->encoder_prefix);
  };
  if (std::ranges::none_of(placed.components, is_comfys)) return;
  const std::string prefix = folder_of(kFirst) + ".", projection = prefix + "text_projection.weight";
  const auto table = ComponentNames(checkpoint.tensors, prefix).find("text_model.embeddings.token_embedding.weight");
  if (!table || table->shape.size() != 2 || !has_unit(table->dtype)) return;
  const bool had = checkpoint.tensors.find(projection) != TensorTable::npos;
  put_unit_matrix(checkpoint, projection, table->dtype, table->shape[1]);
  checkpoint.notes.push_back(sentence(
      projection, had ? " is replaced by" : " is made:", " a unit matrix, as Stable Diffusion 3 has it in diffusers"));
}

// What stands under no component that has a place: named, never dropped in silence. Returns the marks among it.
std::vector<std::string> leave_out(Checkpoint& checkpoint, const PlacedComponents& placed, const LayoutTarget& target) {
  const std::vector<std::string> kept = target.kept_prefixes(placed);
  std::vector<std::string> left, marks;
  uint64_t count = 0;
  bool marked = false;
  checkpoint.rename([&](std::string_view name) -> std::string {
    const auto begins = [&](const std::string& prefix) { return name.starts_with(prefix); };
    if (target.keeps(name) || std::ranges::any_of(kept, begins)) return std::string(name);
    marked |= is_mark_of_codes(name);
    checkpoint.unplaced.push_back({.name = std::string(name), .fate = UnplacedTensor::Fate::left_out});
    ++count;
    if (is_sampling_mark(name))
      marks.emplace_back(name);
    else if (left.size() <= kNamed)
      left.emplace_back(name);
    return "";
  });
  if (marked)
    refuse(checkpoint.path,
           "is quantized, which a mark beside all of its parts says (scaled_fp8), and in this layout it would be "
           "without it; convert the unquantized model");
  left.insert(left.begin(), marks.begin(), marks.end());
  if (count > 0)
    checkpoint.notes.push_back(sentence(counted(count, "tensor"), count == 1 ? " is" : " are", " left out, ",
                                        target.has_no_place(), ": ", named(left)));
  return marks;
}

// Of Stable Diffusion 2 ComfyUI finds it out by the weights.
std::string lost_scheduler(const Checkpoint& checkpoint, const PlacedComponents& placed, AskedLayout layout) {
  if (layout == AskedLayout::diffusers || components_of(checkpoint).empty()) return "";
  return lost_scheduler_warning(checkpoint, placed.layout && std::string_view(placed.layout->name) == "sd2");
}

// Such VAEs make pictures of latents, and no latents of pictures.
void tell_lacking_encoders(Checkpoint& checkpoint, const PlacedComponents& placed) {
  for (const PlacedComponent& component : placed.components) {
    if (component.member.role != ComponentRole::vae) continue;
    const ComponentNames names(checkpoint.tensors, component.prefix);
    if (!names.begins("encoder.") && names.begins("decoder."))
      checkpoint.notes.push_back(
          "its VAE has a decoder alone: it makes pictures of latents, and no latents of pictures");
  }
}

// Returns what is lost of how the model is sampled, a sentence each.
std::vector<std::string> bring_one(Checkpoint& checkpoint, AskedLayout layout, bool must) {
  const PlacedComponents placed = placed_components(checkpoint);
  const char* const asked = kNames[static_cast<size_t>(layout)];
  if (placed.components.empty() && !must) return {};
  if (placed.components.empty())
    refuse(checkpoint.path, sentence("--layout ", asked,
                                     ": its names are of no model whose namings are known (`ckmerge inspect` shows "
                                     "what is told)"));
  const LayoutTarget target(layout, placed, checkpoint);
  expect_free_to_rename(checkpoint);
  const size_t notes = checkpoint.notes.size();
  std::vector<std::string> marks;
  tell_lacking_encoders(checkpoint, placed);
  const size_t told = checkpoint.notes.size() - notes;
  if (target.leaves_out()) marks = leave_out(checkpoint, placed, target);
  bring(checkpoint, placed, target);
  if (layout == AskedLayout::diffusers) make_projection(checkpoint, placed);
  if (checkpoint.notes.size() == notes + told)
    checkpoint.notes.push_back(sentence("its components have the names of --layout ", asked, " as they are"));
  std::vector<std::string> warnings{lost_marks_warning(checkpoint.path, marks),
                                    lost_scheduler(checkpoint, placed, layout)};
  std::erase(warnings, "");
  return warnings;
}

// Of others, components are brought to A's one by one.
bool has_place_in_a_file(const PlacedComponents& placed) {
  const auto models = std::ranges::count_if(placed.components, [](const PlacedComponent& component) {
    return component.member.role == ComponentRole::transformer || component.member.role == ComponentRole::unet;
  });
  return placed.layout && models <= 1;
}

void bring_and_record(const Recipe& recipe, Checkpoint& checkpoint, AskedLayout layout) {
  const auto before = static_cast<std::ptrdiff_t>(checkpoint.notes.size());
  bring_without_discarded(recipe, {&checkpoint}, [&] { bring_one(checkpoint, layout, true); });
  checkpoint.equated.insert(checkpoint.equated.end(), checkpoint.notes.begin() + before, checkpoint.notes.end());
}

// The names of the first stay: whole pipelines in one file get those of a folder beside one, folders those of a file
// beside one of several components. A single component is found by what it is, whatever it is called.
void bring_beside_first(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  if (checkpoints.size() < 2) return;
  const bool is_folder = is_pipeline(checkpoints[0]);
  const std::span<Checkpoint> others = std::span(checkpoints).subspan(1);
  if (!is_folder &&
      (std::ranges::none_of(others, is_pipeline) || placed_components(checkpoints[0]).components.size() < 2))
    return;
  for (Checkpoint& other : others) {
    if (is_pipeline(other) == is_folder) continue;
    const PlacedComponents placed = placed_components(other);
    if (is_folder ? placed.components.size() > 1 : has_place_in_a_file(placed))
      bring_and_record(recipe, other, is_folder ? AskedLayout::diffusers : AskedLayout::comfy);
  }
}

}  // namespace

std::vector<std::string> asked_layout_names() { return {kNames.begin(), kNames.end()}; }

AskedLayout parse_asked_layout(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end())
    throw Error(ErrorCode::usage, "--layout",
                sentence("--layout: '", name, "' is not one of comfy, diffusers and original"));
  return static_cast<AskedLayout>(found - kNames.begin());
}

Naming naming_in(AskedLayout layout, const ModelFamily& family, bool open_clip) {
  if (family.role == ComponentRole::text_encoder) {
    const Naming wanted = open_clip ? Naming::open_clip : Naming::hugging_face;
    return any_row_has(family, wanted) ? wanted : family.left;
  }
  constexpr auto kWanted = std::to_array<std::array<Naming, 3>>({
      {Naming::comfy, Naming::original, Naming::diffusers},
      {Naming::diffusers, Naming::original, Naming::comfy},
      {Naming::original, Naming::diffusers, Naming::comfy},  // the publisher's, where ComfyUI has its own
  });
  for (const Naming naming : kWanted[static_cast<size_t>(layout)])
    if (any_row_has(family, naming)) return naming;
  return family.left;
}

void bring_component(Checkpoint& checkpoint, const ToldComponent& component, Naming wanted,
                     const std::string& to_prefix, std::span<const std::string> others) {
  const Naming from = component.naming();
  if (from == wanted) {
    expect_one_naming(checkpoint, component, others);
    return change_prefix(checkpoint, component.prefix, to_prefix, others);
  }
  const std::vector<NamingStep> path = naming_path(*component.family, from, wanted);
  if (path.empty())
    refuse(checkpoint.path, sentence(component.family->name, " cannot be brought from ", name(from), " names to ",
                                     name(wanted), ": no rules are known"));
  std::string prefix = component.prefix;
  for (const NamingStep& step : path) {
    if (const char* const why = step.no_way())
      refuse(checkpoint.path, sentence(step.family->name, " cannot be brought from ", name(step.from()), " names to ",
                                       name(step.to()), ": ", why));
    const bool from_left = step.direction == Direction::to_right;
    const LayoutRules rules = step.family->rules(ComponentNames(checkpoint.tensors, prefix), from_left);
    note(checkpoint, step, rewrite(checkpoint, rules, step.direction, prefix, to_prefix, others));
    prefix = to_prefix;
  }
}

std::vector<std::string> bring_to_layout(const Recipe& recipe, std::vector<Checkpoint>& checkpoints) {
  std::vector<std::string> warnings;
  if (!recipe.roles.empty()) return warnings;
  if (recipe.layout.empty()) {
    bring_beside_first(recipe, checkpoints);
    return warnings;
  }
  const AskedLayout layout = parse_asked_layout(recipe.layout);
  if (recipe.ema == EmaPolicy::use && !checkpoints.empty()) take_averages(checkpoints[0]);
  for (size_t k = 0; k < checkpoints.size(); ++k) {
    std::vector<std::string> lost;
    bring_without_discarded(recipe, {&checkpoints[k]}, [&] { lost = bring_one(checkpoints[k], layout, k == 0); });
    if (k == 0) warnings = std::move(lost);  // the others are sampled as A is
    share_names(std::span(checkpoints).first(k + 1));
  }
  return warnings;
}

}  // namespace ckmerge
