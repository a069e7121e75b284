// SPDX-License-Identifier: Apache-2.0
#include "cli/report/adapter_contents.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "cli/report/adapter_blocks.h"
#include "cli/report/report.h"
#include "cli/system/text.h"
#include "core/adapters/adapter_file.h"
#include "core/adapters/adapter_kind.h"
#include "core/adapters/making/combination.h"
#include "core/families/told_architecture.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// An adapter, or why it is none that can be merged.
struct Read {
  std::optional<Adapter> adapter = {};
  std::vector<std::string> faults = {};
};

Read read(const Checkpoint& checkpoint) {
  Read out;
  try {
    out.adapter = read_adapter(checkpoint);
  } catch (const Error& error) {
    out.faults = error.details();
    if (out.faults.empty()) out.faults = {error.what()};
  }
  return out;
}

// The rank of a LoRA's module; 0 of other kinds.
uint64_t rank_of(const Adapter& adapter, const AdapterModule& module) {
  for (const Factor& factor : module.factors)
    if (factor.name == "lora_A" && !adapter.file.tensors[factor.tensor].shape.empty())
      return adapter.file.tensors[factor.tensor].shape[0];
  return 0;
}

// Counts of something that modules have, in its order.
template <typename Key>
std::map<Key, uint64_t> counted_by(const Adapter& adapter, const auto& key_of) {
  std::map<Key, uint64_t> counts;
  for (const AdapterModule& module : adapter.modules) ++counts[key_of(module)];
  return counts;
}

std::string kinds_text(const Adapter& adapter) {
  std::string out;
  const auto kind_of = [](const AdapterModule& module) { return std::string(module.kind->name); };
  for (const auto& [kind, count] : counted_by<std::string>(adapter, kind_of))
    out += (out.empty() ? "" : ", ") + counted(count, "module") + " of " + kind;
  return out;
}

// To six digits.
std::string short_number(double number) {
  std::array<char, 32> text;
  return {text.data(), static_cast<size_t>(std::snprintf(text.data(), text.size(), "%.6g", number))};
}

// What the file or its config says; none where neither does.
std::optional<double> alpha_of(const AdapterModule& module) {
  for (const char* const key : {"alpha", "lora_alpha"})
    if (const auto found = module.numbers.find(key); found != module.numbers.end()) return found->second;
  return std::nullopt;
}

std::string scale_text(const Adapter& adapter, const AdapterModule& module) {
  const uint64_t rank = rank_of(adapter, module);
  const std::optional<double> alpha = alpha_of(module);
  return (rank > 0 ? "rank " + std::to_string(rank) + ", " : "") +
         (alpha ? "alpha " + short_number(*alpha) + ", " : "") + "scale " + short_number(module.scale);
}

bool has_factor(const AdapterModule& module, std::string_view name) {
  return std::ranges::find(module.factors, name, &Factor::name) != module.factors.end();
}

bool is_for_comfy(const Adapter& adapter) {
  return std::ranges::any_of(adapter.modules, [](const auto& module) { return has_factor(module, "dora_scale"); });
}

std::string dora_line(const Adapter& adapter) {
  if (is_for_comfy(adapter))
    return "  DoRA: read as LyCORIS reads it; with `--dora comfy` as ComfyUI does, by the norm of the weight itself\n";
  const auto of_peft = [](const AdapterModule& module) { return has_factor(module, "lora_magnitude_vector"); };
  return std::ranges::any_of(adapter.modules, of_peft) ? "  DoRA: read as PEFT reads it; ComfyUI reads no such one\n"
                                                       : "";
}

std::string ranks_text(const Adapter& adapter) {
  std::string out;
  size_t shown = 0;
  const auto key_of = [&](const AdapterModule& module) {
    return std::pair(rank_of(adapter, module), scale_text(adapter, module));
  };
  const auto counts = counted_by<std::pair<uint64_t, std::string>>(adapter, key_of);
  for (const auto& [key, count] : counts) {
    if (shown++ == 4) break;
    out += (out.empty() ? "" : "; ") + key.second + " (" + counted(count, "module") + ")";
  }
  return counts.size() > 4 ? out + "; ..." : out;
}

