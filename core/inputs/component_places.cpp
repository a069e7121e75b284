// SPDX-License-Identifier: Apache-2.0
#include "core/inputs/component_places.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "core/inputs/layout_table.h"
#include "core/inputs/whole_part.h"
#include "io/input_forms.h"

namespace ckmerge {
namespace {

using std::string_view;

struct FolderName {
  string_view name;
  ComponentRole role;
};

constexpr auto kFolders = std::to_array<FolderName>({{"transformer", ComponentRole::transformer},
                                                     {"unet", ComponentRole::unet},
                                                     {"vae", ComponentRole::vae},
                                                     {"text_encoder", ComponentRole::text_encoder},
                                                     {"audio_vae", ComponentRole::audio_vae},
                                                     {"controlnet", ComponentRole::controlnet}});
constexpr uint32_t kMostOfARole = 4;
constexpr auto kVaePrefixes = std::to_array<string_view>({"first_stage_model.", "vae.", "pretransform.model."});

// Tables are sorted: names with a beginning stand together.
bool has_names(const TensorTable& tensors, string_view prefix) {
  size_t low = 0, high = tensors.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    tensors.name(middle) < prefix ? low = middle + 1 : high = middle;
  }
  return low < tensors.size() && tensors.name(low).starts_with(prefix);
}

// "conditioner.embedders.1." of "conditioner.embedders.1.model.": in another naming it goes on otherwise.
string_view place_in_front(string_view prefix) {
  const size_t dot = prefix.ends_with(".model.") ? prefix.rfind('.', prefix.size() - 2) : string_view::npos;
  return prefix.substr(0, dot == string_view::npos ? prefix.size() : dot + 1);
}

bool is_model(ComponentRole role) { return role == ComponentRole::transformer || role == ComponentRole::unet; }

std::string whole_prefix(const EncoderPlace& place) { return std::string(place.prefix).append(place.transformer); }

class Places {
 public:
  explicit Places(const Checkpoint& checkpoint) : tensors_(checkpoint.tensors), components_(components_of(checkpoint)) {
    std::vector<ToldComponent> told = told_components(tensors_);
    std::erase_if(told, [&](const ToldComponent& component) { return is_beside(component.prefix); });
    for (const ToldComponent& component : told)
      if (is_model(component.family->role) && !found_.layout) found_.layout = layout_called(component.family->name);
    if (!found_.layout) found_.layout = layout_by_guess(checkpoint);
    if (!found_.layout) found_.layout = layout_by_encoders();
    for (const ToldComponent& component : told)
      add({.prefix = component.prefix, .member = member_of(component), .told = component});
    add_folders();
    add_places();
  }

  PlacedComponents take() { return std::move(found_); }

 private:
  PipelineMember member_of(const ToldComponent& component) const {
    const ComponentRole role = component.family->role;
    if (const auto member = member_of_folder(without_dot(component.prefix)); member && is_same_kind(member->role, role))
      return {role, member->number};
    if (role != ComponentRole::text_encoder || !found_.layout) return {role, 0};
    for (uint32_t k = found_.layout->first_encoder; const EncoderPlace* place = place_of_encoder(*found_.layout, k);
         ++k)
      if (component.prefix.starts_with(place_in_front(place->prefix))) return {role, k};
    return {role, 0};
  }

  // Of a folder's sub-folder that is of none of the roles: its VAE or encoder is not the pipeline's. A ControlNet goes
  // from folder to folder as it is.
  bool is_beside(string_view prefix) const {
    const string_view front = prefix.substr(0, prefix.find('.'));
    const std::optional<PipelineMember> member = member_of_folder(front);
    return std::ranges::find(components_, front) != components_.end() &&
           (!member || member->role == ComponentRole::controlnet);
  }

  static bool is_same_kind(ComponentRole a, ComponentRole b) { return a == b || (is_model(a) && is_model(b)); }

  static string_view without_dot(string_view prefix) {
    return prefix.empty() ? prefix : prefix.substr(0, prefix.size() - 1);
  }

  void add(PlacedComponent component) {
    const auto covers = [&](const PlacedComponent& other) {
      return !other.prefix.empty() && !component.prefix.empty() &&
             (component.prefix.starts_with(other.prefix) || other.prefix.starts_with(component.prefix));
    };
    const auto same = [&](const PlacedComponent& other) { return other.prefix == component.prefix; };
    if (std::ranges::none_of(found_.components, covers) && std::ranges::none_of(found_.components, same))
      found_.components.push_back(std::move(component));
  }

  // Of parts without a model: the layout that has a VAE there and just these encoders, or the only one that has any.
  const Layout* layout_by_encoders() const {
    const Layout *whole = nullptr, *partly = nullptr;
    size_t most = 0, partly_count = 0;
    for (const Layout& layout : layouts()) {
      if (has_other_vae(layout)) continue;
      size_t places = 0, there = 0;
      for (uint32_t k = layout.first_encoder; const EncoderPlace* place = place_of_encoder(layout, k); ++k) {
        ++places;
        there += !member_of_folder(without_dot(place->prefix)) && has_names(tensors_, whole_prefix(*place)) ? 1 : 0;
      }
      if (there == 0) continue;
      partly = &layout;
      ++partly_count;
      if (there == places && there > most) {
        whole = &layout;
        most = there;
      }
    }
    return whole || partly_count != 1 ? whole : partly;
  }

