// SPDX-License-Identifier: Apache-2.0
// The engine's table of contents: the stages of a run in their order, and what is said about it afterwards.
#include "core/engine/run.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <deque>
#include <new>
#include <optional>

#include "core/device/device_backend.h"
#include "core/engine/allowance.h"
#include "core/engine/differing_copies.h"
#include "core/engine/input_hashes.h"
#include "core/engine/merge_stage.h"
#include "core/engine/output_part.h"
#include "core/engine/value_check.h"
#include "core/plan/output_files.h"
#include "core/read/cache_policy.h"
#include "core/read/tile_sizing.h"
#include "core/threads/machine.h"
#include "core/threads/thread_pool.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Clock = std::chrono::steady_clock;

bool all_in_memory(std::span<const Checkpoint> checkpoints, std::span<const PlannedRun> runs) {
  const auto in_memory = [](const InputFile& file) { return file.in_memory(); };
  const auto whole = [&](const Checkpoint& checkpoint) { return std::ranges::all_of(checkpoint.shards, in_memory); };
  const auto kept = [](const PlannedRun& run) { return std::ranges::all_of(run.targets, target_in_memory); };
  return std::ranges::all_of(runs, kept) && std::ranges::all_of(checkpoints, whole);
}

// Several outputs are the CPU's: a device would have to be measured for each.
DeviceOptions device_options(const RunOptions& options, size_t outputs) {
  return outputs == 1 ? options.device : DeviceOptions{.choice = DeviceChoice::cpu};
}

std::vector<std::string> planned_headers(const Plan& plan) {
  std::vector<std::string> headers;
  for (const PlannedFile& file : plan.files) headers.push_back(file.header);
  return headers;
}

void check_unchanged(std::span<const Checkpoint> checkpoints) {
  for (const Checkpoint& checkpoint : checkpoints)
    for (const InputFile& shard : checkpoint.shards) shard.check_unchanged();
}

void check_expected(std::span<const Checkpoint> checkpoints, std::span<const std::string> expected,
                    std::span<const InputHash> hashes) {
  for (size_t k = 0; k < std::min(expected.size(), hashes.size()); ++k) {
    if (expected[k].empty()) continue;
    if (checkpoints[k].lies_in_memory())
      throw Error(ErrorCode::usage, checkpoints[k].path,
                  sentence(checkpoints[k].path, ": is in memory and has no SHA-256, that of the recorded input was ",
                           expected[k], "; give the file that was merged"));
    if (expected[k] != hashes[k].sha256)
      throw Error(ErrorCode::mismatch, checkpoints[k].path,
                  sentence(checkpoints[k].path, ": has the SHA-256 ", hashes[k].sha256,
                           ", that of the recorded input was ", expected[k], "; give the file that was merged"));
  }
}

// One output of a run while it is made.
struct Made {
  const Plan& plan;
  std::span<const std::string> targets;  // one per file of the plan
  std::deque<OutputPart> parts = {};
  std::vector<std::string> headers = {};
  RunReport report = {};
};

// The one that reads the most, for which tiles are sized: others may have terms that vanish.
size_t leading(std::span<const PlannedRun> runs) {
  size_t leader = 0;
  for (size_t k = 1; k < runs.size(); ++k)
    if (runs[k].plan->bytes_to_read > runs[leader].plan->bytes_to_read) leader = k;
  return leader;
}

uint64_t held_whole(std::span<const PlannedRun> runs) {
  uint64_t held = 0;
  for (const PlannedRun& run : runs) held += run.plan->held_whole;
  return held;
}

