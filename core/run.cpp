// SPDX-License-Identifier: Apache-2.0
// The engine: workers take tiles in the order of the output's bytes and share nothing but a counter. More workers run
// than may compute at once: the others wait for the disk, which keeps it busy.
#include "core/run.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <semaphore>
#include <system_error>
#include <thread>

#include "core/machine.h"
#include "core/tile.h"
#include "core/tile_sizing.h"
#include "io/error.h"

namespace ckmerge {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kProgressInterval = std::chrono::milliseconds(100);

// Page cache is kept while inputs and output fit in a quarter of the memory that can be had: whoever loads the result,
// or merges the same inputs again, finds them there. Otherwise it is dropped behind the cursor, so that a small machine
// or cgroup does not thrash, and pages are used again instead of fetched fresh: on a virtual machine with 22 GiB
// available, two cold 3.2 GB inputs took 3.9 to 4.1 s dropped and 5.1 to 6.8 s kept.
bool must_drop_cache(const Plan& plan) { return plan.bytes_to_read + plan.file_size > available_memory() / 4; }

// Windows beyond what can be had are taken away before they are used, and read again and again: in a 40 MiB cgroup the
// default budget ran for minutes. So a program of some MiB and the kernel's readahead are left room, and half of the
// rest is the budget's. The budget is an upper bound; less is allowed.
uint64_t affordable_budget(uint64_t budget) {
  constexpr uint64_t kReserve = 16ull << 20, kFloor = 4ull << 20;
  const uint64_t available = available_memory();
  return std::min(budget, std::max(kFloor, (available - std::min(available, kReserve)) / 2));
}

bool all_in_memory(std::span<const Checkpoint> checkpoints, const std::string& target) {
  const auto in_memory = [](const InputFile& file) { return file.in_memory(); };
  const auto whole = [&](const Checkpoint& checkpoint) { return std::ranges::all_of(checkpoint.shards, in_memory); };
  return target_in_memory(target) && std::ranges::all_of(checkpoints, whole);
}

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

class Engine {
 public:
  Engine(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
         const RunOptions& options)
      : plan_(plan),
        checkpoints_(checkpoints),
        target_(target),
        options_(options),
        kernels_(options.kernels ? *options.kernels : **available_kernels().begin()),
        sizing_(size_tiles(plan, checkpoints, affordable_budget(options.memory_budget),
                           options.threads ? options.threads : allowed_processors(), options.tile_size,
                           all_in_memory(checkpoints, target))),
        permits_(sizing_.threads),
        drop_cache_(must_drop_cache(plan)) {}

  RunReport run() {
    std::vector<FileIdentity> inputs;
    for (const Checkpoint& checkpoint : checkpoints_)
      for (const InputFile& shard : checkpoint.shards) inputs.push_back(shard.identity());
    OutputFile output(target_, plan_.file_size, inputs,
                      {.replace = options_.replace,
                       .sync = options_.sync,
                       .stopped = [this] { return stop_raised(); },
                       .drop_cache = drop_cache_});
    output_ = &output;
    compute_all();
    for (const Checkpoint& checkpoint : checkpoints_)
      for (const InputFile& shard : checkpoint.shards) shard.check_unchanged();
    check_stop();
    RunReport report = make_report();
    output.commit();
    report.seconds = seconds();
    return report;
  }

 private:
  // Returns when every byte is written; throws the first error.
  void compute_all() {
    {
      std::vector<std::jthread> workers;
      while (workers.size() < sizing_.tiles_in_flight && add_worker(workers)) continue;
      watch();
    }
    if (first_error_) std::rethrow_exception(first_error_);
    check_stop();
    report_progress();
  }

  // False when the system gives no further thread; those there are do the work.
  bool add_worker(std::vector<std::jthread>& workers) {
    std::lock_guard lock(mutex_);
    try {
      workers.emplace_back([this] { work(); });
      ++running_;
      return true;
    } catch (const std::system_error& error) {
      if (!workers.empty()) return false;
      throw Error(ErrorCode::resources, "threads", std::string("no thread can be started: ") + error.what());
    }
  }

  // The calling thread reports progress and looks at the stop flag until the workers have ended.
  void watch() {
    std::unique_lock lock(mutex_);
    while (!ended_.wait_for(lock, kProgressInterval, [this] { return running_ == 0; })) {
      if (stop_raised()) stopping_ = true;
      lock.unlock();
      report_progress();
      lock.lock();
    }
  }

  void work() noexcept {
    Findings findings;
    try {
      work_on_tiles(findings);
    } catch (...) {
      std::lock_guard lock(mutex_);
      if (!first_error_) first_error_ = std::current_exception();
      stopping_ = true;
    }
    std::lock_guard lock(mutex_);
    findings_.add(findings);
    if (--running_ == 0) ended_.notify_one();
  }

  void work_on_tiles(Findings& findings) {
    const std::unique_ptr<std::byte, FreeMemory> staging(
        static_cast<std::byte*>(std::aligned_alloc(OutputFile::kAlignment, sizing_.tile_size)));
    if (!staging) throw std::bad_alloc();
    TileWorker worker(
        plan_, checkpoints_,
        {.kernels = &kernels_, .window_size = sizing_.window_size, .drop_cache = drop_cache_, .permits = &permits_});
    while (!stopping_) {
      const uint64_t begin = next_tile_.fetch_add(1) * sizing_.tile_size;
      if (begin >= plan_.file_size) break;
      const ByteRange range{begin, std::min(begin + sizing_.tile_size, plan_.file_size)};
      const std::span<std::byte> out(staging.get(), range.size());
      worker.compute(range, out);
      output_->write_at(range.begin, out);
      done_ += range.size();
    }
    findings = worker.findings();
  }

  bool stop_raised() const { return options_.stop && options_.stop->load(); }

  void check_stop() const {
    if (stopping_ || stop_raised()) throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written");
  }

  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  void report_progress() const {
    if (options_.on_progress) options_.on_progress({.done = done_, .total = plan_.file_size, .seconds = seconds()});
  }

  RunReport make_report() const {
    RunReport report;
    report.bytes_read = plan_.bytes_to_read;
    report.bytes_written = plan_.file_size;
    report.differing.assign(findings_.differing.begin(), findings_.differing.end());
    report.isa = kernels_.isa;
    report.threads = sizing_.threads;
    report.tiles_in_flight = sizing_.tiles_in_flight;
    report.tile_size = sizing_.tile_size;
    report.drops_cache = drop_cache_;
    report.output_description = output_->description();
    for (const auto& [step, counts] : findings_.losses) report.losses.push_back({step, counts});
    return report;
  }

  const Plan& plan_;
  std::span<const Checkpoint> checkpoints_;
  const std::string& target_;
  const RunOptions& options_;
  const BlockKernels& kernels_;
  const TileSizing sizing_;
  const Clock::time_point start_ = Clock::now();
  std::counting_semaphore<> permits_;
  const bool drop_cache_;
  OutputFile* output_ = nullptr;

  std::atomic<uint64_t> next_tile_{0}, done_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable ended_;
  unsigned running_ = 0;
  std::exception_ptr first_error_;
  Findings findings_;
};

}  // namespace

RunReport run(const Plan& plan, std::span<const Checkpoint> checkpoints, const std::string& target,
              const RunOptions& options) {
  return Engine(plan, checkpoints, target, options).run();
}

}  // namespace ckmerge