  bool has_other_vae(const Layout& layout) const {
    const auto is_elsewhere = [&](string_view prefix) {
      return prefix != layout.vae_prefix && has_names(tensors_, prefix);
    };
    return !has_names(tensors_, layout.vae_prefix) && std::ranges::any_of(kVaePrefixes, is_elsewhere);
  }

  // Of a folder, whose names no file has.
  void add_folders() {
    for (const FolderName& folder : kFolders)
      for (uint32_t number = 0; number < kMostOfARole && folder.role != ComponentRole::controlnet; ++number) {
        const PipelineMember member{folder.role, number};
        const std::string prefix = folder_of(member) + ".";
        if (prefix == "transformer." && !is_of_folder()) continue;
        if (has_names(tensors_, prefix)) add({.prefix = prefix, .member = member, .told = {}});
      }
  }

  // GPT-2's names begin with transformer., too.
  bool is_of_folder() const { return has_names(tensors_, "vae.") || has_names(tensors_, "text_encoder."); }

  void add_places() {
    if (!found_.layout) return;
    const Layout& layout = *found_.layout;
    if (has_names(tensors_, layout.vae_prefix))
      add({.prefix = layout.vae_prefix, .member = {ComponentRole::vae, 0}, .told = {}});
    for (uint32_t k = layout.first_encoder; const EncoderPlace* place = place_of_encoder(layout, k); ++k)
      if (const std::string prefix = whole_prefix(*place); has_names(tensors_, prefix))
        add({.prefix = prefix, .member = {ComponentRole::text_encoder, k}, .told = {}});
  }

  const TensorTable& tensors_;
  const std::vector<std::string> components_;
  PlacedComponents found_;
};

// Sub-folders of which the file may be one: of its family, or with names that are its own.
std::vector<std::string> fitting_components(const Checkpoint& folder, const Checkpoint& file) {
  const std::vector<ToldComponent> told = told_components(file.tensors), own = told_components(folder.tensors);
  std::vector<std::string> fitting = components_of(folder);
  std::erase_if(fitting, [&](const std::string& component) {
    const std::string front = component + ".";
    const auto is_it = [&](const ToldComponent& one) {
      return one.prefix.starts_with(front) && are_one_family(one, told.front());
    };
    if (!told.empty()) return told.size() > 1 || std::ranges::none_of(own, is_it);
    return file.tensors.size() == 0 ||
           folder.tensors.find(front + std::string(file.tensors.name(0))) == TensorTable::npos;
  });
  return fitting;
}

// What is called as the path, or the folder that it lies in.
std::string named_by_path(const std::vector<std::string>& components, const std::string& path) {
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(path, error).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  for (const std::filesystem::path& one : {place, place.parent_path()})
    if (const auto found = std::ranges::find(components, one.filename().string()); found != components.end())
      return *found;
  return "";
}

}  // namespace

std::string meant_component(const Checkpoint& folder, const Checkpoint& file) {
  const std::vector<std::string> fitting = fitting_components(folder, file);
  std::string named = file.lies_in_memory() ? "" : named_by_path(fitting, file.path);
  return named.empty() && fitting.size() == 1 && is_vae_alone(file) ? fitting.front() : named;
}

PlacedComponents placed_components(const Checkpoint& checkpoint) { return Places(checkpoint).take(); }

std::string counterpart_in(const Checkpoint& folder, const Checkpoint& file) {
  const std::vector<std::string> sub_folders = components_of(folder);
  const std::vector<ToldComponent> told = told_components(file.tensors);
  if (sub_folders.size() < 2 || told.size() != 1) return "";
  const PlacedComponents placed = placed_components(folder);
  const auto of_family = [&](const PlacedComponent& one) { return one.told && are_one_family(*one.told, told[0]); };
  const auto of_role = [&](const PlacedComponent& one) { return one.member.role == told[0].family->role; };
  const auto sole = [&](const auto& is_it) -> std::string {
    const auto found = std::ranges::find_if(placed.components, is_it);
    if (std::ranges::count_if(placed.components, is_it) != 1) return "";
    const std::string name = folder_of(found->member);
    return std::ranges::find(sub_folders, name) == sub_folders.end() ? "" : name;
  };
  const std::string found = sole(of_family);
  return found.empty() ? sole(of_role) : found;
}

std::string folder_of(PipelineMember member) {
  const auto row = std::ranges::find(kFolders, member.role, &FolderName::role);
  std::string folder(row->name);
  if (member.number > 0) folder += "_" + std::to_string(member.number + 1);
  return folder;
}

std::optional<PipelineMember> member_of_folder(string_view folder) {
  for (const FolderName& known : kFolders)
    for (uint32_t number = 0; number < kMostOfARole; ++number)
      if (const PipelineMember member{known.role, number}; folder == folder_of(member)) return member;
  return std::nullopt;
}

const EncoderPlace* place_of_encoder(const Layout& layout, uint32_t number) {
  const uint32_t index = number < layout.first_encoder ? UINT32_MAX : number - layout.first_encoder;
  if (index >= std::size(layout.encoders) || !layout.encoders[index].prefix) return nullptr;
  return &layout.encoders[index];
}

}  // namespace ckmerge