class Engine {
 public:
  Engine(std::span<const PlannedRun> runs, std::span<const Checkpoint> checkpoints, const RunOptions& options)
      : leader_(leading(runs)),
        plan_(*runs[leader_].plan),
        checkpoints_(checkpoints),
        options_(options),
        kernels_(options.kernels ? *options.kernels : **available_kernels().begin()),
        threads_(options.threads ? options.threads : allowed_processors()),
        device_options_(device_options(options, runs.size())),
        devices_(device_options_, plan_, checkpoints,
                 {.budget = affordable_budget(options.memory_budget),
                  .held = options.held_by_inputs + held_whole(runs),
                  .threads = threads_,
                  .tile_size = options.tile_size,
                  .all_in_memory = all_in_memory(checkpoints, runs)}),
        sizing_(devices_.sizing()),
        cache_(cache_policy(plan_, checkpoints, sizing_, MergeStage::lookahead(sizing_), runs.size())) {
    for (const PlannedRun& run : runs) made_.push_back({.plan = *run.plan, .targets = run.targets});
  }

  std::vector<RunReport> run() {
    for (Made& made : made_) open_parts(made);
    merge();
    check_stop(options_.observer());
    for (Made& made : made_) describe(made);
    if (options_.on_commit) options_.on_commit();
    for (Made& made : made_)
      for (OutputPart& part : made.parts) part.commit();
    std::vector<RunReport> reports;
    for (Made& made : made_) {
      made.report.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
      reports.push_back(std::move(made.report));
    }
    return reports;
  }

 private:
  void open_parts(Made& made) {
    for (size_t k = 0; k < made.plan.files.size(); ++k)
      made.parts.emplace_back(made.plan, k, made.targets[k],
                              [&] { return options_.discard ? OutputFile::discarding() : output_file(made, k); });
  }

  OutputFile output_file(const Made& made, size_t k) const {
    return OutputFile(made.targets[k], made.plan.files[k].size(), identities(checkpoints_),
                      {.replace = options_.replace,
                       .sync = options_.sync,
                       .sync_folder = options_.sync_folders,
                       .stopped = [this] { return options_.observer().wants_stop(); },
                       .drop_cache = cache_.drop_behind_tiles});
  }

  // When this returns, what is on the disk is right and may be put in place. With hashes that the merge itself takes,
  // headers are written last, and with seals they are; then the output's own sums are taken from what the disk gives
  // back.
  void merge() {
    std::optional<InputHashes> hashes;
    if (plan_.recipe.hash)
      hashes.emplace(plan_, given_checkpoints(checkpoints_), options_, threads_, cache_, can_hold_headers());
    InputDigest* const inputs = hashes ? hashes->digest() : nullptr;
    std::vector<MergedOutput> outputs;
    for (Made& made : made_) {
      made.headers = hashes && !inputs ? final_headers(made, *hashes) : planned_headers(made.plan);
      for (OutputPart& part : made.parts)
        part.prepare({.hash = options_.hash, .verify = options_.verify, .header_last = inputs != nullptr},
                     sizing_.tile_size);
      outputs.push_back({.plan = made.plan,
                         .headers = made.headers,
                         .parts = made.parts,
                         .inputs = outputs.size() == leader_ ? inputs : nullptr});
    }
    MergeStage stage({.outputs = outputs,
                      .checkpoints = checkpoints_,
                      .options = options_,
                      .kernels = kernels_,
                      .sizing = sizing_,
                      .cache = cache_,
                      .target = made_.front().targets[0],
                      .devices = devices_});
    stage.run();
    check_unchanged(checkpoints_);
    std::vector<StepReport> step_reports;
    for (size_t k = 0; k < made_.size(); ++k) {
      step_reports.push_back(stage.step_report(k));
      check(made_[k], step_reports[k]);
    }
    if (inputs) hashes->take_digest();
    for (size_t k = 0; k < made_.size(); ++k) {
      if (inputs) {
        made_[k].headers = final_headers(made_[k], *hashes);
        stage.write_held(k, made_[k].headers);
      }
      finish(made_[k], step_reports[k]);
      made_[k].report.energies = stage.energy(k).steps();
      if (hashes) made_[k].report.input_hashes = hashes->hashes();
    }
  }

  // The tiles with the headers of all outputs, until the inputs' sums are known.
  bool can_hold_headers() const {
    uint64_t held = 0;
    for (const Made& made : made_)
      for (const PlannedFile& file : made.plan.files) held += file.header.size() + sizing_.tile_size;
    return made_.size() == 1 || held <= affordable_budget(options_.memory_budget) / 4;
  }

