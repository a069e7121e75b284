// SPDX-License-Identifier: Apache-2.0
#include "io/hash/hash_cache.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const FileIdentity kFile{66305, 1234567, 6938078334, 1700000000, 123456789, 1699999000, 987654321};
const std::string kSum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
// The check is FNV-1a of what precedes it, computed in Python.
const std::string kLine =
    "2 66305 1234567 6938078334 1700000000 123456789 1699999000 987654321 " + kSum + " b0d2d5bdfd33e814\n";
// Of a cache before status times were kept.
const std::string kOldLine = "1 66305 1234567 6938078334 1700000000 123456789 " + kSum + " 0edc422dc1e60586\n";

std::chrono::system_clock::time_point at_second(int64_t second) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(second));
}

bool keep(const std::string& path, const FileIdentity& file, const std::string& sum = kSum) {
  return keep_sha256(path, file, sum, at_second(1800000000));
}

FileIdentity numbered(uint64_t inode, uint64_t size = 1) { return {1, inode, size, 1700000000, 0}; }

std::string sum_of(uint64_t number) {
  std::string digits = std::to_string(number);
  return std::string(64 - digits.size(), 'a') + digits;
}

void write(const std::string& path, const std::string& content) { std::ofstream(path, std::ios::binary) << content; }

mode_t mode(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

// Lines of one file's outdated states.
std::string stale_lines(const TempFolder& folder, size_t size) {
  const std::string path = folder / "stale";
  std::string text;
  for (uint64_t round = 0; text.size() < size; ++round) {
    if (round < 100) {
      CHECK(keep(path, numbered(1, round)));
      if (round == 99) text = read_file(path);
    } else {
      text += text;
    }
  }
  std::filesystem::remove(path);
  return text;
}

// Four processes keep 200 sums each.
void keep_from_four_processes(const std::string& path) {
  for (uint64_t process = 0; process < 4; ++process) {
    if (fork() != 0) continue;
    bool all = true;
    for (uint64_t i = 0; i < 200; ++i) {
      const uint64_t number = 1000 * (process + 1) + i;
      all = keep(path, numbered(number), sum_of(number)) && all;
    }
    _exit(all ? 0 : 1);
  }
  for (int process = 0; process < 4; ++process) {
    int status = -1;
    REQUIRE(wait(&status) > 0);
    CHECK(status == 0);
  }
}

size_t count_found(const std::string& path) {
  size_t count = 0;
  for (uint64_t process = 0; process < 4; ++process)
    for (uint64_t number = 1000 * (process + 1); number < 1000 * (process + 1) + 200; ++number)
      count += cached_sha256(path, numbered(number)) == sum_of(number);
  return count;
}

// Nothing is found in, kept in or done to what is at `path`.
void check_refused(const std::string& path) {
  CAPTURE(path);
  CHECK(cached_sha256(path, kFile) == "");
  CHECK_FALSE(keep(path, kFile));
}

}  // namespace

TEST_CASE("a sum that was kept is found, for the very same state of the file only") {
  TempFolder folder;
  CHECK(cached_sha256(folder / "cache", kFile) == "");
  REQUIRE(keep(folder / "cache", kFile));
  CHECK(cached_sha256(folder / "cache", kFile) == kSum);
  std::vector<FileIdentity> others(8, kFile);
  others[0].device += 1, others[1].inode += 1, others[2].size += 1, others[3].mtime_seconds += 1;
  others[4].mtime_nanoseconds += 1, others[5].size /= 10, others[6].ctime_seconds += 1;
  others[7].ctime_nanoseconds += 1;
  for (const FileIdentity& other : others) CHECK(cached_sha256(folder / "cache", other) == "");
}

TEST_CASE("the cache is a text file of the user's own, in folders made for it") {
  TempFolder folder;
  const mode_t before = umask(0);
  CHECK(keep(folder / "a/b/cache", kFile));
  umask(before);
  CHECK(read_file(folder / "a/b/cache") == kLine);
  CHECK(mode(folder / "a/b/cache") == 0600);
  CHECK(mode(folder / "a") == 0700);
  CHECK(mode(folder / "a/b") == 0700);
}

