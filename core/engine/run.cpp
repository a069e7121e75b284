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

bool all_in_memory(std::span<const Checkpoint> checkpoints, std::span<const std::string> targets) {
  const auto in_memory = [](const InputFile& file) { return file.in_memory(); };
  const auto whole = [&](const Checkpoint& checkpoint) { return std::ranges::all_of(checkpoint.shards, in_memory); };
  return std::ranges::all_of(targets, target_in_memory) && std::ranges::all_of(checkpoints, whole);
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
  for (size_t k = 0; k < std::min(expected.size(), hashes.size()); ++k)
    if (!expected[k].empty() && expected[k] != hashes[k].sha256)
      throw Error(ErrorCode::mismatch, checkpoints[k].path,
                  sentence(checkpoints[k].path, ": has the SHA-256 ", hashes[k].sha256,
                           ", that of the recorded input was ", expected[k], "; give the file that was merged"));
}

class Engine {
 public:
  Engine(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> targets,
         const RunOptions& options)
      : plan_(plan),
        checkpoints_(checkpoints),
        targets_(targets),
        options_(options),
        kernels_(options.kernels ? *options.kernels : **available_kernels().begin()),
        threads_(options.threads ? options.threads : allowed_processors()),
        devices_(options.device, plan, checkpoints,
                 {.budget = affordable_budget(options.memory_budget),
                  .threads = threads_,
                  .tile_size = options.tile_size,
                  .all_in_memory = all_in_memory(checkpoints, targets)}),
        sizing_(devices_.sizing()),
        cache_(cache_policy(plan, checkpoints, sizing_, MergeStage::lookahead(sizing_))) {}

  RunReport run() {
    std::deque<OutputPart> parts;
    for (size_t k = 0; k < plan_.files.size(); ++k)
      parts.emplace_back(plan_, k, targets_[k],
                         [&] { return options_.discard ? OutputFile::discarding() : output_file(k); });
    merge(parts);
    check_stop(options_.observer());
    describe(parts.front());
    if (options_.on_commit) options_.on_commit();
    for (OutputPart& part : parts) part.commit();
    report_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return std::move(report_);
  }

 private:
  OutputFile output_file(size_t k) const {
    return OutputFile(targets_[k], plan_.files[k].size(), identities(checkpoints_),
                      {.replace = options_.replace,
                       .sync = options_.sync,
                       .stopped = [this] { return options_.observer().wants_stop(); },
                       .drop_cache = cache_.drop_behind_tiles});
  }

  // When this returns, what is on the disk is right and may be put in place. With hashes that the merge itself takes,
  // headers are written last, and with seals they are; then the output's own sums are taken from what the disk gives
  // back.
  void merge(std::deque<OutputPart>& parts) {
    std::optional<InputHashes> hashes;
    if (plan_.recipe.hash) hashes.emplace(plan_, checkpoints_, options_, threads_, cache_);
    InputDigest* const inputs = hashes ? hashes->digest() : nullptr;
    const std::vector<std::string> headers = hashes && !inputs ? final_headers(*hashes) : planned_headers(plan_);
    for (OutputPart& part : parts)
      part.prepare({.hash = options_.hash, .verify = options_.verify, .header_last = inputs != nullptr},
                   sizing_.tile_size);
    MergeStage stage({.plan = plan_,
                      .checkpoints = checkpoints_,
                      .options = options_,
                      .kernels = kernels_,
                      .sizing = sizing_,
                      .cache = cache_,
                      .headers = headers,
                      .parts = parts,
                      .devices = devices_,
                      .inputs = inputs});
    stage.run();
    check_unchanged(checkpoints_);
    check_values(plan_, checkpoints_, stage.step_report());
    check_equal_copies(plan_, checkpoints_, stage.step_report());
    if (inputs) hashes->take_digest();
    const std::vector<std::string> last_headers = inputs ? final_headers(*hashes) : headers;
    if (inputs) stage.write_held(last_headers);
    for (size_t k = 0; k < parts.size(); ++k) parts[k].finish(last_headers[k], sizing_, options_);
    if (options_.verify)
      for (const OutputPart& part : parts) part.check_readable(checkpoints_);
    take_step_report(stage.step_report());
    if (hashes) report_.input_hashes = hashes->hashes();
    for (OutputPart& part : parts)
      if (options_.hash) report_.sums.push_back(part.sums());
    report_.verified = options_.verify;
  }

  std::vector<std::string> final_headers(const InputHashes& hashes) const {
    check_expected(checkpoints_, options_.expected_sha256, hashes.hashes());
    return headers_with_hashes(plan_, checkpoints_, hashes.hashes());
  }

  void take_step_report(const StepReport& step_report) {
    report_.differing.assign(step_report.differing.begin(), step_report.differing.end());
    for (const auto& [step, counts] : step_report.losses)
      report_.losses.push_back({step, counts, is_all_zero(plan_, step_report, step)});
  }

  void describe(const OutputPart& output) {
    report_.bytes_read = plan_.bytes_to_read;
    report_.bytes_written = plan_.output_size();
    report_.isa = kernels_.isa;
    report_.threads = sizing_.threads;
    report_.tiles_in_flight = sizing_.tiles_in_flight;
    report_.tile_size = sizing_.tile_size;
    report_.drops_cache = cache_.drop_behind_tiles;
    report_.output_description = output.description();
    report_.device = devices_.report();
  }

  const Clock::time_point start_ = Clock::now();  // before devices are opened
  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  const std::span<const std::string> targets_;  // one per file of the plan
  const RunOptions& options_;
  const BlockKernels& kernels_;
  const unsigned threads_;
  DeviceBackend devices_;
  const TileSizing sizing_;
  const CachePolicy cache_;
  RunReport report_;
};

}  // namespace

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> targets,
              const RunOptions& options) {
  assert(targets.size() == plan.files.size());
  if (options.discard && (options.verify || options.hash || plan.recipe.hash))
    throw Error(ErrorCode::usage, "discard", "an output that is discarded cannot be verified or hashed");
  Allowance allowance(options);
  for (;;) try {
      return Engine(plan, checkpoints, targets, allowance.options()).run();
    } catch (const std::bad_alloc&) {
      allowance.take_less("memory ran out");
    } catch (const MemoryShortage& error) {
      allowance.take_less(error.what());
    } catch (const Error& error) {
      if (error.where() == "memory") allowance.fail_if_less();
      throw;
    }
}

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
              const RunOptions& options) {
  return run(plan, checkpoints, std::span(&target, 1), options);
}

}  // namespace ckmerge