  // Of several outputs it is said whose fault it is.
  void check(const Made& made, const StepReport& step_report) const try {
    check_values(made.plan, checkpoints_, step_report);
    check_equal_copies(made.plan, checkpoints_, step_report);
  } catch (const Error& error) {
    if (made_.size() == 1) throw;
    throw Error(error.code(), error.where(), made.targets[0] + ": " + error.what(), error.details());
  }

  void finish(Made& made, const StepReport& step_report) const {
    for (size_t k = 0; k < made.parts.size(); ++k) made.parts[k].finish(made.headers[k], sizing_, options_);
    if (options_.verify)
      for (const OutputPart& part : made.parts) part.check_readable(checkpoints_);
    take_step_report(made, step_report);
    for (OutputPart& part : made.parts)
      if (options_.hash) made.report.sums.push_back(part.sums());
    made.report.verified = options_.verify;
  }

  std::vector<std::string> final_headers(const Made& made, const InputHashes& hashes) const {
    check_expected(checkpoints_, options_.expected_sha256, hashes.hashes());
    return headers_with_hashes(made.plan, checkpoints_, hashes.hashes());
  }

  static void take_step_report(Made& made, const StepReport& step_report) {
    made.report.differing.assign(step_report.differing.begin(), step_report.differing.end());
    for (const auto& [step, counts] : step_report.losses)
      made.report.losses.push_back({step, counts, is_all_zero(made.plan, step_report, step)});
  }

  void describe(Made& made) const {
    made.report.bytes_read = made.plan.bytes_to_read;
    made.report.bytes_written = made.plan.output_size();
    made.report.isa = kernels_.isa;
    made.report.threads = sizing_.threads;
    made.report.tiles_in_flight = sizing_.tiles_in_flight;
    made.report.tile_size = sizing_.tile_size;
    made.report.drops_cache = cache_.drop_behind_tiles;
    made.report.output_description = made.parts.front().description();
    made.report.device = devices_.report();
  }

  const Clock::time_point start_ = Clock::now();  // before devices are opened
  const size_t leader_;
  const Plan& plan_;  // the leader's: all are over the same checkpoints, and laid out alike
  std::span<const Checkpoint> checkpoints_;
  const RunOptions& options_;
  const BlockKernels& kernels_;
  const unsigned threads_;
  const DeviceOptions device_options_;
  DeviceBackend devices_;
  const TileSizing sizing_;
  const CachePolicy cache_;
  std::deque<Made> made_;
};

}  // namespace

std::vector<RunReport> run(std::span<const PlannedRun> runs, std::span<const Checkpoint> checkpoints,
                           const RunOptions& options) {
  assert(!runs.empty());
  if (runs.size() > 1 && options.device.choice == DeviceChoice::cuda)
    throw Error(ErrorCode::usage, "--device", "--device: several outputs of one run are made by the CPU");
  for (const PlannedRun& run : runs) {
    assert(run.targets.size() == run.plan->files.size());
    if (options.discard && (options.verify || options.hash || run.plan->recipe.hash))
      throw Error(ErrorCode::usage, "discard", "an output that is discarded cannot be verified or hashed");
  }
  Allowance allowance(options);
  for (;;) try {
      return Engine(runs, checkpoints, allowance.options()).run();
    } catch (const std::bad_alloc&) {
      allowance.take_less("memory ran out");
    } catch (const MemoryShortage& error) {
      allowance.take_less(error.what());
    } catch (const Error& error) {
      if (error.where() == "memory") allowance.fail_if_less();
      throw;
    }
}

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> targets,
              const RunOptions& options) {
  const PlannedRun one{.plan = &plan, .targets = targets};
  return std::move(run(std::span(&one, 1), checkpoints, options).front());
}

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
              const RunOptions& options) {
  return run(plan, checkpoints, std::span(&target, 1), options);
}

}  // namespace ckmerge
