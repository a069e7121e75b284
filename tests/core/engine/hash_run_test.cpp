// SPDX-License-Identifier: Apache-2.0
// Hashes of the inputs in the header, and of the output while it is written.
#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string sha256(std::string_view bytes) {
  Sha256 sum;
  sum.add(std::as_bytes(std::span(bytes)));
  return sum.finish();
}

std::string tensors_of(const std::string& file) {
  uint64_t size = 0;
  std::memcpy(&size, file.data(), 8);
  return file.substr(8 + size);
}

Recipe hashed() {
  Recipe recipe = weighted(0.5);
  recipe.hash = true;
  return recipe;
}

}  // namespace

TEST_CASE("the output is hashed while it is written: the file, and its tensors' bytes alone") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2), 3);
  for (const unsigned threads : {1u, 2u, 7u})
    for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}, uint64_t{8192}}) {
      const RunReport report =
          merge(weighted(0.3), {a, b}, folder / "out",
                {.replace = true, .sync = false, .hash = true, .threads = threads, .tile_size = tile});
      const std::string file = read_file(folder / "out");
      CHECK(report.sums[0].sha256 == sha256(file));
      CHECK(report.sums[0].tensor_sha256 == sha256(tensors_of(file)));
      CHECK(report.input_hashes.empty());
    }
}

TEST_CASE("a header larger than a tile is left out of the tensors' hash") {
  TempFolder folder;
  std::vector<FileTensor> many;
  for (int i = 0; i < 300; ++i) many.push_back(f32("tensor." + std::to_string(i), {2}, {1, 2}));
  const auto a = write_file(folder / "A", many);
  const RunReport report =
      merge({.method = "copy"}, {a}, folder / "out", {.sync = false, .hash = true, .tile_size = 4096});
  CHECK(report.sums[0].sha256 == sha256(read_file(folder / "out")));
  CHECK(report.sums[0].tensor_sha256 == sha256(tensors_of(read_file(folder / "out"))));
}

TEST_CASE("the inputs' hashes are those of their files, and the header says so") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const RunReport report = merge(hashed(), {a, b}, folder / "out");
  REQUIRE(report.input_hashes.size() == 2);
  CHECK(report.input_hashes[0].sha256 == sha256(read_file(a)));
  CHECK(report.input_hashes[1].sha256 == sha256(read_file(b)));
  CHECK(report.input_hashes[0].legacy_hash.size() == 8);
  const std::string header = read_file(folder / "out").substr(0, 20000);
  CHECK(header.find(report.input_hashes[0].sha256) != std::string::npos);
  CHECK(header.find(report.input_hashes[1].sha256) != std::string::npos);
}

TEST_CASE("inputs in the output's order are hashed as they are merged, whatever lies between what is merged") {
  TempFolder folder;
  std::vector<FileTensor> in_order, many;
  for (int i = 0; i < 40; ++i) in_order.push_back(random("t" + std::to_string(100 + i), Dtype::BF16, {3001}, 1));
  for (const FileTensor& tensor : in_order) {
    many.push_back(tensor);
    many.push_back(random(tensor.name + "x", Dtype::BF16, {4099}, 2));  // A lacks it
  }
  const auto a = write_file(folder / "A", in_order), b = write_file(folder / "B", many, 5);
  std::string first;
  for (const bool verify : {false, true})
    for (const unsigned threads : {1u, 2u, 7u})
      for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}, uint64_t{65536}}) {
        std::vector<Stage> stages;
        const RunReport report = merge(hashed(), {a, b}, folder / "out",
                                       {.replace = true,
                                        .sync = false,
                                        .verify = verify,
                                        .hash = true,
                                        .threads = threads,
                                        .tile_size = tile,
                                        .on_progress = [&](const Progress& progress) {
                                          if (stages.empty() || stages.back() != progress.stage)
                                            stages.push_back(progress.stage);
                                        }});
        const std::string file = read_file(folder / "out");
        CHECK(report.input_hashes[0].sha256 == sha256(read_file(a)));
        CHECK(report.input_hashes[1].sha256 == sha256(read_file(b)));
        CHECK(file.find(report.input_hashes[1].sha256) != std::string::npos);
        CHECK(report.sums[0].sha256 == sha256(file));
        CHECK(report.sums[0].tensor_sha256 == sha256(tensors_of(file)));
        CHECK(stages == std::vector<Stage>{Stage::merge, verify ? Stage::verify : Stage::hash});
        if (first.empty()) first = file;
        CHECK(file == first);
      }
  // The same bytes where the sums are known before, and where one input is out of order.
  Recipe recipe = hashed();
  merge(recipe, {a, b}, folder / "cached", {.sync = false, .hash_cache = folder / "cache"});
  merge(recipe, {a, b}, folder / "again", {.sync = false, .hash_cache = folder / "cache"});
  CHECK(read_file(folder / "cached") == first);
  CHECK(read_file(folder / "again") == first);
}

TEST_CASE("slerp hashes its inputs in its second reading; a header of many tiles waits for the sums") {
  TempFolder folder;
  std::vector<FileTensor> many;
  for (int i = 0; i < 500; ++i)
    many.push_back(random("tensor.of.a.long.name." + std::to_string(1000 + i), Dtype::F32, {7}, i));
  const auto a = write_file(folder / "A", many), b = write_file(folder / "B", many);
  Recipe recipe = hashed();
  recipe.method = "slerp";
  recipe.parameters = {{"t", {0.3}}};
  for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
    const RunReport report =
        merge(recipe, {a, b}, folder / "out", {.replace = true, .sync = false, .hash = true, .tile_size = tile});
    CHECK(report.input_hashes[0].sha256 == sha256(read_file(a)));
    CHECK(report.sums[0].sha256 == sha256(read_file(folder / "out")));
    CHECK(report.sums[0].tensor_sha256 == sha256(tensors_of(read_file(folder / "out"))));
  }
}

