// SPDX-License-Identifier: Apache-2.0
#include "core/engine/run.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "core/threads/machine.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("weighted_sum of F32 is (1 - alpha) * A + alpha * B, each operation rounded") {
  TempFolder folder;
  const std::vector<float> a = {1, -0.1f, 3e38f, 1e-45f, 16777216}, b = {2, 0.7f, 3e38f, 1e-45f, 1};
  const auto pa = write_file(folder / "A", {f32("w", {5}, a)}), pb = write_file(folder / "B", {f32("w", {5}, b)});
  merge(weighted(0.3), {pa, pb}, folder / "out");
  const std::vector<float> out = f32_values(folder / "out", "w");
  const float c0 = static_cast<float>(1 - 0.3), c1 = static_cast<float>(0.3);
  for (size_t i = 0; i < a.size(); ++i) {
    const volatile float x = c0 * a[i], y = c1 * b[i];
    CHECK(out[i] == x + y);
  }
}

TEST_CASE("the bytes do not depend on threads, tile size, budget, alignment or ISA") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2), 3),
             c = write_file(folder / "C", mixed(3), 1);
  for (const Recipe& recipe :
       {Recipe{.method = "add_difference", .parameters = {{"alpha", {0.7}}}}, Recipe{.method = "linear"},
        Recipe{.method = "linear", .parameters = {{"weights", {1, -2, 3}}}, .dtype = Dtype::F16},
        Recipe{.method = "linear", .dtype = Dtype::F8_E4M3}, Recipe{.method = "linear", .dtype = Dtype::F64}})
    merge_every_way(recipe, {a, b, c}, folder);
}

TEST_CASE("copies keep their bits, NaN payloads included") {
  TempFolder folder;
  const FileTensor odd = bits("w", Dtype::F32, {4}, {0x7fc12345, 0xff800001, 0x80000000, 1});
  const auto a = write_file(folder / "A", {odd}), b = write_file(folder / "B", {f32("w", {4}, {1, 2, 3, 4})});
  merge(weighted(0), {a, b}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "w") == odd.bytes);
  merge(weighted(1), {b, a}, folder / "out2");
  CHECK(tensor_bytes(folder / "out2", "w") == odd.bytes);
  merge({.method = "copy"}, {a}, folder / "out3");
  CHECK(tensor_bytes(folder / "out3", "w") == odd.bytes);
}

TEST_CASE("a term with coefficient zero is dropped even where its tensor is NaN") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("w", {1}, {1})}), b = write_file(folder / "B", {f32("w", {1}, {3})}),
             c = write_file(folder / "C", {bits("w", Dtype::F32, {1}, {0x7fc00000})});
  merge({.method = "linear", .parameters = {{"weights", {1, 1, 0}}}}, {a, b, c}, folder / "out");
  CHECK(f32_values(folder / "out", "w") == std::vector<float>{2});
  merge({.method = "linear", .parameters = {{"weights", {0, 0, 0}}, {"normalize", {0}}}}, {a, b, c}, folder / "zero");
  CHECK(f32_values(folder / "zero", "w") == std::vector<float>{0});
}

TEST_CASE("values that fp8 cannot hold are saturated and reported with their tensor") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("big", {3}, {1000, -1000, 1}), f32("small", {1}, {1})});
  const RunReport report = merge({.method = "copy", .dtype = Dtype::F8_E4M3}, {a}, folder / "out");
  CHECK(tensor_bytes(folder / "out", "big") == std::string("\x7e\xfe\x38"));
  REQUIRE(report.losses.size() == 1);
  CHECK(report.losses[0].counts.saturated == 2);
}

TEST_CASE("integers that differ are reported, equal ones are not") {
  TempFolder folder;
  const auto a =
      write_file(folder / "A", {bits("m", Dtype::I64, {1}, {1}), bits("n", Dtype::I64, {1}, {1}), f32("w", {1}, {0})});
  const auto b =
      write_file(folder / "B", {bits("m", Dtype::I64, {1}, {1}), bits("n", Dtype::I64, {1}, {2}), f32("w", {1}, {0})});
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan({}, checkpoints);
  const RunReport report = run(plan, checkpoints, folder / "out", {.sync = false});
  REQUIRE(report.differing.size() == 1);
  CHECK(checkpoints[0].tensors[plan.source(plan.steps[report.differing[0]]).tensor].name == "n");
}

TEST_CASE("a raised stop flag ends the run and leaves nothing behind") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const std::atomic<bool> stop = true;
  const Failure fault = failure([&] { merge(weighted(0.5), {a, b}, folder / "out", {.sync = false, .stop = &stop}); });
  CHECK(fault.code == ErrorCode::interrupted);
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
}

