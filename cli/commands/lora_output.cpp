// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/lora_output.h"

#include <algorithm>

#include "cli/commands/after_merge.h"
#include "cli/commands/work_options.h"
#include "cli/folders/config_files.h"
#include "cli/folders/folder_output.h"
#include "cli/options/output_name.h"
#include "cli/options/sizes.h"
#include "cli/report/lora_report.h"
#include "core/adapters/making/storable_factors.h"
#include "core/read/tile_sizing.h"
#include "core/threads/machine.h"
#include "io/file/output_file.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge::cli {
namespace {

// What tiles are given at least, beside the modules that are being made.
constexpr uint64_t kForTiles = 16ULL << 20;

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

// The folder that PeftModel.from_pretrained loads.
class AdapterFolder final : public FolderOutput {
 public:
  explicit AdapterFolder(std::string config) : config_(std::move(config)) {
    file_.weights = "adapter_model.safetensors";
  }
  std::span<const FolderFile> files() const override { return {&file_, 1}; }
  std::vector<std::string> warnings() const override { return {}; }
  uint64_t size_beside() const override { return config_.size(); }

 private:
  void write_beside(const PartialFolder& folder, const Written& written) const override {
    write_text(folder.path() + "/adapter_config.json", config_, written.sync);
  }
  FolderFile file_;
  std::string config_;
};

AdapterRecord record_of(const LoraJob& job) {
  AdapterRecord record{.made_by = job.made_by, .inputs = {}, .fields = job.fields};
  for (const Checkpoint& input : job.inputs) record.inputs.push_back(base_name(input.path));
  return record;
}

Dtype dtype_of(const LoraJob& job) { return job.settings.recipe.dtype.value_or(Dtype::F16); }

// As merges are planned: a copy of what is in memory, in another dtype. Alphas keep theirs, in which they are exact.
Recipe recipe_of(const LoraJob& job) {
  Recipe recipe;
  recipe.method = "copy";
  recipe.dtype = dtype_of(job);
  if (job.spelling == AdapterSpelling::kohya) recipe.dtype_rules = {"/\\.alpha$/=f32"};
  recipe.metadata = MetadataPolicy::set;
  recipe.set_metadata = made_metadata(job.modules, job.spelling, job.architecture, record_of(job), job.kept);
  recipe.keep_names = true;
  return recipe;
}

// What --memory takes for so many bytes or a little more: "17MiB".
std::string enough_memory(uint64_t bytes) {
  constexpr uint64_t kMiB = 1 << 20;
  return sentence((bytes + kMiB - 1) / kMiB, "MiB");
}

uint64_t memory_for_modules(const Settings& settings) {
  const uint64_t budget = settings.run.memory_budget;
  return budget > kForTiles ? budget - kForTiles : 0;
}

// How many modules may be made at a time.
unsigned modules_at_a_time(const LoraJob& job, uint64_t largest) {
  const RunOptions& run = job.settings.run;
  const unsigned threads = run.threads > 0 ? run.threads : allowed_processors();
  if (largest == 0) return threads;
  expect_lora_memory(job.settings, largest);
  return static_cast<unsigned>(std::min<uint64_t>(threads, memory_for_modules(job.settings) / largest));
}

// Modules are made by whoever computes a tile of them: a small file has one for each thread, too. 0: as of all files.
uint64_t tile_of(uint64_t output_size, unsigned threads) {
  constexpr uint64_t kSmallFile = 4ULL << 20, kLargest = 256ULL << 10, kUnit = OutputFile::kAlignment;
  if (output_size > kSmallFile * threads) return 0;
  return std::clamp(output_size / (2 * threads) / kUnit * kUnit, kUnit, kLargest);
}

std::vector<std::string> paths_of(const LoraJob& job) {
  std::vector<std::string> paths;
  for (const Checkpoint& input : job.inputs) {
    if (!input.lies_in_memory()) paths.push_back(input.path);
    for (const InputFile& shard : input.shards)
      if (shard.is_file()) paths.push_back(shard.path());
  }
  return paths;
}

void check_target_of(const LoraJob& job) {
  if (!job.settings.output) return;
  const std::string& output = *job.settings.output;
  const bool replace = job.settings.run.replace;
  if (job.spelling == AdapterSpelling::peft) return check_folder_target(output, paths_of(job), replace);
  check_target(output, identities(job.inputs), replace);
}

RunReport run_job(const LoraJob& job, const Plan& plan, const Checkpoint& adapter, const RunOptions& options) {
  const std::string& output = *job.settings.output;
  if (job.spelling != AdapterSpelling::peft) return run(plan, {&adapter, 1}, output, options);
  const AdapterFolder folder(made_peft_config(job.modules, job.base_model));
  return folder.run(plan, {&adapter, 1}, output, paths_of(job), options);
}

RunReport run_watched(const LoraJob& job, const Plan& plan, const Checkpoint& adapter, RunOptions options,
                      Caller& caller) {
  const std::unique_ptr<ProgressView> view = caller.watch(job.settings, plan.output_size());
  options.stop = caller.stop();
  options.on_progress = [&view](const Progress& progress) { view->update(progress); };
  options.on_commit = [&view] { view->commit(); };
  RunReport report = run_job(job, plan, adapter, options);
  view->finish(plan.output_size(), report.seconds);
  return report;
}

std::vector<std::string> register_output(const LoraJob& job, const RunReport& report, const Environment& environment,
                                         Caller& caller) {
  const std::string& output = *job.settings.output;
  const std::string path = job.spelling == AdapterSpelling::peft
                               ? output + (output.ends_with('/') ? "" : "/") + "adapter_model.safetensors"
                               : output;
  return announce(announcement_of(job.settings, environment), path, job.inputs, report, caller);
}

void check_output_name(const LoraJob& job) {
  const Settings& settings = job.settings;
  if (!settings.output) {
    if (settings.only_plan) return;
    refuse("--output", "no output is given; name the file to write with -o OUT");
  }
  const bool is_folder_name = is_adapter_folder(*settings.output);
  if (job.spelling == AdapterSpelling::peft && !is_folder_name)
    refuse(*settings.output,
           *settings.output + ": PEFT's spelling is a folder with adapter_config.json; name one, as in -o out/");
  if (job.spelling != AdapterSpelling::peft && is_folder_name)
    refuse(*settings.output,
           *settings.output + ": names a folder; name a file, such as L.safetensors, or take --spelling peft");
  if (job.spelling != AdapterSpelling::peft && !settings.output->ends_with(".safetensors"))
    refuse(*settings.output, *settings.output + ": adapters are written as .safetensors; name such a file");
}

LoraFacts facts_of(const LoraJob& job, const Plan& plan, const MadeAdapter& made) {
  return {.output = job.settings.output.value_or(""),
          .spelling = job.spelling,
          .dtype = dtype_of(job),
          .modules = made.modules(),
          .size = plan.output_size(),
          .unchanged = job.unchanged,
          .left_out = job.left_out,
          .warnings = job.warnings,
          .verbose = job.settings.verbose};
}

void tell(const Settings& settings, Caller& caller, const std::string& text, const JsonWriter& document) {
  if (settings.json)
    caller.tell(document);
  else if (!settings.quiet)
    caller.tell(text);
}

}  // namespace