TEST_CASE("later lines win, and times before 1970 are times") {
  TempFolder folder;
  FileIdentity old = kFile;
  old.mtime_seconds = -5;
  for (const uint64_t number : {1, 2}) {
    CHECK(keep(folder / "cache", kFile, sum_of(number)));
    CHECK(keep(folder / "cache", old, sum_of(number + 10)));
  }
  CHECK(cached_sha256(folder / "cache", kFile) == sum_of(2));
  CHECK(cached_sha256(folder / "cache", old) == sum_of(12));
}

TEST_CASE("lines of the version before are no sums any more, and no reason to take the cache for somebody's file") {
  TempFolder folder;
  const std::string path = folder / "cache";
  write(path, kOldLine);
  CHECK(can_be_hash_cache(path));
  CHECK(cached_sha256(path, kFile) == "");
  CHECK(keep(path, kFile));
  CHECK(read_file(path) == kOldLine + kLine);
  CHECK(cached_sha256(path, kFile) == kSum);
  std::string many = kLine;
  while (many.size() < 1'000'000) many += kOldLine;
  write(path, many);
  CHECK(keep(path, numbered(7), sum_of(7)));
  CHECK(read_file(path).find("\n1 ") == std::string::npos);
}

TEST_CASE("a file modified or touched less than two seconds before it was hashed is not kept") {
  TempFolder folder;
  for (const int64_t began : {0, 1699999999, 1700000000, 1700000001, 1700000002})
    CHECK_FALSE(keep_sha256(folder / "cache", kFile, kSum, at_second(began)));
  CHECK(folder.names().empty());
  FileIdentity touched = kFile;
  touched.ctime_seconds = 1700000100;  // linked, or edited and its modification time put back
  CHECK_FALSE(keep_sha256(folder / "cache", touched, kSum, at_second(1700000102)));
  CHECK(keep_sha256(folder / "cache", touched, kSum, at_second(1700000103)));
  CHECK(keep_sha256(folder / "cache", kFile, kSum, at_second(1700000003)));
}

TEST_CASE("what is no SHA-256 is not kept, nor is anything without a path") {
  TempFolder folder;
  for (const std::string& sum :
       {std::string(), kSum + "0", kSum.substr(1), "G" + kSum.substr(1), "\n" + kSum.substr(1)})
    CHECK_FALSE(keep(folder / "cache", kFile, sum));
  check_refused("");
}

TEST_CASE("damaged lines are ignored, and those around them found") {
  TempFolder folder;
  const std::string path = folder / "cache";
  std::string flipped = kLine, renamed = kLine;
  flipped[60] = flipped[60] == '0' ? '1' : '0';
  renamed.replace(0, 7, "2 66306");
  const FileIdentity other{66306,
                           kFile.inode,
                           kFile.size,
                           kFile.mtime_seconds,
                           kFile.mtime_nanoseconds,
                           kFile.ctime_seconds,
                           kFile.ctime_nanoseconds};
  CHECK(keep(path, numbered(1), sum_of(1)));
  write(path, read_file(path) + "\n\n \nnonsense\n" + std::string(100, '\0') + "\n" + renamed + flipped + "3" + kLine +
                  kLine.substr(1));
  CHECK(cached_sha256(path, kFile) == "");
  CHECK(cached_sha256(path, other) == "");
  CHECK(keep(path, numbered(7), sum_of(7)));
  CHECK(cached_sha256(path, numbered(7)) == sum_of(7));
  write(path, flipped + kLine + flipped);
  CHECK(cached_sha256(path, kFile) == kSum);
}

TEST_CASE("a line torn at any byte is ignored, and the next one is whole") {
  for (size_t size = 0; size < kLine.size(); ++size) {
    TempFolder folder;
    write(folder / "cache", kLine.substr(0, size));
    CHECK(cached_sha256(folder / "cache", kFile) == (size + 1 == kLine.size() ? kSum : ""));
    CHECK(keep(folder / "cache", numbered(7), sum_of(7)));
    CHECK(cached_sha256(folder / "cache", numbered(7)) == sum_of(7));
  }
}

