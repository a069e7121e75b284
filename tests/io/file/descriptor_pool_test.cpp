// SPDX-License-Identifier: Apache-2.0
#include "io/file/descriptor_pool.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "io/file/input_file.h"
#include "io/text/error.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

std::vector<InputFile> many_files(const TempFolder& folder, size_t count) {
  std::vector<InputFile> files;
  for (size_t i = 0; i < count; ++i) {
    const std::string path = folder / std::to_string(i);
    std::ofstream(path) << std::to_string(i + 1000);
    files.emplace_back(path);
  }
  return files;
}

std::string content(const InputFile& file) {
  std::string text(file.size(), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

ErrorCode failure(const InputFile& file) {
  try {
    content(file);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::difference;
}

}  // namespace

TEST_CASE("of many files a bounded number is open, and all can be read") {
  const TempFolder folder;
  const size_t before = open_descriptors(), most = DescriptorPool::capacity();
  const std::vector<InputFile> files = many_files(folder, 3 * most);
  CHECK(open_descriptors() <= before + most);
  for (size_t i = 0; i < files.size(); ++i) REQUIRE(content(files[i]) == std::to_string(i + 1000));
  for (const InputFile& file : files) file.check_unchanged();
  CHECK(open_descriptors() <= before + most);
}

TEST_CASE("a file that was closed is opened again only as what it was") {
  const TempFolder folder;
  const std::vector<InputFile> files = many_files(folder, 8);
  DescriptorPool::of_process().close_unused();
  std::filesystem::rename(folder / "1", folder / "0");
  CHECK(failure(files[0]) == ErrorCode::malformed);  // another file has its name
  CHECK(failure(files[1]) == ErrorCode::io);         // its name is gone
  std::ofstream(folder / "2") << "altered";
  CHECK(failure(files[2]) == ErrorCode::malformed);
  CHECK(failure(files[3]) == ErrorCode::difference);
  const DescriptorLease lease = files[4].descriptor();
  DescriptorPool::of_process().close_unused();  // not that one: somebody has it
  std::filesystem::remove(folder / "4");
  CHECK(content(files[4]) == "1004");
}

TEST_CASE("threads may read files that others let be closed") {
  const TempFolder folder;
  const std::vector<InputFile> files = many_files(folder, 2 * DescriptorPool::capacity());
  std::atomic<size_t> wrong{0};
  const auto read_all = [&](size_t from) {
    for (size_t i = 0; i < files.size(); ++i) {
      const size_t k = (from + i) % files.size();
      if (content(files[k]) != std::to_string(k + 1000)) ++wrong;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t k = 0; k < 4; ++k) threads.emplace_back(read_all, k * files.size() / 4);
  }
  CHECK(wrong == 0);
}

TEST_CASE("where descriptors run out, those that nobody needs are given back") {
  const TempFolder folder;
  const std::vector<InputFile> files = many_files(folder, 32);
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  rlimit tight = limit;
  tight.rlim_cur = open_descriptors();  // one of them is the listing's own
  REQUIRE(setrlimit(RLIMIT_NOFILE, &tight) == 0);
  std::vector<InputFile> more;
  for (size_t i = 0; i < 8; ++i) more.emplace_back(folder / "0");
  REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(content(more.back()) == "1000");
}