// Square roots of the energies of all that the modules of a block add, by block.
std::vector<std::pair<std::string, double>> strengths_of(const Adapter& adapter) {
  const AdapterBlocks blocks(adapter.file);
  std::map<std::string, double> energies;
  try {
    const std::vector<CountedAdapter> alone{{.adapter = &adapter}};
    for (const MadeModule& module : combination(alone, {.spelling = spelling_of(adapter)}))
      energies[blocks.of(module.name)] += module.make().energy.value_or(0);
  } catch (const Error&) {  // kinds that are no products of two factors
    return {};
  }
  for (auto& [block, energy] : energies) energy = std::sqrt(energy);
  return blocks.ordered(energies);
}

std::string strength_lines(const Adapter& adapter) {
  const std::vector<std::pair<std::string, double>> strengths = strengths_of(adapter);
  if (strengths.empty()) return "    strengths by block are told of LoRAs alone\n";
  std::string out = "    strengths by block (the norm of what is added):\n";
  for (const auto& [block, strength] : strengths) out += "      " + block + "  " + short_number(strength) + "\n";
  return out;
}

std::string module_line(const Adapter& adapter, const AdapterModule& module) {
  return shortened(module.name, kNameWidth) + "  " + std::string(module.kind->name) + ", " +
         scale_text(adapter, module);
}

std::string fault_lines(const std::vector<std::string>& faults) {
  return "  cannot be merged:\n" +
         listed(faults.size(), [&](size_t i) { return shortened(faults[i], kSentenceWidth); });
}

std::string architecture_of(const Checkpoint& checkpoint) { return tell_architecture(checkpoint).architecture; }

void write_modules(JsonWriter& json, const Adapter& adapter) {
  const AdapterBlocks blocks(adapter.file);
  json.key("modules").begin_array();
  for (const AdapterModule& module : adapter.modules) {
    json.begin_object();
    json.key("name").value(module.name);
    json.key("kind").value(module.kind->name);
    json.key("rank").value(rank_of(adapter, module));
    json.key("alpha");
    const std::optional<double> alpha = alpha_of(module);
    alpha ? json.value(*alpha) : json.null();
    json.key("scale").value(module.scale);
    json.key("block").value(blocks.of(module.name));
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string adapter_lines(const Checkpoint& checkpoint, const AdapterContentsOptions& options) {
  if (!is_adapter(checkpoint)) return "";
  const Read found = read(checkpoint);
  if (!found.adapter) return fault_lines(found.faults);
  const Adapter& adapter = *found.adapter;
  const std::string of = architecture_of(checkpoint);
  std::string out = std::string("  made by ") + name(adapter.maker) + (of.empty() ? "" : ", for " + visible(of)) +
                    (adapter.base_model.empty() ? "" : ", trained on " + shortened(adapter.base_model, kNameWidth)) +
                    "\n  " + kinds_text(adapter) + ": " + ranks_text(adapter) + "\n" + dora_line(adapter);
  out += listed(
      adapter.modules.size(), [&](size_t i) { return module_line(adapter, adapter.modules[i]); },
      options.all_modules ? SIZE_MAX : 3);
  if (!adapter.replacements.empty())
    out += "  " + counted(adapter.replacements.size(), "whole tensor") +
           (adapter.replacements.size() == 1 ? " that takes" : " that take") + " the place of the model's\n";
  if (!adapter.ignored.empty()) out += "  " + counted(adapter.ignored.size(), "tensor") + " without use for a merge\n";
  if (options.strengths) out += strength_lines(adapter);
  return out + warning_lines(adapter.warnings);
}

void write_adapter(JsonWriter& json, const Checkpoint& checkpoint, bool strengths) {
  json.key("adapter_modules");
  if (!is_adapter(checkpoint)) {
    json.null();
    return;
  }
  const Read found = read(checkpoint);
  json.begin_object();
  json.key("cannot_be_merged").value(std::span<const std::string>(found.faults));
  json.key("architecture").value(architecture_of(checkpoint));
  if (found.adapter) {
    const Adapter& adapter = *found.adapter;
    json.key("maker").value(name(adapter.maker));
    json.key("base_model").value(adapter.base_model);
    json.key("dora_comfy").value(is_for_comfy(adapter));
    json.key("whole_tensors").value(adapter.replacements.size());
    json.key("ignored").value(std::span<const std::string>(adapter.ignored));
    json.key("warnings").value(std::span<const std::string>(adapter.warnings));
    write_modules(json, adapter);
    if (strengths) {
      json.key("strengths").begin_object();
      for (const auto& [block, strength] : strengths_of(adapter)) json.key(block).value(strength);
      json.end_object();
    }
  }
  json.end_object();
}

}  // namespace ckmerge::cli