TEST_CASE("what is no regular file in the cache's place is left alone, without waiting") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "folder");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  write(folder / "file", kLine);
  std::filesystem::create_symlink("/dev/full", folder / "link_to_full");
  std::filesystem::create_symlink("file", folder / "link");
  std::filesystem::create_symlink("nothing", folder / "dangling");
  const auto names = folder.names();
  for (const char* name : {"folder", "pipe", "link_to_full", "link", "dangling", "file/cache", "folder/"})
    check_refused(folder / name);
  check_refused("/dev/full");
  check_refused("/proc/no_folder/cache");
  const int reader = open((folder / "pipe").c_str(), O_RDONLY | O_NONBLOCK);
  check_refused(folder / "pipe");
  char byte;
  CHECK(read(reader, &byte, 1) <= 0);
  close(reader);
  CHECK(folder.names() == names);
  CHECK(read_file(folder / "file") == kLine);
}

TEST_CASE("a file that is no cache is never written to, and nor is one in its replacement's place") {
  TempFolder folder;
  const std::string path = folder / "cache";
  for (const std::string& text :
       {std::string("words\n"), std::string(2'000'000, 'x'), std::string("8\0\0\0\0\0\0\0{}", 10),
        std::string("1 file\n"), "\n" + std::string(5000, '1')}) {
    write(path, text);
    CHECK_FALSE(can_be_hash_cache(path));
    CHECK_FALSE(keep(path, numbered(7), sum_of(7)));
    CHECK(read_file(path) == text);
  }
  write(path, kLine + stale_lines(folder, 1000000));
  write(folder / "cache.new", "somebody's");
  CHECK(can_be_hash_cache(path));
  CHECK(can_be_hash_cache(folder / "nothing yet"));
  CHECK(keep(path, numbered(7), sum_of(7)));
  CHECK(read_file(folder / "cache.new") == "somebody's");
}

TEST_CASE("a lock that is never released is waited for a second or so, and nothing is kept") {
  TempFolder folder;
  REQUIRE(keep(folder / "cache", kFile));
  const int holder = open((folder / "cache").c_str(), O_RDONLY);
  REQUIRE(flock(holder, LOCK_EX) == 0);
  CHECK(cached_sha256(folder / "cache", kFile) == kSum);
  CHECK_FALSE(keep(folder / "cache", numbered(7)));
  close(holder);
  CHECK(keep(folder / "cache", numbered(7)));
}

TEST_CASE("four processes keep 200 sums each at once, and none is lost") {
  TempFolder folder;
  keep_from_four_processes(folder / "cache");
  CHECK(count_found(folder / "cache") == 800);
}

TEST_CASE("nor is one lost when the file is replaced meanwhile") {
  TempFolder folder;
  // The first few appends make it cross the megabyte.
  write(folder / "cache", stale_lines(folder, 1000000).substr(0, 999000));
  keep_from_four_processes(folder / "cache");
  CHECK(count_found(folder / "cache") == 800);
  CHECK(std::filesystem::file_size(folder / "cache") < 150000);
  CHECK(folder.names() == std::vector<std::string>{"cache"});
}

TEST_CASE("a file of mostly stale lines is replaced by its newest ones, and a partial replacement is no obstacle") {
  TempFolder folder;
  write(folder / "cache", kLine + stale_lines(folder, 1000000));
  write(folder / "cache.new", kLine.substr(0, 50));  // of a killed process
  CHECK(keep(folder / "cache", numbered(7), sum_of(7)));
  CHECK(folder.names() == std::vector<std::string>{"cache"});
  CHECK(read_file(folder / "cache").starts_with(kLine));
  CHECK(std::filesystem::file_size(folder / "cache") < 500);
  CHECK(mode(folder / "cache") == 0600);
  CHECK(cached_sha256(folder / "cache", kFile) == kSum);
  CHECK(cached_sha256(folder / "cache", numbered(1, 99)) == kSum);
  CHECK(cached_sha256(folder / "cache", numbered(1, 98)) == "");
  CHECK(cached_sha256(folder / "cache", numbered(7)) == sum_of(7));
}

TEST_CASE("a file that somebody let grow beyond reason is read from its end and cut") {
  TempFolder folder;
  const std::string path = folder / "cache";
  write(path, kLine + std::string(40 << 20, 'x') + "\n" + kLine);
  CHECK(cached_sha256(path, kFile) == kSum);
  CHECK(keep(path, numbered(7), sum_of(7)));
  CHECK(std::filesystem::file_size(path) < 500);
  CHECK(cached_sha256(path, kFile) == kSum);
  CHECK(cached_sha256(path, numbered(7)) == sum_of(7));
}
