// SPDX-License-Identifier: Apache-2.0
#include "cli/report/sweep_report.h"

#include <algorithm>
#include <utility>

#include "cli/options/sizes.h"
#include "cli/options/sweep_option.h"
#include "cli/report/adapter_report.h"
#include "cli/report/device_text.h"
#include "cli/report/recipe_json.h"
#include "cli/report/report_json.h"
#include "cli/report/run_lines.h"
#include "core/plan/passes.h"

namespace ckmerge::cli {
namespace {

uint64_t total_size(const SweepFacts& facts) {
  uint64_t size = 0;
  for (const MergeFacts& output : facts.outputs) size += output.plan.output_size();
  return size;
}

uint64_t read_once(const SweepFacts& facts) {
  std::vector<const Plan*> plans;
  for (const MergeFacts& output : facts.outputs) plans.push_back(&output.plan);
  return bytes_to_read_together(plans, facts.outputs.front().checkpoints);
}

std::string values_text(const Sweep& sweep) {
  std::vector<std::string> values;
  for (size_t i = 0; i < sweep.values.size(); ++i) values.push_back(sweep_value_text(sweep, i));
  return joined(values, ", ");
}

std::string sweep_lines(const SweepFacts& facts) {
  std::string out = recipe_lines(facts.outputs.front());
  for (const Sweep& sweep : facts.sweeps) out += "  swept: " + sweep.parameter + " " + values_text(sweep) + "\n";
  return out;
}

std::string file_line(const MergeFacts& output) {
  const std::string& path = output.output;
  return "  " + visible(path.substr(path.rfind('/') + 1)) + "  " + size_text(output.plan.output_size()) + "\n";
}

// Outputs of which the same is to be told stand together.
struct Group {
  std::string names, told;
};

template <typename Tell>
std::string grouped_lines(const SweepFacts& facts, const Tell& tell) {
  std::vector<Group> groups;
  for (size_t k = 0; k < facts.outputs.size(); ++k) {
    std::string told = tell(k);
    auto same = std::ranges::find(groups, told, &Group::told);
    if (same == groups.end()) same = groups.insert(groups.end(), {"", std::move(told)});
    same->names += file_line(facts.outputs[k]);
  }
  std::string out;
  for (const Group& group : groups) out += group.names + group.told;
  return out;
}

bool is_of_all(const SweepFacts& facts, const std::string& warning) {
  return std::ranges::all_of(facts.outputs, [&](const MergeFacts& output) {
    return std::ranges::find(output.plan.warnings, warning) != output.plan.warnings.end();
  });
}

std::string warnings_of_all(const SweepFacts& facts) {
  std::vector<std::string> warnings;
  for (const MergeFacts& output : facts.outputs)
    for (const std::string& warning : output.plan.warnings) {
      const std::string& path = output.output;
      std::string told = is_of_all(facts, warning) ? warning : path.substr(path.rfind('/') + 1) + ": " + warning;
      if (std::ranges::find(warnings, told) == warnings.end()) warnings.push_back(std::move(told));
    }
  return warning_lines(warnings);
}

std::string passes_line(const SweepFacts& facts) {
  for (const MergeFacts& output : facts.outputs)
    if (std::string line = pass_line(output); !line.empty()) return line;
  return "";
}

// Bytes that each has read of its own were read from the disk once.
RunReport together(const SweepFacts& facts, std::span<const RunReport> reports) {
  RunReport all;
  all.seconds = reports.front().seconds;
  all.bytes_read = read_once(facts);
  all.bytes_written = total_size(facts);
  all.isa = reports.front().isa;
  all.threads = reports.front().threads;
  all.tiles_in_flight = reports.front().tiles_in_flight;
  all.tile_size = reports.front().tile_size;
  all.drops_cache = reports.front().drops_cache;
  all.output_description = reports.front().output_description;
  all.device = reports.front().device;
  return all;
}

void write_sweeps(JsonWriter& json, const SweepFacts& facts) {
  json.key("sweep").begin_object();
  for (const Sweep& sweep : facts.sweeps) {
    json.key(sweep.parameter).begin_array();
    for (const std::vector<double>& value : sweep.values) write_parameter_value(json, sweep.kind, value);
    json.end_array();
  }
  json.end_object();
}

void begin(JsonWriter& json, const SweepFacts& facts) {
  json.begin_object();
  write_sweeps(json, facts);
  write_inputs(json, facts.outputs.front());
  json.key("bytes_to_read").value(read_once(facts));
  json.key("bytes_to_write").value(total_size(facts));
  json.key("outputs").begin_array();
}

}  // namespace

std::string sweep_plan_report(const SweepFacts& facts) {
  const MergeFacts& first = facts.outputs.front();
  std::string out = sweep_lines(facts) + "The result would be " + counted(facts.outputs.size(), "file") + ", " +
                    size_text(total_size(facts));
  if (!facts.folder.empty()) out += ", in " + visible(facts.folder);
  out += ":\n" + grouped_lines(facts, [&](size_t k) {
           const MergeFacts& output = facts.outputs[k];
           const std::string steps =
               output.verbose ? "  tensors, in the order of the file:\n" + step_lines(output) : "";
           const std::string config =
               output.config_from.empty() ? "" : "  " + visible(output.config_from) + " would be copied beside it.\n";
           return action_lines(output) + steps + config;
         });
  uint64_t plans = 0;
  for (const MergeFacts& output : facts.outputs) plans += output.plan.memory();
  const std::string passes = passes_line(facts);
  const bool once = passes.find(" passes: ") == passes.npos;  // statistics are read before
  out += passes + "To read " + size_text(read_once(facts)) +
         (once ? " once for all" : " in the last, for all at once") + ", to write " + size_text(total_size(facts)) +
         "; memory to work in " + memory_text(first.run.memory_budget) + ", plans " + memory_text(plans) + "; device " +
         planned_device_text(first.run.device) + ".\n";
  return out + warnings_of_all(facts) + "Nothing was written.\n";
}

std::string sweep_run_report(const SweepFacts& facts, std::span<const RunReport> reports) {
  std::string out = sweep_lines(facts) + visible(facts.folder) + ": " + counted(facts.outputs.size(), "file") + ", " +
                    size_text(total_size(facts)) + "\n";
  out += grouped_lines(facts, [&](size_t k) {
    const MergeFacts& output = facts.outputs[k];
    return action_lines(output) + differing_lines(output, reports[k]) + loss_lines(output, reports[k]) +
           energy_lines(output, reports[k]);
  });
  out += input_hash_lines(reports.front());
  for (size_t k = 0; k < reports.size(); ++k) out += output_hash_lines(facts.outputs[k], reports[k]);
  const RunReport all = together(facts, reports);
  out += warnings_of_all(facts) + speed_line(all);
  if (reports.front().verified) out += "read back and found as computed\n";
  return facts.outputs.front().verbose ? out + how_lines(all) : out;
}

JsonWriter sweep_plan_json(const SweepFacts& facts) {
  JsonWriter json;
  begin(json, facts);
  for (const MergeFacts& output : facts.outputs) {
    json.begin_object();
    write_plan(json, output, false);
    json.end_object();
  }
  json.end_array().end_object();
  return json;
}

JsonWriter sweep_run_json(const SweepFacts& facts, std::span<const RunReport> reports) {
  JsonWriter json;
  begin(json, facts);
  for (size_t k = 0; k < reports.size(); ++k) {
    json.begin_object();
    write_result(json, facts.outputs[k], reports[k], false);
    json.end_object();
  }
  json.end_array();
  write_run(json, together(facts, reports));
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
