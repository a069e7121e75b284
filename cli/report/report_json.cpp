// SPDX-License-Identifier: Apache-2.0
#include "cli/report/report_json.h"

#include <algorithm>

#include "cli/report/adapter_report.h"
#include "cli/report/device_text.h"
#include "cli/report/dicts_json.h"
#include "cli/report/folder_report.h"
#include "cli/report/graph_report.h"
#include "cli/report/recipe_json.h"
#include "cli/system/system.h"
#include "core/lines/line_memory.h"
#include "core/plan/passes.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"

namespace ckmerge::cli {
namespace {

void write_output(JsonWriter& json, const MergeFacts& facts) {
  json.key("output").begin_object();
  json.key("path");
  facts.output.empty() ? json.null() : json.value(facts.output);
  json.key("size").value(facts.plan.output_size());
  json.key("header_size").value(facts.plan.files.front().header.size());
  json.key("tensors").value(facts.plan.steps.size());
  write_folder(json, facts);
  json.end_object();
}

void write_sources(JsonWriter& json, const MergeFacts& facts, const char* key, const std::vector<Source>& sources) {
  json.key(key).begin_array();
  for (const Source& source : sources) {
    json.begin_object();
    json.key("name").value(facts.tensor(source).name);
    json.key("checkpoint").value(source.checkpoint);
    json.end_object();
  }
  json.end_array();
}

// What plans and results have in common.
void write_facts(JsonWriter& json, const MergeFacts& facts, bool with_inputs) {
  write_recipe(json, facts);
  if (with_inputs) write_inputs(json, facts);
  write_output(json, facts);
  json.key("counts").begin_object();
  for (size_t a = 0; a < kActionCount; ++a)
    json.key(ckmerge::name(static_cast<Action>(a))).value(facts.plan.count(static_cast<Action>(a)));
  json.end_object();
  json.key("converted").begin_object();
  for (const Action action : {Action::keep, Action::outside, Action::add})
    json.key(ckmerge::name(action)).value(facts.plan.converted(action));
  json.end_object();
  write_sources(json, facts, "kept", facts.plan.kept);
  write_sources(json, facts, "zeroed", facts.named_by(Action::zero));
  write_sources(json, facts, "left_out", facts.plan.left_out);
  write_sources(json, facts, "dropped", facts.plan.dropped);
  write_sources(json, facts, "added", facts.named_by(Action::add));
  write_sources(json, facts, "expanded", facts.named_by(Action::expand));
  write_sources(json, facts, "discarded", facts.plan.discarded);
  write_sources(json, facts, "unshadowed", facts.plan.unshadowed);
  write_sources(json, facts, "unused", facts.plan.unused);
  write_sources(json, facts, "unadapted", facts.plan.unadapted);
  write_adapters(json, facts);
  json.key("warnings").value(facts.plan.warnings);
  json.key("config");
  facts.config_from.empty() ? json.null() : json.value(facts.config_from);
  json.key("plan_memory").value(facts.plan.memory());
  json.key("memory_budget").value(facts.run.memory_budget);
  json.key("adapter_memory").value(facts.run.held_by_inputs);
  json.key("whole_tensor_memory").value(facts.plan.held_whole);
  const LineMemory lines = line_memory(facts.plan, facts.checkpoints);
  json.key("line_memory").value(lines.held(facts.run.memory_budget));
  json.key("scratch_size").value(lines.scratch(facts.run.memory_budget));
  json.key("device").value(planned_device_text(facts.run.device));
}

void write_passes(JsonWriter& json, const MergeFacts& facts) {
  json.key("passes").begin_array();
  for (const Pass& pass : passes_of(facts.plan, facts.checkpoints)) {
    json.begin_object();
    json.key("name").value(pass.name);
    json.key("tensors").value(pass.tensors);
    json.key("bytes_to_read").value(pass.bytes_to_read);
    json.key("methods").value(pass.methods);
    json.end_object();
  }
  json.end_array();
}

// Each once: an expanded tensor's first checkpoint is a source twice. What is made of whole tensors is none of them.
std::vector<uint32_t> checkpoints_read(const MergeFacts& facts, const Step& step) {
  const Plan& plan = facts.plan;
  const size_t inputs = given_checkpoints(facts.checkpoints).size();
  std::vector<uint32_t> checkpoints;
  for (size_t k = 0; k < step.source_count; ++k)
    if (plan.source(step, k).checkpoint < inputs &&
        std::ranges::find(checkpoints, plan.source(step, k).checkpoint) == checkpoints.end())
      checkpoints.push_back(plan.source(step, k).checkpoint);
  return checkpoints;
}

void write_step(JsonWriter& json, const MergeFacts& facts, size_t index) {
  const Step& step = facts.plan.steps[index];
  const Tensor tensor = facts.tensor(step);
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("dtype").value(info(step.dtype).name);
  json.key("shape").begin_array();
  for (const uint64_t dimension : tensor.shape) json.value(dimension);
  json.end_array();
  json.key("action").value(ckmerge::name(step.action));
  json.key("sources").begin_array();
  for (const uint32_t checkpoint : checkpoints_read(facts, step)) json.value(checkpoint);
  json.end_array();
  json.key("offset").value(step.offset);
  json.key("size").value(step.size);
  if (const size_t owner = facts.plan.owner(index); owner != index)
    json.key("tied_to").value(facts.tensor(facts.plan.steps[owner]).name);
  json.end_object();
}

void write_differing(JsonWriter& json, const MergeFacts& facts, const RunReport& report) {
  json.key("differing").begin_array();
  for (const uint32_t step : report.differing) json.value(facts.tensor(facts.plan.steps[step]).name);
  json.end_array();
}

void write_losses(JsonWriter& json, const MergeFacts& facts, const RunReport& report) {
  json.key("losses").begin_array();
  for (const StoreLoss& loss : report.losses) {
    json.begin_object();
    json.key("name").value(facts.tensor(facts.plan.steps[loss.step]).name);
    json.key("saturated").value(loss.counts.saturated);
    json.key("overflowed").value(loss.counts.overflowed);
    json.key("lost_inf").value(loss.counts.lost_inf);
    json.key("non_finite").value(loss.counts.non_finite);
    json.key("created").value(loss.counts.created);
    json.key("negative").value(loss.counts.negative);
    json.key("vanished").value(loss.counts.vanished);
    json.key("all_zero").value(loss.all_zero);
    json.end_object();
  }
  json.end_array();
}

void write_sum(JsonWriter& json, std::string_view sum) { sum.empty() ? json.null() : json.value(sum); }

// Null where neither --hash nor --hash-inputs was given; of the latter are the inputs' alone.
void write_hashes(JsonWriter& json, const MergeFacts& facts, const RunReport& report) {
  json.key("hashes");
  if (!facts.plan.recipe.hash) {
    json.null();
    return;
  }
  const OutputSums sums = sums_of_whole(facts, report);
  json.begin_object();
  json.key("sha256");
  write_sum(json, sums.sha256);
  json.key("short_hash");
  write_sum(json, short_hash(sums.sha256));
  json.key("autov3");
  write_sum(json, sums.tensor_sha256);
  json.key("inputs").begin_array();
  for (const InputHash& hash : report.input_hashes) write_sum(json, hash.sha256);
  json.end_array();
  write_folder_sums(json, facts, report);
  json.end_object();
}

}  // namespace

void write_inputs(JsonWriter& json, const MergeFacts& facts) {
  json.key("inputs").begin_array();
  for (const Checkpoint& checkpoint : given_checkpoints(facts.checkpoints)) {
    json.begin_object();
    json.key("path").value(checkpoint.path);
    json.key("size").value(checkpoint.file_size());
    json.key("tensors").value(checkpoint.tensors.size());
    json.key("form").value(checkpoint.form->name);
    json.key("key").value(checkpoint.key);
    json.key("notes").value(checkpoint.notes);
    json.key("unplaced").begin_array();
    for (const UnplacedTensor& tensor : checkpoint.unplaced) {
      json.begin_object();
      json.key("name").value(tensor.name);
      json.key("fate").value(ckmerge::name(tensor.fate));
      json.end_object();
    }
    json.end_array();
    write_dicts(json, checkpoint);
    json.end_object();
  }
  json.end_array();
}

void write_run(JsonWriter& json, const RunReport& report) {
  json.key("run").begin_object();
  json.key("seconds").value(report.seconds);
  json.key("bytes_read").value(report.bytes_read);
  json.key("bytes_written").value(report.bytes_written);
  json.key("peak_memory").value(peak_memory());
  json.key("isa").value(report.isa);
  json.key("threads").value(report.threads);
  json.key("tiles_in_flight").value(report.tiles_in_flight);
  json.key("tile_size").value(report.tile_size);
  json.key("drops_cache").value(report.drops_cache);
  json.key("device").begin_object();
  json.key("used").value(report.device.used);
  json.key("reason").value(report.device.reason);
  json.key("fault");
  report.device.fault.empty() ? json.null() : json.value(report.device.fault);
  json.key("jobs").value(report.device.batches);
  json.end_object();
  json.key("how").value(report.output_description);
  json.end_object();
}

void write_plan(JsonWriter& json, const MergeFacts& facts, bool with_inputs) {
  write_facts(json, facts, with_inputs);
  json.key("bytes_to_read").value(facts.plan.bytes_to_read);
  write_passes(json, facts);
  write_graph(json, facts);
  json.key("tensors").begin_array();
  for (size_t i = 0; i < facts.plan.steps.size(); ++i) write_step(json, facts, i);
  json.end_array();
}

void write_result(JsonWriter& json, const MergeFacts& facts, const RunReport& report, bool with_inputs) {
  write_facts(json, facts, with_inputs);
  write_differing(json, facts, report);
  write_losses(json, facts, report);
  write_energies(json, facts, report);
  write_hashes(json, facts, report);
  json.key("verified").value(report.verified);
}

JsonWriter plan_json(const MergeFacts& facts) {
  JsonWriter json;
  json.begin_object();
  write_plan(json, facts, true);
  json.end_object();
  return json;
}

JsonWriter run_json(const MergeFacts& facts, const RunReport& report) {
  JsonWriter json;
  json.begin_object();
  write_result(json, facts, report, true);
  write_run(json, report);
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
