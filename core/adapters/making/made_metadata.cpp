// SPDX-License-Identifier: Apache-2.0
#include "core/adapters/making/made_metadata.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "io/text/json_writer.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// What kohya's scripts call a model, and the module that trains its adapters.
struct KohyaRow {
  std::string_view architecture;  // how core/names/architecture_rules calls it, or the words that it begins with
  const char *version, *module;
};
constexpr std::array<KohyaRow, 9> kRows{{
    {"sd1", "sd_v1", "networks.lora"},
    {"sd2", "sd_v2", "networks.lora"},
    {"sdxl", "sdxl_base_v1-0", "networks.lora"},
    {"sd3", "sd3", "networks.lora_sd3"},
    {"flux2", "flux2", "networks.lora_flux_2"},
    {"flux", "flux1", "networks.lora_flux"},
    {"wan", "wan", "networks.lora_wan"},
    {"qwen-image", "qwen_image", "networks.lora_qwen_image"},
    {"hunyuan-video", "hunyuan_video", "networks.lora"},
}};

// "flux-dev" is of "flux", "flux3" is not.
bool is_of(std::string_view architecture, std::string_view row) {
  return architecture == row || (architecture.starts_with(row) && architecture[row.size()] == '-');
}

// Of a file that was made of another one these are no longer true. What diffusers says of scales is in the factors.
constexpr std::array<std::string_view, 8> kOfNetwork{"ss_network_dim",  "ss_network_alpha",     "ss_network_args",
                                                     "sshs_model_hash", "sshs_legacy_hash",     "modelspec.hash_sha256",
                                                     "ckmerge.adapter", "lora_adapter_metadata"};

uint64_t highest_rank(std::span<const MadeModule> modules, bool of_convolutions) {
  uint64_t rank = 0;
  for (const MadeModule& module : modules) {
    const std::vector<uint64_t>& shape = module.down_shape;
    const bool is_convolution = std::any_of(shape.begin() + std::min<ptrdiff_t>(2, std::ssize(shape)), shape.end(),
                                            [](uint64_t extent) { return extent > 1; });
    if (is_convolution == of_convolutions) rank = std::max(rank, module.rank());
  }
  return rank;
}

// Compact, as metadata is.
std::string record_text(const AdapterRecord& record) {
  std::string out = R"({"version":1,"made_by":)";
  append_json_string(out, record.made_by);
  out += ",\"inputs\":[";
  for (const std::string& input : record.inputs) {
    if (&input != &record.inputs.front()) out += ',';
    append_json_string(out, input);
  }
  out += ']';
  for (const auto& [key, value] : record.fields) {
    out += ',';
    append_json_string(out, key);
    out += ':';
    append_json_string(out, value);
  }
  return out + '}';
}

void add_network(std::map<std::string, std::string>& fields, std::span<const MadeModule> modules) {
  const uint64_t linear = highest_rank(modules, false), convolutions = highest_rank(modules, true);
  const std::string rank = std::to_string(linear > 0 ? linear : convolutions);
  fields["ss_network_dim"] = rank;
  fields["ss_network_alpha"] = rank;
  if (convolutions > 0)
    fields["ss_network_args"] =
        sentence(R"({"conv_dim": ")", convolutions, R"(", "conv_alpha": ")", convolutions, "\"}");
}

// The name by which PEFT finds a module: all of it but what PEFT puts in front, so that no other module is meant.
std::string target_of(const std::string& module) {
  constexpr std::string_view kFront = "base_model.model.";
  return module.starts_with(kFront) ? module.substr(kFront.size()) : module;
}

void write_names(JsonWriter& json, const char* key, const std::set<std::string>& names) {
  json.key(key).begin_array();
  for (const std::string& name : names) json.value(name);
  json.end_array();
}

}  // namespace

Metadata made_metadata(std::span<const MadeModule> modules, AdapterSpelling spelling, std::string_view architecture,
                       const AdapterRecord& record, const Metadata& kept) {
  std::map<std::string, std::string> fields;
  for (const auto& [key, value] : kept)
    if (std::ranges::find(kOfNetwork, key) == kOfNetwork.end()) fields[key] = value;
  fields["format"] = "pt";
  fields["ckmerge.adapter"] = record_text(record);
  if (spelling == AdapterSpelling::peft) return {fields.begin(), fields.end()};
  const auto row =
      std::ranges::find_if(kRows, [&](const KohyaRow& one) { return is_of(architecture, one.architecture); });
  if (row != kRows.end()) {
    fields.try_emplace("ss_base_model_version", row->version);
    fields.try_emplace("ss_network_module", row->module);
    if (row->architecture == "sd2") fields.try_emplace("ss_v2", "True");
  }
  fields.try_emplace("ss_network_module", "networks.lora");
  add_network(fields, modules);
  return {fields.begin(), fields.end()};
}

std::string made_peft_config(std::span<const MadeModule> modules, std::string_view base_model) {
  uint64_t rank = 1;
  std::set<std::string> targets, parameters;
  std::map<std::string, uint64_t> others;
  for (const MadeModule& module : modules) rank = std::max(rank, module.rank());
  for (const MadeModule& module : modules) {
    const std::string known = module.parameter.empty() ? target_of(module.name) : module.parameter;
    (module.parameter.empty() ? targets : parameters).insert(known);
    if (module.rank() != rank) others[known] = module.rank();
  }
  const auto escaped = [](const std::string& name) {
    std::string pattern;
    for (const char c : name) pattern += c == '.' ? std::string("\\.") : std::string(1, c);
    return pattern;
  };
  const auto write_pattern = [&](JsonWriter& json, const char* key) {
    json.key(key).begin_object();
    for (const auto& [name, of_module] : others) json.key(escaped(name)).value(of_module);
    json.end_object();
  };
  JsonWriter json;
  json.begin_object();
  json.key("peft_type").value("LORA");
  json.key("base_model_name_or_path");
  base_model.empty() ? json.null() : json.value(base_model);
  json.key("bias").value("none");
  json.key("fan_in_fan_out").value(false);
  json.key("inference_mode").value(true);
  json.key("init_lora_weights").value(true);
  json.key("lora_alpha").value(rank);
  json.key("lora_dropout").value(0.0);
  json.key("modules_to_save").null();
  json.key("r").value(rank);
  json.key("task_type").null();
  json.key("use_dora").value(false);
  json.key("use_rslora").value(false);
  write_pattern(json, "alpha_pattern");
  write_pattern(json, "rank_pattern");
  write_names(json, "target_modules", targets);
  if (!parameters.empty()) write_names(json, "target_parameters", parameters);
  json.end_object();
  return json.text() + "\n";
}

}  // namespace ckmerge
