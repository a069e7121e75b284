// SPDX-License-Identifier: Apache-2.0
// The engine's table of contents: the stages of a run in their order, and what is said about it afterwards.
#include "core/engine/run.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>

#include "core/device/device_backend.h"
#include "core/engine/input_hashes.h"
#include "core/engine/merge_stage.h"
#include "core/engine/non_finite.h"
#include "core/engine/read_back.h"
#include "core/engine/seals.h"
#include "core/read/cache_policy.h"
#include "core/read/tile_sizing.h"
#include "core/threads/machine.h"
#include "core/threads/thread_pool.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

using Clock = std::chrono::steady_clock;

bool all_in_memory(std::span<const Checkpoint> checkpoints, const std::string& target) {
  const auto in_memory = [](const InputFile& file) { return file.in_memory(); };
  const auto whole = [&](const Checkpoint& checkpoint) { return std::ranges::all_of(checkpoint.shards, in_memory); };
  return target_in_memory(target) && std::ranges::all_of(checkpoints, whole);
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
  Engine(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
         const RunOptions& options)
      : plan_(plan),
        checkpoints_(checkpoints),
        target_(target),
        options_(options),
        kernels_(options.kernels ? *options.kernels : **available_kernels().begin()),
        threads_(options.threads ? options.threads : allowed_processors()),
        devices_(options.device, plan, checkpoints,
                 {.budget = affordable_budget(options.memory_budget),
                  .threads = threads_,
                  .tile_size = options.tile_size,
                  .all_in_memory = all_in_memory(checkpoints, target)}),
        sizing_(devices_.sizing()),
        cache_(cache_policy(plan, checkpoints, sizing_, MergeStage::lookahead(sizing_))) {}

  RunReport run() {
    OutputFile output = options_.discard ? OutputFile::discarding() : output_file();
    merge(output);
    check_stop(options_.observer());
    describe(output);
    output.commit();
    report_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    return std::move(report_);
  }

 private:
  OutputFile output_file() const {
    return OutputFile(target_, plan_.file_size, identities(checkpoints_),
                      {.replace = options_.replace,
                       .sync = options_.sync,
                       .stopped = [this] { return options_.observer().wants_stop(); },
                       .drop_cache = cache_.drop_behind_tiles});
  }

  // When this returns, what is on the disk is right and may be put in place. With hashes that the merge itself takes,
  // the header is written last, and with seals they are; then the output's own sums are taken from what the disk gives
  // back.
  void merge(OutputFile& output) {
    std::optional<InputHashes> hashes;
    if (plan_.recipe.hash) hashes.emplace(plan_, checkpoints_, options_, threads_, cache_);
    InputDigest* const inputs = hashes ? hashes->digest() : nullptr;
    const std::string header = hashes && !inputs ? final_header(*hashes) : plan_.header;
    std::optional<OutputDigest> digest;
    std::optional<RangeChecksums> checksums;
    std::optional<Seals> seals;
    if (plan_.frame && plan_.frame->has_seals()) seals.emplace(plan_);
    const bool hash_later = inputs || seals;
    if (options_.hash) digest.emplace(has_tensor_sum() ? header.size() : plan_.file_size);
    if (options_.verify) checksums.emplace(plan_.file_size, sizing_.tile_size);
    MergeStage stage({.plan = plan_,
                      .checkpoints = checkpoints_,
                      .options = options_,
                      .kernels = kernels_,
                      .sizing = sizing_,
                      .cache = cache_,
                      .header = header,
                      .output = output,
                      .checksums = checksums ? &*checksums : nullptr,
                      .digest = digest && !hash_later ? &*digest : nullptr,
                      .seals = seals ? &*seals : nullptr,
                      .devices = devices_,
                      .inputs = inputs});
    stage.run();
    check_unchanged(checkpoints_);
    check_non_finite(plan_, checkpoints_, stage.step_report());
    if (inputs) hashes->take_digest();
    const std::string last_header = inputs ? final_header(*hashes) : header;
    if (inputs) stage.write_held(last_header);
    if (seals) seals->write(output, last_header, sizing_, options_);
    if (checksums || (digest && hash_later))
      read_back(output, target_, plan_.file_size, sizing_, checksums ? &*checksums : nullptr,
                digest && hash_later ? &*digest : nullptr, seals ? &*seals : nullptr, options_);
    take_step_report(stage.step_report());
    if (hashes) report_.input_hashes = hashes->hashes();
    if (digest) take_sums(*digest);
    report_.verified = checksums.has_value();
  }

  std::string final_header(const InputHashes& hashes) const {
    check_expected(checkpoints_, options_.expected_sha256, hashes.hashes());
    return header_with_hashes(plan_, checkpoints_, hashes.hashes());
  }

  // AutoV3, of the bytes behind the header.
  bool has_tensor_sum() const { return plan_.recipe.form->has_tensor_sum; }

  void take_sums(OutputDigest& digest) {
    report_.sha256 = digest.file_sha256();
    if (has_tensor_sum()) report_.tensor_sha256 = digest.tensor_sha256();
  }

  void take_step_report(const StepReport& step_report) {
    report_.differing.assign(step_report.differing.begin(), step_report.differing.end());
    for (const auto& [step, counts] : step_report.losses) report_.losses.push_back({step, counts});
  }

  void describe(const OutputFile& output) {
    report_.bytes_read = plan_.bytes_to_read;
    report_.bytes_written = plan_.file_size;
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
  const std::string& target_;
  const RunOptions& options_;
  const BlockKernels& kernels_;
  const unsigned threads_;
  DeviceBackend devices_;
  const TileSizing sizing_;
  const CachePolicy cache_;
  RunReport report_;
};

}  // namespace

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
              const RunOptions& options) {
  if (options.discard && (options.verify || options.hash || plan.recipe.hash))
    throw Error(ErrorCode::usage, "discard", "an output that is discarded cannot be verified or hashed");
  return Engine(plan, checkpoints, target, options).run();
}

}  // namespace ckmerge
