// SPDX-License-Identifier: Apache-2.0
#include "core/registry/file_sums.h"

#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <random>

#include "io/hash/sha256.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string write_bytes(const std::string& path, size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

}  // namespace

TEST_CASE("sums of several files at once are those of each alone, whatever the number of threads") {
  const TempFolder folder;
  std::vector<std::string> paths;
  for (unsigned i = 0; i < 12; ++i)
    paths.push_back(write_bytes(folder / std::to_string(i), i * 700'001 % 5'000'000, i));
  for (const unsigned threads : {1u, 2u, 5u, 16u}) {
    std::map<size_t, FileSums> found;
    RunOptions options;
    options.threads = threads;
    sum_files(paths, SumKinds::all, options, [&](const SummedFile& file) {
      CHECK_FALSE(file.error);
      found[file.index] = file.sums;
    });
    REQUIRE(found.size() == paths.size());
    for (const auto& [i, sums] : found) {
      const InputFile file(paths[i]);
      CHECK(sums.sha256 == hash_file(file, false, {}));
      CHECK(sums.legacy_hash == legacy_hash(file));
      CHECK(sums.file.same_file(file.identity()));
      CHECK(sums.file.size == file.size());
    }
  }
}

TEST_CASE("one that cannot be read is told beside the others' sums") {
  const TempFolder folder;
  const std::vector<std::string> paths{write_bytes(folder / "a", 100, 1), folder / "gone",
                                       write_bytes(folder / "b", 3'000'000, 2)};
  size_t good = 0, bad = 0;
  sum_files(paths, SumKinds::sha256_only, {}, [&](const SummedFile& file) { ++(file.error ? bad : good); });
  CHECK(good == 2);
  CHECK(bad == 1);
}

TEST_CASE("a raised flag ends the work, and so does whoever is told") {
  const TempFolder folder;
  const std::vector<std::string> paths{write_bytes(folder / "a", 3'000'000, 1)};
  const std::atomic<bool> stop{true};
  RunOptions options;
  options.stop = &stop;
  CHECK(failure([&] { sum_files(paths, SumKinds::all, options, [](const SummedFile&) {}); }).code ==
        ErrorCode::interrupted);
  CHECK(failure([&] {
          sum_files(paths, SumKinds::all, {}, [](const SummedFile&) { throw Error(ErrorCode::io, "", "full"); });
        }).text == "full");
}
