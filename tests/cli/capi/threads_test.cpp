// SPDX-License-Identifier: Apache-2.0
// Many calls: at once, and one after another.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/cli/capi/calls.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

size_t open_files() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(all), end(all)));
}

std::string merge(const TempFolder& folder, const std::string& out, const std::string& alpha) {
  return R"({"command": "merge", "inputs": [)" + quoted(folder / "a.safetensors") + ", " +
         quoted(folder / "b.safetensors") + R"(], "options": {"output": )" + quoted(folder / out) + R"(, "alpha": )" +
         alpha + R"(, "no-fsync": true, "threads": 2, "force": true}})";
}

void write_pair(const TempFolder& folder, uint64_t elements) {
  write_file(folder / "a.safetensors", {random("w", Dtype::F32, {elements}, 1)});
  write_file(folder / "b.safetensors", {random("w", Dtype::F32, {elements}, 2)});
}

}  // namespace

TEST_CASE("calls at once have their own answers, events and ends") {
  constexpr size_t kThreads = 6, kRounds = 5;
  const TempFolder folder;
  write_pair(folder, 100'000);
  const Session session;
  REQUIRE(call(session, merge(folder, "expected.safetensors", "0.5")).code == 0);
  const std::string expected = read_file(folder / "expected.safetensors");
  std::atomic<size_t> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (size_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        const std::string out = "out" + std::to_string(t) + ".safetensors";
        for (size_t round = 0; round < kRounds; ++round) {
          Told told;
          ckmerge_call_options options = told.options();
          const Answer done = call(session, merge(folder, out, "0.5"), &options);
          wrong += done.code != 0 || done.text_at("output.path") != folder / out;
          wrong += told.events.empty() || !told.events.back().starts_with(R"({"event":"finish")");
          wrong += read_file(folder / out) != expected;
          const std::string bad = "bad" + std::to_string(t);
          const Answer failed = call(session, merge(folder, out, quoted(bad)), &options);
          wrong += failed.code != 2 || failed.text_at("error.message").find(bad) == std::string::npos;
          wrong += ckmerge_last_error() != failed.text_at("error.message");
          Told ended{.events = {}, .sentences = {}, .answer_to_events = 1};
          options = ended.options();
          wrong += call(session, merge(folder, out, "0.5"), &options).code != 130;
          wrong += call(session, R"({"command": "doctor", "inputs": [)" + quoted(folder / "") + "]}").code != 0;
        }
      });
  }
  CHECK(wrong == 0);
  CHECK(folder.names().size() == 3 + kThreads);
}

TEST_CASE("another thread ends a call within a second") {
  using Clock = std::chrono::steady_clock;
  const TempFolder folder;
  write_pair(folder, 8 << 20);
  const Session session;
  int stop = 0;
  std::atomic<bool> begun{false};
  ckmerge_call_options options{};
  options.size = sizeof options;
  options.stop = &stop;
  options.context = &begun;
  // So slow a caller makes the run long enough.
  options.progress = [](void* context, const char*) {
    static_cast<std::atomic<bool>*>(context)->store(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return 0;
  };
  Clock::time_point asked;
  std::jthread stopper([&] {
    while (!begun) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    asked = Clock::now();
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
  });
  const Answer answer = call(session, merge(folder, "out.safetensors", "0.5"), &options);
  stopper.join();
  CHECK(answer.code == 130);
  CHECK(Clock::now() - asked < std::chrono::seconds(1));
  CHECK(folder.names() == std::vector<std::string>{"a.safetensors", "b.safetensors"});
}

TEST_CASE("many calls leave no file open") {
  const TempFolder folder;
  write_pair(folder, 100);
  const size_t before = open_files();
  for (int i = 0; i < 100; ++i) {
    const Session session;
    REQUIRE(call(session, merge(folder, "out.safetensors", "0.5")).code == 0);
    REQUIRE(call(session, merge(folder, "missing/out.safetensors", "0.5")).code != 0);
  }
  CHECK(open_files() == before);
}
