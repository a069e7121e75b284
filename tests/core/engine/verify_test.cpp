// SPDX-License-Identifier: Apache-2.0
// Reading the output back: what is noticed, and what is left when something is.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "core/engine/range_checksums.h"
#include "tests/core/failure.h"
#include "tests/core/merge_runs.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Merges, and changes the partial file when it has been written and is about to be read back.
Failure damaged_merge(const TempFolder& folder, uint64_t offset, const std::string& bytes, uint64_t tile = 0) {
  bool done = false;
  return failure([&] {
    merge(weighted(0.3), {folder / "A", folder / "B"}, folder / "out",
          {.replace = true,
           .sync = false,
           .verify = true,
           .tile_size = tile,
           .on_progress = [&](const Progress& progress) {
             if (progress.stage != Stage::verify || std::exchange(done, true)) return;
             std::fstream file(folder / ".out.ckmerge-partial", std::ios::binary | std::ios::in | std::ios::out);
             file.seekp(static_cast<std::streamoff>(offset)) << bytes;
           }});
  });
}

}  // namespace

TEST_CASE("an output that the disk gives back as it was written is put in place") {
  TempFolder folder;
  const auto a = write_file(folder / "A", mixed(1)), b = write_file(folder / "B", mixed(2));
  merge(weighted(0.3), {a, b}, folder / "plain");
  for (const uint64_t tile : {uint64_t{0}, uint64_t{4096}}) {
    const RunReport report = merge(weighted(0.3), {a, b}, folder / "out",
                                   {.replace = true, .sync = false, .verify = true, .threads = 3, .tile_size = tile});
    CHECK(report.verified);
    CHECK(read_file(folder / "out") == read_file(folder / "plain"));
  }
  CHECK_FALSE(merge(weighted(0.3), {a, b}, folder / "plain", {.replace = true, .sync = false}).verified);
}

TEST_CASE("one byte that the disk gives back wrong is a difference, with its range, and the target is left as it was") {
  TempFolder folder;
  write_file(folder / "A", mixed(1)), write_file(folder / "B", mixed(2));
  std::ofstream(folder / "out") << "old";
  for (const uint64_t offset : {uint64_t{0}, uint64_t{50000}, uint64_t{65535}}) {
    const Failure fault = damaged_merge(folder, offset, "\xff", 4096);
    CHECK(fault.code == ErrorCode::difference);
    CHECK(fault.where == folder / "out");
    const uint64_t begin = offset / 4096 * 4096;
    CHECK_MESSAGE(
        fault.text.find(" " + std::to_string(begin) + " to " + std::to_string(begin + 4095) + " ") != std::string::npos,
        fault.text);
    CHECK(read_file(folder / "out") == "old");
    CHECK(folder.names() == std::vector<std::string>{"A", "B", "out"});
  }
}

TEST_CASE("what lies outside of the file is not compared") {
  TempFolder folder;
  write_file(folder / "A", mixed(1)), write_file(folder / "B", mixed(2));
  merge(weighted(0.3), {folder / "A", folder / "B"}, folder / "plain");
  CHECK(damaged_merge(folder, std::filesystem::file_size(folder / "plain"), "?").code == ErrorCode{});
  CHECK(read_file(folder / "out") == read_file(folder / "plain"));
}

TEST_CASE("checksums change with every bit, with the place and with the length") {
  std::vector<std::byte> bytes(1000, std::byte{0});
  std::set<uint64_t> seen{checksum(0, bytes)};
  size_t count = 1;
  for (size_t bit = 0; bit < 8000; ++bit, ++count) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    seen.insert(checksum(0, bytes));
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  for (size_t size = 0; size < 1000; ++size, ++count) seen.insert(checksum(0, std::span(bytes).first(size)));
  for (uint64_t offset = 4096; offset < (1 << 20); offset += 4096, ++count) seen.insert(checksum(offset, bytes));
  CHECK(seen.size() == count);
}

TEST_CASE("two flipped signs do not cancel, and words that change places do not either") {
  std::vector<std::byte> bytes(4096, std::byte{0});
  std::set<uint64_t> seen;
  for (size_t first = 7; first < 512; first += 8)
    for (size_t second = first + 8; second < 512; second += 8) {
      auto changed = bytes;
      changed[first] ^= std::byte{0x80};
      changed[second] ^= std::byte{0x80};
      seen.insert(checksum(0, changed));
    }
  CHECK(seen.size() == 64 * 63 / 2);
}

TEST_CASE("ranges of a file of a million tiles are compared together, a few tiles each") {
  constexpr uint64_t kTile = 4096, kTiles = 1'000'003;
  RangeChecksums checksums(kTiles * kTile, kTile);
  const std::vector<std::byte> bytes(16, std::byte{1});
  for (uint64_t tile = 0; tile < kTiles; ++tile) checksums.note_written({tile * kTile, (tile + 1) * kTile}, bytes);
  for (uint64_t tile = 0; tile < kTiles; ++tile)
    if (tile != 777'777) checksums.note_read({tile * kTile, (tile + 1) * kTile}, bytes);
  const auto difference = checksums.difference();
  REQUIRE(difference);
  CHECK(difference->begin <= 777'777 * kTile);
  CHECK(difference->end >= 777'778 * kTile);
  CHECK(difference->size() <= 64 * kTile);
  checksums.note_read({777'777 * kTile, 777'778 * kTile}, bytes);
  CHECK_FALSE(checksums.difference());
}
