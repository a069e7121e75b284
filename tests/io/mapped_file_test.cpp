// SPDX-License-Identifier: Apache-2.0
#include "io/mapped_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string make_file(const TempFolder& folder, size_t size) {
  std::ofstream(folder / "file") << std::string(size, 'y');
  return folder / "file";
}

}  // namespace

TEST_CASE("a window holds the file's bytes, again after it was released") {
  TempFolder folder;
  const MappedFile file(make_file(folder, 100000));
  for (const bool page_cache : {false, true}) {
    file.populate(5000, 50000);
    CHECK(file.data()[5000] == std::byte{'y'});
    CHECK(file.data()[54999] == std::byte{'y'});
    file.release(5000, 50000, page_cache);
  }
  file.populate(99999, 1);
  CHECK(file.data()[99999] == std::byte{'y'});
  file.check_unchanged();
}

TEST_CASE("an empty file and an empty window are nothing special") {
  TempFolder folder;
  const MappedFile file(make_file(folder, 0));
  CHECK(file.size() == 0);
  file.populate(0, 0);
  file.release(0, 0, true);
  file.check_unchanged();
}

TEST_CASE("what is not a regular file is an error that says what it is") {
  TempFolder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto text = [](const std::string& path) {
    const Failure fault = failure([&] { MappedFile{path}; });
    CHECK(fault.code == ErrorCode::io);
    CHECK(fault.where == path);
    return fault.text;
  };
  CHECK(text(folder / "").find("is a folder") != std::string::npos);
  CHECK(text(folder / "pipe").find("is a pipe") != std::string::npos);
  CHECK(text("/dev/null").find("is a device") != std::string::npos);
  CHECK(text(folder / "missing").find("No such file") != std::string::npos);
}

TEST_CASE("populating past a truncation is an error, not a signal") {
  TempFolder folder;
  const std::string path = make_file(folder, 100000);
  const MappedFile file(path);
  std::filesystem::resize_file(path, 4096);
  const Failure fault = failure([&] { file.populate(50000, 10); });
  CHECK(fault.code == ErrorCode::malformed);
  CHECK(fault.text.find("from 100000 to 4096 bytes") != std::string::npos);
}

TEST_CASE("with the guard, touching a truncated window reads zeros and marks the file") {
  TempFolder folder;
  const std::string path = make_file(folder, 100000);
  const pid_t child = fork();  // the guard stays installed for the rest of a process
  if (child == 0) {
    install_sigbus_guard();
    const MappedFile file(path), other(path);
    file.populate(0, 100000);
    std::filesystem::resize_file(path, 4096);
    const bool zero = file.data()[50000] == std::byte{0};
    std::filesystem::resize_file(path, 100000);  // size as before: the mark alone must tell
    bool told = false;
    try {
      file.check_unchanged();
    } catch (const Error&) {
      told = true;
    }
    _exit(zero && told ? 0 : 1);
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
  const MappedFile file(path);
  file.check_unchanged();
  std::filesystem::last_write_time(path, std::filesystem::last_write_time(path) + std::chrono::seconds(1));
  CHECK(failure([&] { file.check_unchanged(); }).code == ErrorCode::malformed);
}
