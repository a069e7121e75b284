// SPDX-License-Identifier: Apache-2.0
#include "cli/report/lora_report.h"

#include <algorithm>
#include <map>

#include "cli/options/sizes.h"
#include "cli/report/report.h"
#include "cli/report/run_lines.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

std::string ranks_text(std::span<const MadeModule> modules) {
  std::map<uint64_t, uint64_t> counts;
  for (const MadeModule& module : modules) ++counts[module.rank()];
  if (counts.size() == 1) return "rank " + std::to_string(counts.begin()->first);
  return "ranks " + std::to_string(counts.begin()->first) + " to " + std::to_string(counts.rbegin()->first);
}

std::string what_line(const LoraFacts& facts) {
  return counted(facts.modules.size(), "module") + ", " + ranks_text(facts.modules) + ", " + info(facts.dtype).name +
         ", spelled as " + kAdapterSpellings[static_cast<size_t>(facts.spelling)] + ", " + size_text(facts.size) + "\n";
}

std::string rest_lines(const LoraFacts& facts) {
  std::string out;
  if (facts.unchanged > 0) out += "  " + counted(facts.unchanged, "weight") + " equal in both, left out\n";
  if (!facts.left_out.empty())
    out += "  " + counted(facts.left_out.size(), "tensor") +
           (facts.left_out.size() == 1 ? " that differs and is not in it:\n" : " that differ and are not in it:\n") +
           listed(
               facts.left_out.size(),
               [&](size_t i) {
                 return shortened(facts.left_out[i].name, kNameWidth) + "  (" + facts.left_out[i].why + ")";
               },
               facts.verbose ? SIZE_MAX : 20);
  return out + warning_lines(facts.warnings);
}

std::string module_line(const MadeModule& module) {
  return shortened(module.name, kNameWidth) + "  " + shape_text(module.up_shape) + " x " +
         shape_text(module.down_shape);
}

void write_facts(JsonWriter& json, const LoraFacts& facts) {
  json.key("output");
  facts.output.empty() ? json.null() : json.value(facts.output);
  json.key("spelling").value(kAdapterSpellings[static_cast<size_t>(facts.spelling)]);
  json.key("dtype").value(info(facts.dtype).name);
  json.key("size").value(facts.size);
  json.key("unchanged").value(facts.unchanged);
  json.key("left_out").begin_array();
  for (const LeftOut& tensor : facts.left_out) json.value(tensor.name);
  json.end_array();
  json.key("warnings").value(facts.warnings);
}

void write_shape(JsonWriter& json, const char* key, Shape shape) {
  json.key(key).begin_array();
  for (const uint64_t dimension : shape) json.value(dimension);
  json.end_array();
}

void write_module(JsonWriter& json, const MadeModule& module, const ModuleEnergy* energy) {
  json.begin_object();
  json.key("name").value(module.name);
  json.key("rank").value(module.rank());
  write_shape(json, "up", module.up_shape);
  write_shape(json, "down", module.down_shape);
  if (energy) {
    json.key("energy");
    energy->energy ? json.value(*energy->energy) : json.null();
    json.key("kept").value(energy->kept);
  }
  json.end_object();
}

}  // namespace

std::string lora_plan_report(const LoraFacts& facts) {
  std::string out = "The result would be " + what_line(facts);
  if (facts.verbose)
    out += listed(
        facts.modules.size(), [&](size_t i) { return module_line(facts.modules[i]); }, SIZE_MAX);
  return out + rest_lines(facts) + "Nothing was written.\n";
}

JsonWriter lora_plan_json(const LoraFacts& facts) {
  JsonWriter json;
  json.begin_object();
  write_facts(json, facts);
  json.key("modules").begin_array();
  for (const MadeModule& module : facts.modules) write_module(json, module, nullptr);
  json.end_array().end_object();
  return json;
}

std::string lora_report(const LoraFacts& facts, std::span<const ModuleEnergy> energies, const RunReport& report) {
  std::string out = visible(facts.output) + ": " + what_line(facts);
  out += "  energy kept: " + percent(kept_in_all(energies)) + " in all";
  const auto least = std::ranges::min_element(energies, {}, &ModuleEnergy::kept);
  if (least != energies.end())
    out += ", least " + percent(least->kept) + " of " +
           shortened(facts.modules[static_cast<size_t>(least - energies.begin())].name, kNameWidth);
  out += "\n";
  if (facts.verbose)
    for (size_t i = 0; i < facts.modules.size(); ++i)
      out += "    " + module_line(facts.modules[i]) + "  kept " + percent(energies[i].kept) + "\n";
  out += rest_lines(facts) + speed_line(report);
  return facts.verbose ? out + how_lines(report) : out;
}

JsonWriter lora_json(const LoraFacts& facts, std::span<const ModuleEnergy> energies, const RunReport& report) {
  JsonWriter json;
  json.begin_object();
  write_facts(json, facts);
  json.key("kept").value(kept_in_all(energies));
  json.key("modules").begin_array();
  for (size_t i = 0; i < facts.modules.size(); ++i) write_module(json, facts.modules[i], &energies[i]);
  json.end_array();
  json.key("seconds").value(report.seconds);
  json.key("verified").value(report.verified);
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