std::string base_name(const std::string& path) {
  const std::string_view trimmed = std::string_view(path).substr(0, path.find_last_not_of('/') + 1);
  return valid_utf8(trimmed.substr(trimmed.find_last_of('/') + 1));
}

bool is_adapter_folder(const std::string& output) { return may_be_folder(output); }

void expect_lora_memory(const Settings& settings, uint64_t largest) {
  if (memory_for_modules(settings) >= largest) return;
  throw Error(ErrorCode::resources, "--memory",
              sentence("the largest module takes ", memory_text(largest), " while it is made, and with ",
                       memory_text(kForTiles), " for tiles that is more than --memory ",
                       memory_text(settings.run.memory_budget), "; give --memory ", enough_memory(largest + kForTiles),
                       " or more"));
}

void expect_lora_output(const LoraJob& job) {
  check_output_name(job);
  check_target_of(job);
}

void write_lora(LoraJob job, Caller& caller) {
  expect_lora_output(job);
  Faults faults;
  complete_run_options(job.settings, caller.environment, faults);
  faults.raise();
  const uint64_t largest = largest_memory(job.modules);
  const unsigned at_a_time = modules_at_a_time(job, largest);
  for (MadeModule& module : job.modules) module = checked_for(std::move(module), dtype_of(job));
  const MadeAdapter made(job.modules, job.spelling, at_a_time);
  const Checkpoint adapter = made.checkpoint();
  const Plan plan = make_plan(recipe_of(job), {&adapter, 1});
  for (const std::string& warning : plan.warnings) job.warnings.push_back(warning);
  if (const auto& output = job.settings.output)
    check_space(output->substr(0, output->find_last_not_of('/') + 1), plan.output_size());
  RunOptions options = job.settings.run;
  options.memory_budget = std::max(kForTiles, options.memory_budget - at_a_time * largest);
  options.device = {.choice = DeviceChoice::cpu};
  if (options.tile_size == 0) options.tile_size = tile_of(plan.output_size(), at_a_time);
  const auto facts = [&] { return facts_of(job, plan, made); };
  if (job.settings.only_plan) return tell(job.settings, caller, lora_plan_report(facts()), lora_plan_json(facts()));
  const RunReport report = run_watched(job, plan, adapter, options, caller);
  for (std::string& trouble : register_output(job, report, caller.environment, caller))
    job.warnings.push_back(std::move(trouble));
  tell(job.settings, caller, lora_report(facts(), made.energies(), report),
       lora_json(facts(), made.energies(), report));
}

}  // namespace ckmerge::cli
