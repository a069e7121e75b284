// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/commands/lora_operands.h"
#include "cli/commands/lora_output.h"
#include "cli/options/faults.h"
#include "core/adapters/adapter_file.h"
#include "core/adapters/making/combination.h"
#include "core/adapters/making/extraction.h"
#include "core/families/told_architecture.h"
#include "core/inputs/judged_inputs.h"
#include "io/folder/model_folder.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

void refuse_option(bool given, const char* option, const std::string& why) {
  if (given) refuse(option, sentence(option, " ", why));
}

void add_field(Metadata& fields, const char* key, const auto& value) {
  if (value) fields.emplace_back(key, number_text(static_cast<double>(*value)));
}

// ---- extract

void expect_weights(const Checkpoint& checkpoint) {
  if (checkpoint.judgement.holds == Holds::weights) return;
  throw Error(ErrorCode::mismatch, checkpoint.path,
              sentence(checkpoint.path, ": holds no weights but ", checkpoint.judgement.text(),
                       "; a LoRA is extracted from the difference of two checkpoints"));
}

AdapterSpelling extracted_spelling(const Settings& settings) {
  if (settings.lora.spelling) return *settings.lora.spelling;
  return settings.output && is_adapter_folder(*settings.output) ? AdapterSpelling::peft : AdapterSpelling::kohya;
}

// Without its path: what is made does not hang on where it was made.
std::string base_model_of(const Checkpoint& base) {
  if (base.lies_in_memory()) return "";
  std::string name = base_name(base.folder ? base.folder->path : base.path);
  return name == "." || name == ".." ? "" : name;
}

LoraJob extract_job(const Request& request, Caller& caller, WeightPlaces& places) {
  const LoraSettings& asked = request.settings.lora;
  if (request.operands.size() != 3)
    refuse("", "extract takes two checkpoints: `ckmerge lora extract TUNED BASE --rank 32 -o L.safetensors`");
  refuse_option(asked.concat, "--concat", "is of `ckmerge lora merge`");
  refuse_option(asked.energy.has_value(), "--energy",
                "is of `ckmerge lora resize`; extract, then resize what comes of it");
  LoraJob job{.settings = request.settings, .made_by = "extract"};
  job.inputs = open_checkpoints({request.operands[1], request.operands[2]}, caller);
  for (const Checkpoint& input : job.inputs) expect_weights(input);
  job.spelling = extracted_spelling(job.settings);
  expect_lora_output(job);
  places = weight_places(job.inputs[0], job.inputs[1], job.spelling);
  Extraction found =
      extraction(places, {.rank = asked.rank.value_or(32), .conv_rank = asked.conv_rank, .clamp = asked.clamp});
  job.modules = std::move(found.modules);
  job.unchanged = found.unchanged;
  job.left_out = std::move(found.left_out);
  job.architecture = places.architecture;
  job.base_model = base_model_of(job.inputs[1]);
  job.fields = {{"rank", number_text(static_cast<double>(asked.rank.value_or(32)))}};
  add_field(job.fields, "conv_rank", asked.conv_rank);
  add_field(job.fields, "clamp", asked.clamp);
  return job;
}

// ---- merge and resize

// What all inputs say alike.
Metadata common_metadata(std::span<const Adapter> adapters) {
  Metadata kept;
  for (const auto& field : adapters[0].file.metadata)
    if (std::ranges::all_of(adapters, [&](const Adapter& adapter) {
          return std::ranges::find(adapter.file.metadata, field) != adapter.file.metadata.end();
        }))
      kept.push_back(field);
  return kept;
}

std::vector<Adapter> opened_adapters(const std::vector<CountedPath>& counted, Caller& caller) {
  std::vector<std::string> paths;
  for (const CountedPath& one : counted) paths.push_back(one.path);
  Faults faults;
  std::vector<Adapter> adapters;
  for (Checkpoint& checkpoint : open_checkpoints(paths, caller, {.as_stored = true, .keep_names = true}))
    faults.check([&] { adapters.push_back(read_adapter(std::move(checkpoint))); });
  faults.raise();
  return adapters;
}

CombinationOptions combination_options(const LoraSettings& asked, bool resizes) {
  refuse_option(asked.conv_rank.has_value(), "--conv-rank", "is of `ckmerge lora extract`");
  refuse_option(asked.clamp.has_value(), "--clamp", "is of `ckmerge lora extract`");
  if (resizes) {
    refuse_option(asked.concat, "--concat", "is of `ckmerge lora merge`");
    if (!asked.rank && !asked.energy)
      refuse("--rank", "resize needs a rank: --rank N, or --energy X for each module's own");
  } else {
    refuse_option(asked.energy.has_value(), "--energy",
                  "is of `ckmerge lora resize`; merge, then resize what comes of it");
    if (asked.concat && asked.rank) refuse("--concat", "--concat adds ranks up, and --rank says one; give one of them");
  }
  return {.rank = asked.rank, .energy = asked.energy};
}

LoraJob combine_job(const Request& request, Caller& caller, std::vector<Adapter>& adapters) {
  const bool resizes = request.operands[0] == "resize";
  const LoraSettings& asked = request.settings.lora;
  CombinationOptions options = combination_options(asked, resizes);
  const std::vector<CountedPath> counted =
      counted_paths({request.operands.begin() + 1, request.operands.end()}, resizes);
  adapters = opened_adapters(counted, caller);
  options.spelling = asked.spelling.value_or(spelling_of(adapters[0]));
  options.energies = false;
  options.expect_memory = [&](uint64_t bytes) { expect_lora_memory(request.settings, bytes); };
  std::vector<CountedAdapter> terms;
  LoraJob job{.settings = request.settings, .made_by = request.operands[0], .spelling = options.spelling};
  for (size_t k = 0; k < adapters.size(); ++k) {
    terms.push_back({&adapters[k], counted[k].strength, counted[k].of_encoders, counted[k].by_block});
    job.inputs.push_back(adapters[k].file);
    for (const std::string& warning : adapters[k].warnings) job.warnings.push_back(warning);
    if (!resizes) job.fields.emplace_back(sentence("strength_", k + 1), counted[k].text);
  }
  job.modules = combination(terms, options);
  if (job.modules.empty())
    refuse("", "strengths are 0 for every module, and an adapter of nothing is not written; give one that is not 0");
  job.kept = common_metadata(adapters);
  const Checkpoint& first = adapters[0].file;
  job.architecture = tell_architecture(first).architecture;
  job.base_model = adapters[0].base_model;
  add_field(job.fields, "rank", asked.rank);
  add_field(job.fields, "energy", asked.energy);
  return job;
}

}  // namespace

void lora_command(const Request& request, Caller& caller) {
  request.refused.raise();
  const std::string what = request.operands.empty() ? "" : request.operands[0];
  if (what == "extract") {
    WeightPlaces places;
    return write_lora(extract_job(request, caller, places), caller);
  }
  if (what == "merge" || what == "resize") {
    std::vector<Adapter> adapters;
    return write_lora(combine_job(request, caller, adapters), caller);
  }
  const std::string unknown = what.empty() ? "" : sentence("unknown word '", what, "'; ");
  refuse(what,
         sentence(unknown,
                  "say what is to be done: `ckmerge lora extract TUNED BASE`, `ckmerge lora merge L1:0.7 L2:0.4` or ",
                  "`ckmerge lora resize L`"));
}

}  // namespace ckmerge::cli
