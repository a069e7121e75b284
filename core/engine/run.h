// SPDX-License-Identifier: Apache-2.0
// Running a plan: threads, tiles, budget. Nothing here changes a byte of the output (invariant I2).
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/device/device_options.h"
#include "core/device/device_report.h"
#include "core/plan/plan.h"
#include "core/plan/step_report.h"
#include "core/threads/progress.h"
#include "io/file/output_file.h"
#include "kernels/block_kernels.h"

namespace ckmerge {

struct RunOptions {
  // Behaviour.
  bool replace = false;      ///< an existing target may be replaced
  bool sync = true;          ///< durable: fsync before and after the rename
  bool sync_folders = true;  ///< with `sync`, after the rename; false where the caller does
  bool verify = false;  ///< read the output back from disk before it is put in place, compare with what was computed
  bool hash = false;    ///< hash the output as it is written (RunReport::sums); recipe.hash asks for the inputs' hashes
  bool discard = false;  ///< for benchmarks: the output goes nowhere, whatever the target; not with verify or hash
  // Speed only.
  uint64_t memory_budget = 128ull << 20;  ///< bytes of staging and of resident parts of maps; the plan is counted apart
  uint64_t held_by_inputs = 0;            ///< of these, what is held while inputs are made (AdapterReport::memory)
  unsigned threads = 0;                   ///< threads that compute; 0 = what affinity and cgroup allow
  uint64_t tile_size = 0;                 ///< bytes of output per tile; 0 = from the budget. A multiple of 4096
  const BlockKernels* kernels = nullptr;  ///< null = the best this CPU runs
  std::vector<std::string> expected_sha256 = {};  ///< per input, for recipe.hash: another sum ends the run; empty = any
  std::string hash_cache = {};                    ///< file of known hashes (io/hash/hash_cache.h); empty = none
  DeviceOptions device{};                         ///< who computes: this CPU, or devices
  // Watching. Called from one thread, about ten times a second; must not throw.
  std::function<void(const Progress&)> on_progress = {};
  StopFlag stop{};                       ///< raised, the run ends with Error(interrupted)
  std::function<void()> on_commit = {};  ///< the output is complete; `stop` is not looked at from here on
  Observer observer() const { return {on_progress, stop}; }
};

/// A step whose values did not all survive storing.
struct StoreLoss {
  uint32_t step = 0;
  StoreCounts counts;
  bool all_zero = false;  ///< every value is stored as 0, though not every value was
};

/// SHA-256 sums of a file of the output.
struct OutputSums {
  std::string sha256;         ///< of the file
  std::string tensor_sha256;  ///< of its tensors' bytes alone (AutoV3); empty where the form has none
};

struct RunReport {
  double seconds = 0;
  uint64_t bytes_read = 0, bytes_written = 0;
  std::vector<StoreLoss> losses;        ///< in the order of steps: anything in StoreCounts is not 0
  std::vector<uint32_t> differing;      ///< copied integer steps whose other checkpoints hold other bytes, in order
  std::vector<StepEnergy> energies;     ///< in the order of steps: those that are measured (core/plan/step_rows.h)
  std::vector<InputHash> input_hashes;  ///< with recipe.hash; empty ones of inputs in memory
  std::vector<OutputSums> sums;         ///< with options.hash: of each file
  bool verified = false;                ///< with options.verify
  // How it was done, for -v.
  const char* isa = "";
  unsigned threads = 0, tiles_in_flight = 0;
  uint64_t tile_size = 0;
  bool drops_cache = false;
  std::string output_description;
  DeviceReport device;
};

/// A plan and the targets of its files.
struct PlannedRun {
  const Plan* plan = nullptr;
  std::span<const std::string> targets = {};
};

/// Merges into `targets`, one for each file of the plan: they are there, complete, when this returns. When it throws a
/// target is what it was, save where the error says that it is complete and only its folder could not be synced; of
/// several, which are put in place one after another when all are complete, those before it are there as well.
/// `checkpoints` are those the plan was made from. Throws Error(io | usage | malformed | resources | interrupted);
/// Error(mismatch) for NaN or Inf that no input has and variances below 0 (NanPolicy::error) and for tensors of
/// zeros (UnderflowPolicy::error), with a detail line per tensor, and for an input that is not the expected one;
/// Error(difference) when what is read back is not what was computed; TargetTaken before any work
/// (io/file/output_file.h).
RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, std::span<const std::string> targets,
              const RunOptions& options = {});

/// Several plans over the same checkpoints, at least one, tile by tile in turn, so that the inputs are read from the
/// disk once: a report for each. They are computed by the CPU where there are several. All targets are put in place
/// when all are complete, one after another; throws as above, and what is wrong with one output is wrong with all.
std::vector<RunReport> run(std::span<const PlannedRun> runs, std::span<const Checkpoint> checkpoints,
                           const RunOptions& options = {});

/// The same for a plan of one file.
RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
              const RunOptions& options = {});

}  // namespace ckmerge
