// SPDX-License-Identifier: Apache-2.0
// Expected sums are the examples of FIPS 180 (as NIST publishes them) and, for files, what Python's hashlib says.
#include "io/hash/sha256.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <stdexcept>
#include <vector>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr uint64_t kMiB = 1 << 20;

std::string sum_in_steps(std::string_view text, size_t step) {
  Sha256 sum;
  for (size_t at = 0; at < text.size(); at += step) sum.add(std::as_bytes(std::span(text.substr(at, step))));
  return sum.finish();
}

// bytes((7 * i + 13 * (i >> 16) + (i >> 8)) & 255 for i in range(size))
std::string pattern(uint64_t size) {
  std::string text(size, '\0');
  for (uint64_t i = 0; i < size; ++i) text[i] = static_cast<char>(7 * i + 13 * (i >> 16) + (i >> 8));
  return text;
}

InputFile make_file(const TempFolder& folder, uint64_t size) {
  std::ofstream(folder / "file", std::ios::binary) << pattern(size);
  return InputFile(folder / "file");
}

// Pages of the file that are in the page cache.
size_t cached_pages(const InputFile& file) {
  void* map = mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.descriptor()->number(), 0);
  REQUIRE(map != MAP_FAILED);
  std::vector<unsigned char> present((file.size() + 4095) / 4096);
  mincore(map, file.size(), present.data());
  munmap(map, file.size());
  size_t count = 0;
  for (const unsigned char page : present) count += page & 1;
  return count;
}

struct FileCase {
  uint64_t size;
  const char *sha256, *legacy;
};
const FileCase kFiles[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "e3b0c442"},
    {kMiB, "8db5e3ea4ae29d867723d1eb067e35960274994449df34675b9008691e39b8d1", "e3b0c442"},
    {kMiB + 1, "a6ddd1c996031e769ecf83723a893aa03f847b960c81d18236c882601aee62af", "d4b0c0a4"},
    {kMiB + 65536, "1452167df0050595b1bf136b13ec28e5d6e41e4ebb0a05e533f88f1ff5e00aa4", "fcf54b0a"},
    {kMiB + 65537, "7ff4e8b13ac2dfa5933b6b7a90ba523050babbceeafd6651b0b78f7ea13e2e64", "fcf54b0a"},
    {5 * kMiB + 12345, "30d6b67234f3632c8e3c7bd1fc060f0526c0d911b09a1fd3a0edca86fb152b72", "fcf54b0a"},
};

}  // namespace

TEST_CASE("SHA-256 of NIST's examples, in steps of any size") {
  const std::string million(1000000, 'a');
  const std::pair<std::string_view, const char*> examples[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrst"
       "u",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [text, expected] : examples)
    for (const size_t step : {1, 3, 55, 63, 64, 65, 1000, 1000000}) CHECK(sum_in_steps(text, step) == expected);
}

TEST_CASE("an empty addition changes nothing, and a sum may be moved while it grows") {
  Sha256 first;
  first.add({});
  first.add(std::as_bytes(std::span("ab", 2)));
  Sha256 second = std::move(first);
  first = Sha256();
  second.add(std::as_bytes(std::span("c", 1)));
  CHECK(second.finish() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(first.finish() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("the short hash is the first ten digits") {
  CHECK(short_hash("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == "ba7816bf8f");
}

TEST_CASE("a file's SHA-256 and old model hash, as Python's hashlib has them") {
  for (const auto& row : kFiles) {
    TempFolder folder;
    const InputFile file = make_file(folder, row.size);
    CAPTURE(row.size);
    for (const bool drop_cache : {false, true}) CHECK(hash_file(file, drop_cache, {}) == row.sha256);
    CHECK(legacy_hash(file) == row.legacy);
  }
}

TEST_CASE("progress rises to the file's size, and may end the hashing") {
  TempFolder folder;
  const InputFile file = make_file(folder, 5 * kMiB + 12345);
  std::vector<uint64_t> seen{0};
  hash_file(file, false, [&](uint64_t done) {
    CHECK(done > seen.back());
    seen.push_back(done);
  });
  CHECK(seen.back() == file.size());
  CHECK(seen.size() >= 3);
  const auto stop = [](uint64_t) { throw Error(ErrorCode::interrupted, "", "stop"); };
  CHECK(failure([&] { hash_file(file, false, stop); }).code == ErrorCode::interrupted);
}

TEST_CASE("a file that changes while it is hashed has no sum") {
  TempFolder folder;
  const InputFile file = make_file(folder, 5 * kMiB);
  const auto rewrite = [&](uint64_t) {
    const timespec times[] = {{1, 0}, {1, 0}};
    utimensat(AT_FDCWD, file.path().c_str(), times, 0);
  };
  const Failure rewritten = failure([&] { hash_file(file, false, rewrite); });
  CHECK(rewritten.code == ErrorCode::malformed);
  CHECK(rewritten.where == file.path());
  const auto cut = [&](uint64_t) { REQUIRE(truncate(file.path().c_str(), 100) == 0); };
  CHECK(failure([&] { hash_file(file, false, cut); }).code == ErrorCode::malformed);
}

TEST_CASE("with drop_cache, what was hashed does not stay in the page cache") {
  TempFolder folder;
  const InputFile file = make_file(folder, 16 * kMiB);
  if (file.in_memory()) {
    MESSAGE("NOT RUN: dropping the page cache (the folder for temporary files is in memory)");
    return;
  }
  fsync(file.descriptor()->number());  // what is not yet on the disk cannot be dropped
  hash_file(file, false, {});
  CHECK(cached_pages(file) > 4000);
  hash_file(file, true, {});
  CHECK(cached_pages(file) < 600);
}
