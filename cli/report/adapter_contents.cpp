// SPDX-License-Identifier: Apache-2.0
#include "cli/report/adapter_contents.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "cli/options/numbers.h"
#include "cli/report/report.h"
#include "cli/system/text.h"
#include "core/adapters/adapter_file.h"
#include "core/adapters/adapter_kind.h"
#include "core/adapters/making/combination.h"
#include "core/adapters/making/module_names.h"
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

std::string ranks_text(const Adapter& adapter) {
  std::string out;
  size_t shown = 0;
  const auto key_of = [&](const AdapterModule& module) { return std::pair(rank_of(adapter, module), module.scale); };
  const auto counts = counted_by<std::pair<uint64_t, double>>(adapter, key_of);
  for (const auto& [key, count] : counts) {
    if (shown++ == 4) break;
    const auto [rank, scale] = key;
    out += (out.empty() ? "" : "; ") + (rank > 0 ? "rank " + std::to_string(rank) + ", " : std::string()) + "scale " +
           number_text(scale) + " (" + counted(count, "module") + ")";
  }
  return counts.size() > 4 ? out + "; ..." : out;
}

// Square roots of the energies of all that the modules of a block add, by block.
std::map<std::string, double> strengths_of(const Adapter& adapter) {
  std::map<std::string, double> energies;
  try {
    const std::vector<CountedAdapter> alone{{.adapter = &adapter}};
    for (const MadeModule& module : combination(alone, {.spelling = spelling_of(adapter)}))
      energies[module_block(module.name)] += module.make().energy.value_or(0);
  } catch (const Error&) {  // kinds that are no products of two factors
    return {};
  }
  for (auto& [block, energy] : energies) energy = std::sqrt(energy);
  return energies;
}

std::string strength_lines(const Adapter& adapter) {
  const std::map<std::string, double> strengths = strengths_of(adapter);
  if (strengths.empty()) return "    strengths by block are told of LoRAs alone\n";
  std::string out = "    strengths by block (the norm of what is added):\n";
  for (const auto& [block, strength] : strengths) out += "      " + block + "  " + number_text(strength) + "\n";
  return out;
}

std::string module_line(const Adapter& adapter, const AdapterModule& module) {
  const uint64_t rank = rank_of(adapter, module);
  return shortened(module.name, kNameWidth) + "  " + std::string(module.kind->name) +
         (rank > 0 ? ", rank " + std::to_string(rank) : "") + ", scale " + number_text(module.scale);
}

std::string fault_lines(const std::vector<std::string>& faults) {
  return "  cannot be merged:\n" +
         listed(faults.size(), [&](size_t i) { return shortened(faults[i], kSentenceWidth); });
}

std::string architecture_of(const Checkpoint& checkpoint) { return tell_architecture(checkpoint).architecture; }

bool is_adapter(const Checkpoint& checkpoint) { return checkpoint.judgement.holds == Holds::factors; }

void write_modules(JsonWriter& json, const Adapter& adapter) {
  json.key("modules").begin_array();
  for (const AdapterModule& module : adapter.modules) {
    json.begin_object();
    json.key("name").value(module.name);
    json.key("kind").value(module.kind->name);
    json.key("rank").value(rank_of(adapter, module));
    json.key("scale").value(module.scale);
    json.key("block").value(module_block(module.name));
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
                    "\n  " + kinds_text(adapter) + ": " + ranks_text(adapter) + "\n";
  out += listed(
      adapter.modules.size(), [&](size_t i) { return module_line(adapter, adapter.modules[i]); },
      options.all_modules ? SIZE_MAX : 3);
  if (!adapter.replacements.empty())
    out += "  " + counted(adapter.replacements.size(), "whole tensor") + " that take the place of the model's\n";
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
