// SPDX-License-Identifier: Apache-2.0
#include "cli/report/adapter_report.h"

#include <algorithm>

#include "cli/options/adapter_option.h"
#include "cli/report/run_lines.h"

namespace ckmerge::cli {
namespace {

std::string module_line(const ReportedModule& module) {
  std::string text = shortened(module.name, kNameWidth);
  if (!module.tensors.empty()) text += " -> " + shortened(joined(module.tensors, ", "), kSentenceWidth);
  if (!module.nearest.empty()) text += "  (nearest: " + shortened(module.nearest, kSentenceWidth) + ")";
  return text;
}

std::string module_lines(const std::vector<ReportedModule>& modules, const std::string& heading, size_t limit) {
  if (modules.empty()) return "";
  return "     " + counted(modules.size(), "module") + heading + "\n" +
         listed(
             modules.size(), [&](size_t i) { return module_line(modules[i]); }, limit);
}

void write_modules(JsonWriter& json, const char* key, const std::vector<ReportedModule>& modules) {
  json.key(key).begin_array();
  for (const ReportedModule& module : modules) {
    json.begin_object();
    json.key("module").value(module.name);
    json.key("tensors").value(module.tensors);
    if (!module.nearest.empty()) json.key("nearest").value(module.nearest);
    json.end_object();
  }
  json.end_array();
}

EnergySums in_all(const RunReport& report) {
  EnergySums sums;
  for (const StepEnergy& energy : report.energies) sums = sums + energy.sums;
  return sums;
}

// Of adapters that add nothing all is kept.
double share_of(const EnergySums& sums) { return sums.added > 0 ? sums.kept / sums.added : 1; }

std::string_view name_of(const MergeFacts& facts, const StepEnergy& energy) {
  return facts.tensor(facts.plan.steps[energy.step]).name;
}

}  // namespace

std::string role_text(const MergeFacts& facts, size_t k) {
  const Recipe& recipe = facts.plan.recipe;
  if (k < recipe.roles.size()) return ", " + recipe.roles[k];
  const size_t inputs = given_checkpoints(facts.checkpoints).size();
  if (recipe.bake_vae && k == vae_input(recipe, inputs)) return ", the VAE";
  return k >= first_adapter(recipe, inputs)
             ? ", an adapter of strength " + strength_text(recipe.adapters[k - first_adapter(recipe, inputs)])
             : "";
}

std::string adapter_lines(const MergeFacts& facts, size_t i) {
  if (i >= facts.adapters.size()) return "";
  const AdapterReport& report = facts.adapters[i];
  const uint64_t changed = i < facts.plan.adapted.size() ? facts.plan.adapted[i] : 0;
  std::string out = "     " + visible(report.kind) + " of " + report.maker + ", " +
                    counted(report.matched.size(), "module") + " matched, " + counted(changed, "tensor") + " changed";
  if (!report.replaced.empty())
    out += changed == 1 ? ", which the adapter has whole" : ", " + grouped(report.replaced.size()) + " of them whole";
  if (!report.base_model.empty()) out += "; made from " + shortened(report.base_model, kNameWidth);
  out += "\n";
  if (facts.verbose) out += module_lines(report.matched, " matched", SIZE_MAX);
  out += module_lines(report.unmatched, " left out, of nothing in A", facts.verbose ? SIZE_MAX : kListed);
  if (!report.ignored.empty() && facts.verbose)
    out += "     not used: " + shortened(joined(report.ignored, ", "), kSentenceWidth) + "\n";
  return out;
}

void write_adapter_uses(JsonWriter& json, const Recipe& recipe) {
  json.key("adapters").begin_array();
  for (const AdapterUse& use : recipe.adapters) {
    json.begin_object();
    json.key("strength").value(use.strength);
    json.key("rules").begin_array();
    for (const AdapterStrength& rule : use.rules) {
      json.begin_object();
      json.key("select").value(rule.selector);
      json.key("strength").value(rule.value);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.key("allow_unmatched").value(recipe.allow_unmatched);
  json.key("tied").value(ckmerge::name(recipe.tied));
  json.key("dora").value(ckmerge::name(recipe.dora));
}

void write_adapters(JsonWriter& json, const MergeFacts& facts) {
  json.key("adapted").begin_array();
  for (size_t i = 0; i < facts.adapters.size(); ++i) {
    const AdapterReport& report = facts.adapters[i];
    json.begin_object();
    json.key("path").value(report.path);
    json.key("kind").value(report.kind);
    json.key("maker").value(report.maker);
    json.key("base_model").value(report.base_model);
    json.key("changed").value(i < facts.plan.adapted.size() ? facts.plan.adapted[i] : 0);
    write_modules(json, "matched", report.matched);
    write_modules(json, "unmatched", report.unmatched);
    json.key("replaced").value(report.replaced);
    json.key("ignored").value(report.ignored);
    json.key("memory").value(report.memory);
    json.end_object();
  }
  json.end_array();
}

std::string energy_lines(const MergeFacts& facts, const RunReport& report) {
  if (report.energies.empty()) return "";
  const auto share = [](const StepEnergy& energy) { return share_of(energy.sums); };
  const StepEnergy& least = *std::ranges::min_element(report.energies, {}, share);
  std::string out = "  energy of the adapters that rounding kept: " + percent(share_of(in_all(report))) +
                    " in all, least " + percent(share(least)) + " of " + shortened(name_of(facts, least), kNameWidth) +
                    "\n";
  if (facts.verbose)
    for (const StepEnergy& energy : report.energies)
      out += "    " + shortened(name_of(facts, energy), kNameWidth) + "  kept " + percent(share(energy)) + "\n";
  return out;
}

void write_energies(JsonWriter& json, const MergeFacts& facts, const RunReport& report) {
  const auto write = [&](const EnergySums& sums) {
    json.key("energy").value(sums.added);
    json.key("kept").value(share_of(sums));
  };
  json.key("adapter_energy");
  if (report.energies.empty()) {
    json.null();
    return;
  }
  json.begin_object();
  write(in_all(report));
  json.key("tensors").begin_array();
  for (const StepEnergy& energy : report.energies) {
    json.begin_object();
    json.key("name").value(name_of(facts, energy));
    write(energy.sums);
    json.end_object();
  }
  json.end_array().end_object();
}

}  // namespace ckmerge::cli
