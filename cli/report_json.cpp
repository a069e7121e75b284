// SPDX-License-Identifier: Apache-2.0
#include "cli/report_json.h"

namespace ckmerge::cli {
namespace {

// REQUIRES: recipe.parameters were checked against the method's spec.
void write_recipe(JsonWriter& json, const Plan& plan) {
  const MethodSpec& spec = *find_method(plan.recipe.method)->spec;
  json.key("method").value(plan.recipe.method);
  json.key("parameters").begin_object();
  for (size_t i = 0; i < spec.parameter_count; ++i) {
    const ParameterSpec& parameter = spec.parameters[i];
    const auto given = plan.recipe.parameters.find(parameter.name);
    if (given == plan.recipe.parameters.end()) continue;
    json.key(parameter.name);
    if (parameter.kind == ParameterKind::numbers) {
      json.begin_array();
      for (const double number : given->second) json.value(number);
      json.end_array();
    } else if (parameter.kind == ParameterKind::flag) {
      json.value(given->second[0] != 0);
    } else {
      json.value(given->second[0]);
    }
  }
  json.end_object();
  json.key("coefficients").begin_array();
  for (const double coefficient : plan.coefficients) json.value(coefficient);
  json.end_array();
  json.key("dtype").value(plan.recipe.dtype ? info(*plan.recipe.dtype).name : "keep");
}

void write_inputs(JsonWriter& json, const MergeFacts& facts) {
  json.key("inputs").begin_array();
  for (const Checkpoint& checkpoint : facts.checkpoints) {
    json.begin_object();
    json.key("path").value(checkpoint.path);
    json.key("size").value(checkpoint.file_size());
    json.key("tensors").value(checkpoint.tensors.size());
    json.end_object();
  }
  json.end_array();
}

void write_output(JsonWriter& json, const MergeFacts& facts) {
  json.key("output").begin_object();
  json.key("path");
  facts.request.output.empty() ? json.null() : json.value(facts.request.output);
  json.key("size").value(facts.plan.file_size);
  json.key("header_size").value(facts.plan.header.size());
  json.key("tensors").value(facts.plan.steps.size());
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
void write_facts(JsonWriter& json, const MergeFacts& facts) {
  write_recipe(json, facts.plan);
  write_inputs(json, facts);
  write_output(json, facts);
  json.key("counts").begin_object();
  for (size_t a = 0; a < kActionCount; ++a)
    json.key(ckmerge::name(static_cast<Action>(a))).value(facts.plan.count(static_cast<Action>(a)));
  json.end_object();
  write_sources(json, facts, "kept", facts.plan.kept);
  write_sources(json, facts, "dropped", facts.plan.dropped);
  json.key("warnings").begin_array();
  for (const std::string& warning : facts.plan.warnings) json.value(warning);
  json.end_array();
  json.key("plan_memory").value(facts.plan.memory());
  json.key("memory_budget").value(facts.request.run.memory_budget);
}

void write_step(JsonWriter& json, const MergeFacts& facts, const Step& step) {
  const Tensor tensor = facts.tensor(step);
  json.begin_object();
  json.key("name").value(tensor.name);
  json.key("dtype").value(info(step.dtype).name);
  json.key("shape").begin_array();
  for (const uint64_t dimension : tensor.shape) json.value(dimension);
  json.end_array();
  json.key("action").value(ckmerge::name(step.action));
  json.key("sources").begin_array();
  for (size_t k = 0; k < step.source_count; ++k) json.value(facts.plan.source(step, k).checkpoint);
  json.end_array();
  json.key("offset").value(step.offset);
  json.key("size").value(step.size);
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
  json.key("how").value(report.output_description);
  json.end_object();
}

}  // namespace

JsonWriter plan_json(const MergeFacts& facts) {
  JsonWriter json;
  json.begin_object();
  write_facts(json, facts);
  json.key("bytes_to_read").value(facts.plan.bytes_to_read);
  json.key("tensors").begin_array();
  for (const Step& step : facts.plan.steps) write_step(json, facts, step);
  json.end_array().end_object();
  return json;
}

JsonWriter run_json(const MergeFacts& facts, const RunReport& report) {
  JsonWriter json;
  json.begin_object();
  write_facts(json, facts);
  write_differing(json, facts, report);
  write_losses(json, facts, report);
  write_run(json, report);
  json.end_object();
  return json;
}

}  // namespace ckmerge::cli
