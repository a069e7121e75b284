// SPDX-License-Identifier: Apache-2.0
// What is made of the numbers of many lines at once: it ends when the run does, however many lines there are.
#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/engine/statistics.h"
#include "core/engine/statistics_worker.h"
#include "core/lines/model_numbers.h"
#include "core/threads/semaphore.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// What `work` ends with on a thread of a pool that has been told to come to an end.
Failure stopped(const std::function<void(const ThreadPool&)>& work) {
  Failure failed;
  int asked = 0;
  const StopFlag later(std::function<bool()>([&] { return ++asked > 1; }));  // not before the thread runs
  const std::function<void(const Progress&)> nobody;
  ThreadPool pool({.on_progress = nobody, .stop = later}, Stage::merge, 1);
  failure([&] {
    pool.run(1, [&] {
      while (!pool.stopping()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      failed = failure([&] { work(pool); });
    });
  });
  return failed;
}

}  // namespace

TEST_CASE("the ends of a model's range are looked for no longer than the run goes on") {
  TempFolder folder;
  for (const uint64_t memory : {uint64_t{1} << 20, uint64_t{0}}) {  // there, and in a file
    LineStore store(memory, folder / "out");
    LineTable table(store, 1, 10'000);
    const std::vector<LineColumn> columns{{.table = &table, .number = 0}};
    CHECK(range_of(columns, {.low = 0.1, .high = 0.9}).least == 0);
    CHECK(stopped([&](const ThreadPool& pool) { range_of(columns, {.low = 0.1, .high = 0.9}, &pool); }).code ==
          ErrorCode::interrupted);
  }
}

TEST_CASE("numbers are made of a tensor's columns, and of the model's, no longer than the run goes on") {
  TempFolder folder;
  const auto checkpoints = open_all({write_file(folder / "a", {random("w", Dtype::F32, {3, 5000}, 1)}),
                                     write_file(folder / "b", {random("w", Dtype::F32, {3, 5000}, 2)}, 1)});
  for (const char* method : {"add_cosine_a", "cosine_a"}) {
    const Plan plan = make_plan(plain({.method = method, .parameters = {{"alpha", {0.4}}}}), checkpoints);
    const auto gather = [&](const ThreadPool* pool) {
      LineStore store(1 << 20, folder / "out");
      Statistics statistics(plan, checkpoints, &store, pool);
      WindowBatch windows(checkpoints, 1 << 20);
      Semaphore semaphore(1);
      const BlockKernels& kernels = **available_kernels().begin();
      StatisticsWorker worker(plan, checkpoints, windows, statistics,
                              {.kernels = &kernels, .piece_size = 1 << 16, .semaphore = &semaphore, .pool = pool});
      worker.compute({0, plan.end()}, 0);
    };
    CHECK_MESSAGE(stopped([&](const ThreadPool& pool) { gather(&pool); }).code == ErrorCode::interrupted,
                  std::string(method));
  }
}
