// SPDX-License-Identifier: Apache-2.0
// Writing a .ckpt: the same bytes every way, seals that are right, faults that are told. What the bytes must be is
// tests/cli/commands/ckpt.py's business, which writes the whole file once more.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <utility>

#include "io/hash/sha256.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Without the dtypes that torch lacks.
std::vector<FileTensor> torch_mixed(uint64_t seed) {
  std::vector<FileTensor> tensors = mixed(seed);
  std::erase_if(tensors, [](const FileTensor& tensor) {
    return tensor.dtype == Dtype::F8_E4M3 || tensor.dtype == Dtype::F8_E5M2;
  });
  return tensors;
}

Recipe as_ckpt(Recipe recipe) {
  recipe.form = find_output_form("ckpt");
  return recipe;
}

// One bit at a time, as the polynomial is written down.
uint32_t slow_crc(std::string_view bytes) {
  uint32_t crc = ~0u;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
  }
  return ~crc;
}

uint64_t little_endian(std::string_view bytes, size_t at, int size) {
  uint64_t value = 0;
  for (int i = 0; i < size; ++i) value |= uint64_t{static_cast<unsigned char>(bytes[at + i])} << 8 * i;
  return value;
}

// Walks local headers from the first on and checks each sum; returns how many there are.
size_t check_local_headers(std::string_view file) {
  size_t at = 0, count = 0;
  for (; file.substr(at, 4) == "PK\x03\x04"; ++count) {
    const uint64_t size = little_endian(file, at + 18, 4);
    const size_t data = at + 30 + little_endian(file, at + 26, 2) + little_endian(file, at + 28, 2);
    CHECK(data % 64 == 0);
    CHECK(little_endian(file, at + 14, 4) == slow_crc(file.substr(data, size)));
    at = data + size;
  }
  CHECK(file.substr(at, 4) == "PK\x01\x02");
  return count;
}

}  // namespace

TEST_CASE("a .ckpt has the same bytes with any threads, tiles, ISA and budget, and its sums are right") {
  TempFolder folder;
  const auto a = write_file(folder / "A", torch_mixed(1)), b = write_file(folder / "B", torch_mixed(2));
  const std::string file = merge_every_way(as_ckpt(weighted(0.3)), {a, b}, folder);
  CHECK(check_local_headers(file) == torch_mixed(1).size() + 2);
}

TEST_CASE("tensors of a .ckpt are those of the .safetensors") {
  TempFolder folder;
  const auto a = write_file(folder / "A", torch_mixed(1)), b = write_file(folder / "B", torch_mixed(2));
  merge(weighted(0.3), {a, b}, folder / "plain");
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(as_ckpt(weighted(0.3)), checkpoints);
  run(plan, checkpoints, folder / "out", {.sync = false});
  const std::string file = read_file(folder / "out");
  for (const Step& step : plan.steps) {
    const std::string name(checkpoints[0].tensors[step.named.tensor].name);
    CHECK_MESSAGE(file.substr(step.offset, step.size) == tensor_bytes(folder / "plain", name), name);
    CHECK(step.offset % 64 == 0);
  }
}

TEST_CASE("hashes of inputs, recorded while they are read, change neither size nor sums") {
  TempFolder folder;
  const auto a = write_file(folder / "A", torch_mixed(1)), b = write_file(folder / "B", torch_mixed(2));
  for (const auto& paths : {std::vector{a, b}, std::vector{a, a}}) {  // equal inputs make a smaller map
    Recipe recipe = as_ckpt(weighted(0.3));
    recipe.hash = true;
    const RunReport report =
        merge(recipe, paths, folder / "out", {.replace = true, .sync = false, .verify = true, .hash = true});
    check_local_headers(read_file(folder / "out"));
    CHECK(report.sums[0].tensor_sha256.empty());
    CHECK(report.sums[0].sha256 == hash_file(InputFile(folder / "out"), false, [](uint64_t) {}));
    CHECK(read_file(folder / "out").find(report.input_hashes[0].sha256) != std::string::npos);
  }
}

TEST_CASE("a byte that the disk gives back wrong is a difference, in a tensor, a seal, a header or the directory") {
  TempFolder folder;
  const auto a = write_file(folder / "A", torch_mixed(1)), b = write_file(folder / "B", torch_mixed(2));
  const std::vector<Checkpoint> checkpoints = open_all({a, b});
  const Plan plan = make_plan(as_ckpt(weighted(0.3)), checkpoints);
  run(plan, checkpoints, folder / "good", {.sync = false, .verify = true});
  const std::string good = read_file(folder / "good");
  const size_t local_header = good.find("PK\x03\x04", 4), directory = good.find("PK\x01\x02");
  for (const size_t offset : {size_t{20}, size_t{500}, local_header + 14, local_header + 33, directory + 16,
                              directory + 50, good.size() - 1, size_t{plan.steps[0].offset} + 1000}) {
    bool done = false;
    const auto damage = [&](const Progress& progress) {
      if (progress.stage != Stage::verify || std::exchange(done, true)) return;
      std::fstream file(folder / ".out.ckmerge-partial", std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(static_cast<std::streamoff>(offset)).put(static_cast<char>(good[offset] ^ 0x40));
    };
    const Failure fault = failure([&] {
      run(plan, checkpoints, folder / "out",
          {.sync = false, .verify = true, .tile_size = 65536, .on_progress = damage});
    });
    CHECK_MESSAGE(fault.code == ErrorCode::difference, offset);
  }
}

TEST_CASE("dtypes that torch lacks are refused, all tensors of them named; those that old A1111 lacks are warned of") {
  TempFolder folder;
  const std::vector<Checkpoint> all = open_all({write_file(folder / "A", mixed(1))});
  const Failure fault = failure([&] { make_plan(as_ckpt({.method = "copy"}), all); });
  CHECK(fault.code == ErrorCode::mismatch);
  CHECK(fault.details == std::vector<std::string>{"e.e4m3: would be F8_E4M3", "f.e5m2: would be F8_E5M2"});

  const auto warnings = [&](const std::vector<FileTensor>& tensors) {
    return make_plan(as_ckpt({.method = "copy"}), open_all({write_file(folder / "B", tensors)})).warnings;
  };
  CHECK(warnings({f32("a", {1}, {1}), bits("b", Dtype::F16, {1}, {1}), bits("c", Dtype::I64, {1}, {1})}).empty());
  REQUIRE(warnings({bits("a", Dtype::BF16, {1}, {1}), bits("b", Dtype::BOOL, {1}, {1})}).size() == 1);
  CHECK(warnings({bits("a", Dtype::BF16, {1}, {1}), bits("b", Dtype::BOOL, {1}, {1})})[0].find("BF16, BOOL") !=
        std::string::npos);
}

TEST_CASE("a run that is stopped while it seals leaves nothing") {
  TempFolder folder;
  const auto a = write_file(folder / "A", torch_mixed(1));
  std::atomic<bool> stop{false};
  const Failure fault = failure([&] {
    merge(as_ckpt({.method = "copy"}), {a}, folder / "out",
          {.sync = false,
           .on_progress = [&](const Progress& progress) { stop = stop || progress.stage == Stage::seal; },
           .stop = &stop});
  });
  CHECK(fault.code == ErrorCode::interrupted);
  CHECK(folder.names() == std::vector<std::string>{"A"});
}