TEST_CASE("an input that is truncated after it was opened ends the run as truncated") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(weighted(0.5), checkpoints);
  std::filesystem::resize_file(b, 5000);
  const Failure fault = failure([&] { run(plan, checkpoints, folder / "out", {.sync = false}); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.text.find("truncated") != std::string::npos);
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
}

TEST_CASE("an input that is rewritten during the run ends it as changed, before the target exists") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(weighted(0.5), checkpoints);
  std::filesystem::last_write_time(a, std::filesystem::last_write_time(a) - std::chrono::seconds(5));
  const Failure fault = failure([&] { run(plan, checkpoints, folder / "out", {.sync = false}); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.text.find("changed") != std::string::npos);
  CHECK(folder.names() == std::vector<std::string>{"A", "B"});
}

TEST_CASE("an input replaced by rename is still read whole from the old file") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {f32("w", {1}, {1})}), b = write_file(folder / "B", {f32("w", {1}, {3})});
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(weighted(0.5), checkpoints);
  std::filesystem::rename(write_file(folder / "new", {f32("w", {1}, {100})}), b);
  run(plan, checkpoints, folder / "out", {.sync = false});
  CHECK(f32_values(folder / "out", "w") == std::vector<float>{2});
}

TEST_CASE("a budget too small for one tile is refused with the smallest that works, which then works") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const auto with = [&](uint64_t budget) {
    return failure([&] {
      merge(weighted(0.5), {a, b}, folder / "out", {.replace = true, .sync = false, .memory_budget = budget});
    });
  };
  const Failure fault = with(1000);
  CHECK(fault.code == ErrorCode::resources);
  const size_t at = fault.text.rfind("at least ");
  REQUIRE(at != std::string::npos);
  CHECK(with(std::stoull(fault.text.substr(at + 9))).code == ErrorCode{});
}

TEST_CASE("twenty inputs are averaged") {
  TempFolder folder;
  std::vector<std::string> paths;
  for (int k = 0; k < 20; ++k)
    paths.push_back(write_file(folder / std::to_string(k), {f32("w", {2}, {static_cast<float>(k), 1})}));
  merge({.method = "linear", .parameters = {{"weights", std::vector<double>(20, 1)}, {"normalize", {0}}}}, paths,
        folder / "out");
  CHECK(f32_values(folder / "out", "w") == std::vector<float>{190, 20});
}

TEST_CASE("ten thousand scattered tensors are merged within a small budget") {
  TempFolder folder;
  std::vector<FileTensor> forward, backward;
  for (int i = 0; i < 10000; ++i) forward.push_back(f32("t" + std::to_string(i), {2}, {static_cast<float>(i), 1}));
  backward.assign(forward.rbegin(), forward.rend());
  const auto a = write_file(folder / "A", forward), b = write_file(folder / "B", backward, 5);
  merge(weighted(0.5), {a, b}, folder / "out", {.sync = false, .memory_budget = 1 << 20});
  CHECK(f32_values(folder / "out", "t1234") == std::vector<float>{1234, 1});
}

TEST_CASE("tensors with gaps of a page between them fit their windows") {
  TempFolder folder;
  std::vector<FileTensor> a, b;
  for (int i = 0; i < 3000; ++i) {
    const std::string number = std::to_string(10000 + i);
    a.push_back(random("t" + number, Dtype::BF16, {2048}, 1));
    a.push_back(random("u" + number, Dtype::BF16, {2048}, 2));  // the other file lacks it
    b.push_back(random("t" + number, Dtype::BF16, {2048}, 3));
    b.push_back(random("v" + number, Dtype::BF16, {2048}, 4));
  }
  const auto aligned = [&](const std::string& name, const std::vector<FileTensor>& tensors) {
    const std::string path = write_file(folder / name, tensors);
    const size_t header = read_file(path).size() - tensors.size() * 4096;
    return write_file(path, tensors, 4096 - header % 4096);
  };
  const auto pa = aligned("A", a), pb = aligned("B", b);
  Recipe shared = weighted(0.5);
  shared.exclude = {"^[uv]"};
  for (const uint64_t budget : {128ull << 20, 1ull << 20})
    merge(shared, {pa, pb}, folder / "out", {.replace = true, .sync = false, .memory_budget = budget});
  CHECK(std::filesystem::file_size(folder / "out") > 6000 * 4096);
}

TEST_CASE("progress ends at the whole output") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  Progress last;
  merge(weighted(0.5), {a, b}, folder / "out", {.sync = false, .on_progress = [&](const Progress& p) { last = p; }});
  CHECK(last.done == last.total);
  CHECK(last.total == std::filesystem::file_size(folder / "out"));
}

TEST_CASE("the machine allows at least one processor and some memory") {
  CHECK(allowed_processors() >= 1);
  CHECK(available_memory() > 0);
}