TEST_CASE("a stop while inputs are hashed by the merge, or the output is read back, leaves nothing behind") {
  TempFolder folder;
  const auto a = write_file(folder / "A", {random("w", Dtype::F32, {100000}, 1)}),
             b = write_file(folder / "B", {random("w", Dtype::F32, {100000}, 2)});
  for (const Stage stage : {Stage::merge, Stage::hash}) {
    std::atomic<bool> stop = false;
    const Failure fault = failure([&] {
      merge(hashed(), {a, b}, folder / "out",
            {.sync = false,
             .hash = true,
             .on_progress = [&](const Progress& progress) { stop = stop || progress.stage == stage; },
             .stop = &stop});
    });
    CHECK(fault.code == ErrorCode::interrupted);
    CHECK(folder.names() == std::vector<std::string>{"A", "B"});
  }
}

TEST_CASE("a file that is given twice is hashed once") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1));
  std::filesystem::create_hard_link(a, folder / "B");
  uint64_t total = 0;
  const RunReport report =
      merge(hashed(), {a, folder / "B"}, folder / "out", {.sync = false, .on_progress = [&](const Progress& progress) {
                                                            if (progress.stage == Stage::hash) total = progress.total;
                                                          }});
  CHECK(total == std::filesystem::file_size(a));
  CHECK(report.input_hashes[0].sha256 == report.input_hashes[1].sha256);
}

TEST_CASE("sums are kept and found again, and a file that is changed is hashed anew") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
  for (const std::string& path : {a, b}) std::filesystem::last_write_time(path, long_ago);
  std::this_thread::sleep_for(std::chrono::milliseconds(3100));  // sums of files touched just now are not kept
  const RunOptions options{.replace = true, .sync = false, .hash_cache = folder / "cache"};
  const std::string fresh = merge(hashed(), {a, b}, folder / "out", options).input_hashes[0].sha256;
  CHECK(fresh == sha256(read_file(a)));
  const InputFile file(a);
  CHECK(cached_sha256(folder / "cache", file.identity()) == fresh);

  // What the cache says is believed: so it was asked.
  std::filesystem::remove(folder / "cache");
  const std::string lie(64, 'e');
  REQUIRE(keep_sha256(folder / "cache", file.identity(), lie, std::chrono::system_clock::now()));
  CHECK(merge(hashed(), {a, b}, folder / "out", options).input_hashes[0].sha256 == lie);

  std::filesystem::last_write_time(a, long_ago - std::chrono::hours(1));
  CHECK(merge(hashed(), {a, b}, folder / "out", options).input_hashes[0].sha256 == fresh);
}

TEST_CASE("a file edited in place whose modification time was put back is hashed anew") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  const auto modified = std::filesystem::last_write_time(a);
  const auto later = std::chrono::system_clock::now() + std::chrono::seconds(10);
  const RunOptions options{.replace = true, .sync = false, .hash_cache = folder / "cache"};
  REQUIRE(keep_sha256(options.hash_cache, InputFile(a).identity(), sha256(read_file(a)), later));
  const auto ctime_passes = std::chrono::milliseconds(50);  // more than the kernel's tick
  std::this_thread::sleep_for(ctime_passes);
  std::fstream edited(a, std::ios::in | std::ios::out | std::ios::binary);
  edited.seekp(-1, std::ios::end).put('e');
  edited.close();
  std::filesystem::last_write_time(a, modified);
  CHECK(merge(hashed(), {a, b}, folder / "out", options).input_hashes[0].sha256 == sha256(read_file(a)));
}

TEST_CASE("each stage counts its own bytes, in order, to their end") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  std::vector<Progress> last;
  merge(hashed(), {a, b}, folder / "out", {.sync = false, .verify = true, .on_progress = [&](const Progress& progress) {
                                             if (last.empty() || last.back().stage != progress.stage)
                                               last.emplace_back();
                                             last.back() = progress;
                                           }});
  REQUIRE(last.size() == 3);
  CHECK(last[0].stage == Stage::hash);
  CHECK(last[0].total == std::filesystem::file_size(a) + std::filesystem::file_size(b));
  CHECK(last[1].stage == Stage::merge);
  CHECK(last[2].stage == Stage::verify);
  CHECK(last[2].total == std::filesystem::file_size(folder / "out"));
  for (const Progress& progress : last) CHECK(progress.done == progress.total);
}

TEST_CASE("a stop flag that is raised in any stage ends the run and leaves nothing behind") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  for (const Stage stage : {Stage::hash, Stage::merge, Stage::verify}) {
    std::atomic<bool> stop = false;
    const Failure fault = failure([&] {
      merge(hashed(), {a, b}, folder / "out",
            {.sync = false,
             .verify = true,
             .on_progress = [&](const Progress& progress) { stop = stop || progress.stage == stage; },
             .stop = &stop});
    });
    CHECK(fault.code == ErrorCode::interrupted);
    CHECK(folder.names() == std::vector<std::string>{"A", "B"});
  }
}
