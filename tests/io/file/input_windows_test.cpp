// SPDX-License-Identifier: Apache-2.0
#include "io/file/input_windows.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Byte i is a letter that depends on i.
std::string letters(size_t size) {
  std::string text(size, 'a');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
  return text;
}

std::string make_file(const TempFolder& folder, size_t size) {
  std::ofstream(folder / "file") << letters(size);
  return folder / "file";
}

// Bytes of this file's maps that are in the process's memory.
uint64_t resident(const std::string& path) {
  std::ifstream maps("/proc/self/smaps");
  uint64_t sum = 0;
  bool ours = false;
  for (std::string line; std::getline(maps, line);) {
    const bool names_a_map = line.find("-") < line.find(" ") && line.find(":") > line.find(" ");
    if (names_a_map) ours = line.ends_with(path);
    if (ours && line.rfind("Rss:", 0) == 0) sum += std::stoull(line.substr(4)) * 1024;
  }
  return sum;
}

}  // namespace

TEST_CASE("windows show the file's bytes, side by side and again after they were let go") {
  TempFolder folder;
  const std::string text = letters(100000);
  const InputFile file(make_file(folder, text.size()));
  InputWindows windows(1 << 20);
  for (const bool drop_cache : {false, true}) {
    const std::byte* first = windows.add(file, 5000, 55001);
    const std::byte* second = windows.add(file, 99999, 100000);
    CHECK(std::string(reinterpret_cast<const char*>(first), 50001) == text.substr(5000, 50001));
    CHECK(static_cast<char>(*second) == text.back());
    windows.check_faults();
    windows.clear(drop_cache);
  }
}

TEST_CASE("no more of a file is resident than the windows' pages, and nothing once they are let go") {
  TempFolder folder;
  const std::string path = make_file(folder, 16 << 20);
  const InputFile file(path);
  InputWindows windows(4 << 20);
  for (const uint64_t size : {12288ull, 70001ull, 1ull << 20})
    for (uint64_t at = 12345; at + size <= file.size(); at += kSanitized ? std::max<uint64_t>(size, 300'000) : size) {
      windows.add(file, at, at + size);
      const uint64_t expected = InputWindows::footprint(at, at + size);
      CHECK(resident(path) <= expected);
      CHECK(resident(path) >= size / 2);
      windows.clear(false);
      CHECK(resident(path) == 0);
    }
}

TEST_CASE("what is not a regular file is an error that says what it is") {
  TempFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto text = [](const std::string& path) {
    const Failure fault = failure([&] { InputFile{path}; });
    CHECK(fault.code == ErrorCode::io);
    CHECK(fault.where == path);
    return fault.text;
  };
  CHECK(text(folder / "").find("is a folder") != std::string::npos);
  CHECK(text(folder / "pipe").find("is a pipe") != std::string::npos);
  CHECK(text("/dev/null").find("is a device") != std::string::npos);
  CHECK(text(folder / "missing").find("No such file") != std::string::npos);
}

TEST_CASE("a window past a truncation is an error, not a signal") {
  TempFolder folder;
  const std::string path = make_file(folder, 100000);
  const InputFile file(path);
  std::filesystem::resize_file(path, 4096);
  InputWindows windows(1 << 20);
  const Failure fault = failure([&] { windows.add(file, 50000, 50010); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.text.find("from 100000 to 4096 bytes") != std::string::npos);
}

TEST_CASE("with the guard, touching a window that was cut off reads zeros and is told afterwards") {
  TempFolder folder;
  const std::string path = make_file(folder, 100000);
  const pid_t child = fork();  // the guard stays installed for the rest of a process
  if (child == 0) {
    install_sigbus_guard();
    const InputFile file(path);
    InputWindows windows(1 << 20);
    const std::byte* bytes = windows.add(file, 0, 100000);
    std::filesystem::resize_file(path, 4096);
    const bool zero = bytes[50000] == std::byte{0};
    const Failure fault = failure([&] { windows.check_faults(); });
    windows.clear(false);
    windows.check_faults();  // the note went with the windows
    _exit(zero && fault.code == ErrorCode::malformed ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("with the guard, a fault elsewhere still ends the process by SIGBUS") {
  const pid_t child = fork();
  if (child == 0) {
    install_sigbus_guard();
    raise(SIGBUS);
    raise(SIGBUS);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
}

TEST_CASE("a file changed in place is noticed") {
  TempFolder folder;
  const std::string path = make_file(folder, 100);
  const InputFile file(path);
  file.check_unchanged();
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  CHECK(failure([&] { file.check_unchanged(); }).code == ErrorCode::malformed);
}

TEST_CASE("a link, a new name and other rights do not make a file a changed one") {
  TempFolder folder;
  const std::string path = make_file(folder, 100);
  const InputFile file(path);
  std::filesystem::create_hard_link(path, folder / "link");
  std::filesystem::rename(path, folder / "renamed");
  std::filesystem::permissions(folder / "renamed", std::filesystem::perms::owner_read);
  file.check_unchanged();
}
