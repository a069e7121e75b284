// SPDX-License-Identifier: Apache-2.0
#include "cli/folders/given_configs.h"

#include <algorithm>
#include <array>
#include <utility>

#include "cli/folders/config_files.h"
#include "core/folders/stored_dtypes.h"
#include "io/text/error.h"
#include "io/text/json_text.h"
#include "io/text/json_value.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kIndex = "model_index.json";

constexpr std::string_view kClass = "_class_name";

// Fields of config.json that tensors must agree with; all others are the trainer's or the sampler's.
constexpr auto kSizes = std::to_array<std::string_view>(
    {kClass, "in_channels", "out_channels", "num_layers", "num_single_layers", "num_attention_heads",
     "joint_attention_dim", "caption_projection_dim", "pooled_projection_dim", "patch_size", "guidance_embeds",
     "block_out_channels", "layers_per_block", "cross_attention_dim", "use_linear_projection", "latent_channels",
     "use_quant_conv", "use_post_quant_conv"});

// What a config says of how its own weights are stored.
constexpr auto kOfOtherWeights = std::to_array<std::string_view>({"quantization_config", "transformers_weights"});

using Kind = JsonValue::Kind;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::mismatch, "--config-from",
              "--config-from: " + what + "; name a folder of the same family of models");
}

template <typename Value>
auto field(Value& object, std::string_view key) -> decltype(object.items.data()) {
  const auto found = std::ranges::find(object.keys, key);
  return found == object.keys.end() ? nullptr : &object.items[static_cast<size_t>(found - object.keys.begin())];
}

bool take_out(JsonValue& object, std::string_view key) {
  const auto found = std::ranges::find(object.keys, key);
  if (found == object.keys.end()) return false;
  object.items.erase(object.items.begin() + (found - object.keys.begin()));
  object.keys.erase(found);
  return true;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string shown(const JsonValue& value) {
  switch (value.kind) {
    case Kind::boolean: return value.boolean ? "true" : "false";
    case Kind::array: {
      std::vector<std::string> items;
      for (const JsonValue& item : value.items) items.push_back(shown(item));
      return "[" + listed(items) + "]";
    }
    default: return value.text;
  }
}

// One field may be written in several ways (a number for all blocks, or one for each): what is written alike is
// compared.
bool differ(const JsonValue& a, const JsonValue& b) {
  return a.kind == b.kind && a.kind != Kind::null && a.kind != Kind::object && shown(a) != shown(b);
}

std::string component_in(std::string_view file) { return std::string(file.substr(0, file.find('/'))); }

bool is_model(std::string_view component) {
  return component.starts_with("transformer") || component.starts_with("unet");
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

GivenConfigs::GivenConfigs(std::string folder, std::span<const FolderFile> files)
    : folder_(std::move(folder)), files_(config_files(folder_)), index_(pipeline_index(folder_)) {
  expect_same_models(files);
  for (const FolderFile& file : files) expect_same_config(file);
  for (const FolderFile& file : files) change_config(file);
  leave_out_lacking(files);
}

bool GivenConfigs::has(std::string_view file) const { return contains(files_, file); }

void GivenConfigs::expect_same_models(std::span<const FolderFile> files) const {
  if (!index_ || index_->entries.empty()) return;
  for (const FolderFile& file : files)
    if (is_model(file.component) && !index_->find(file.component))
      refuse("the result has a " + file.component + ", and " + folder_ + "/" + kIndex + " names none" +
             (index_->class_name.empty() ? "" : " (it is of " + index_->class_name + ")"));
}

void GivenConfigs::expect_same_config(const FolderFile& file) const try {
  const std::string path = file.component + "/config.json";
  const std::string known = file.config.value_or(file.known);
  if (known.empty() || !has(path)) return;
  const JsonValue made = parse_json(known), given = parse_json(config_text(folder_ + "/" + path));
  for (const std::string_view key : kSizes) {
    const JsonValue* const ours = field(made, key);
    const JsonValue* const theirs = field(given, key);
    if (key == kClass && !file.config) continue;  // it may be another of the same sizes
    if (ours && theirs && differ(*ours, *theirs))
      refuse(folder_ + "/" + path + " is of another model: " + std::string(key) + " is " + shown(*theirs) +
             " there, and " + shown(*ours) + " by the result's tensors");
  }
} catch (const Error& error) {
  if (error.code() != ErrorCode::malformed) throw;  // Python reads more than JSON has: such a config is copied
}

// Programs would read plain weights as codes, look for other files, or cast to another dtype.
void GivenConfigs::change_config(const FolderFile& file) try {
  const std::string path = file.component + "/config.json";
  if (!has(path)) return;
  JsonValue config = parse_json(config_text(folder_ + "/" + path));
  bool changed = false;
  for (const std::string_view key : kOfOtherWeights)
    if (file.is_plain && take_out(config, key)) {
      changed = true;
      untrue_.push_back(path + "'s " + std::string(key));
    }
  for (const std::string_view key : {"dtype", "torch_dtype"})
    if (JsonValue* const dtype = field(config, key); dtype && dtype->kind == Kind::string && file.dtype) {
      const std::string ours = torch_name(*file.dtype);
      changed |= dtype->text != ours;
      dtype->text = ours;
    }
  if (changed) changed_[path] = json_text(config);
} catch (const Error& error) {
  if (error.code() != ErrorCode::malformed) throw;  // as above
}

// A program that finds a component in the index looks for its weights, and ends where it finds none.
void GivenConfigs::leave_out_lacking(std::span<const FolderFile> files) {
  if (!index_ || index_->entries.empty()) return;
  const auto is_of = [&](const std::string& component) {
    return std::ranges::find(files, component, &FolderFile::component) != files.end();
  };
  for (const PipelineIndex::Entry& entry : index_->entries)
    if (has_weights(entry) && !is_of(entry.component)) lacking_.push_back(entry.component);
  for (const FolderFile& file : files)
    if (const PipelineIndex::Entry* const entry = index_->find(file.component); !entry || entry->class_name.empty())
      unnamed_.push_back(file.component);
  std::vector<PipelineIndex::Entry> without;
  for (const std::string& component : lacking_)
    without.push_back({.component = component, .class_name = {}, .library = {}});
  if (!without.empty()) changed_[kIndex] = index_->with(without);
  std::erase_if(files_, [&](const std::string& file) { return contains(lacking_, component_in(file)); });
}

std::vector<std::string> GivenConfigs::warnings() const {
  std::vector<std::string> warnings;
  if (!has(kIndex))
    warnings.push_back(folder_ + " has no " + kIndex + ": the components can be loaded one by one, not as a pipeline");
  if (!lacking_.empty())
    warnings.push_back("the result has no weights of " + listed(lacking_) + ", which " + folder_ + "/" + kIndex +
                       " names: that of the result goes without, and programs may ask for what lacks");
  if (!untrue_.empty())
    warnings.push_back(listed(untrue_) + (untrue_.size() == 1 ? " is" : " are") +
                       " left out: the weights are plain ones, in one file");
  if (!unnamed_.empty())
    warnings.push_back(folder_ + "/" + kIndex + " does not name " + listed(unnamed_) +
                       ": programs will load the pipeline without");
  return warnings;
}

void GivenConfigs::write_into(const PartialFolder& target, bool sync) const {
  for (const std::string& file : files_) {
    target.make_room_for(file);
    const std::string to = target.path() + "/" + file;
    if (const auto changed = changed_.find(file); changed != changed_.end())
      write_text(to, changed->second, sync);
    else
      copy_file(folder_ + "/" + file, to, sync);
  }
}

}  // namespace ckmerge::cli
