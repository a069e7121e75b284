// SPDX-License-Identifier: Apache-2.0
#include "io/file/output_target.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "io/file/output_file.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"
#include "tests/sanitized.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const OutputOptions kReplace{.replace = true, .sync = false};
const OutputOptions kFresh{.replace = false, .sync = false};

void touch(const std::string& path, const std::string& content = "old") { std::ofstream(path) << content; }

FileIdentity identity(const std::string& path) { return InputFile(path).identity(); }

// What a run that wants `target` for itself ends with, as an exit status.
int claim(const std::string& target) {
  try {
    OutputFile file(target, 0, {}, kFresh);
    file.commit();
    return 0;
  } catch (const TargetTaken&) {
    return 1;
  } catch (...) {
    return 2;
  }
}

}  // namespace

TEST_CASE("targets that must not be written are refused before anything is made") {
  TempFolder folder;
  touch(folder / "file");
  std::filesystem::create_directory(folder / "sub");
  std::filesystem::create_symlink("nowhere", folder / "dangling");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const auto names = folder.names();
  const auto code = [&](const std::string& target, OutputOptions options) {
    return failure([&] { OutputFile(target, 10, {}, options); }).code;
  };
  CHECK(code(folder / "file", kFresh) == ErrorCode::usage);
  CHECK(code(folder / "sub", kReplace) == ErrorCode::usage);
  CHECK(code(folder / "sub/", kReplace) == ErrorCode::usage);
  CHECK(code(folder / "dangling", kReplace) == ErrorCode::usage);
  CHECK(code(folder / "pipe", kReplace) == ErrorCode::usage);
  CHECK(code("/dev/full", kReplace) == ErrorCode::usage);
  CHECK(code("", kReplace) == ErrorCode::usage);
  CHECK(code(folder / "missing/out", kReplace) == ErrorCode::io);
  CHECK(code(folder / "file/out", kReplace) == ErrorCode::io);
  CHECK(folder.names() == names);
}

TEST_CASE("an input is refused as the output under any of its names, even with replace") {
  TempFolder folder;
  touch(folder / "in");
  std::filesystem::create_symlink("in", folder / "link");
  std::filesystem::create_hard_link(folder / "in", folder / "hard");
  const FileIdentity inputs[] = {identity(folder / "in")};
  for (const char* name : {"in", "link", "hard", "./in", "../"}) {
    const std::string target = name == std::string("../") ? (folder / ".") + "/in" : folder / name;
    const Failure fault = failure([&] { OutputFile(target, 10, inputs, kReplace); });
    CHECK(fault.code == ErrorCode::usage);
    CHECK(fault.text.find("one of the inputs") != std::string::npos);
  }
  CHECK(read_file(folder / "in") == "old");
}

TEST_CASE("a size that no disk has is refused with the numbers, before anything is made") {
  TempFolder folder;
  const Failure fault = failure([&] { OutputFile(folder / "out", 1ull << 60, {}, kFresh); });
  CHECK(fault.code == ErrorCode::resources);
  CHECK(fault.text.find("free") != std::string::npos);
  CHECK(folder.names().empty());
}

TEST_CASE("a target that is taken is told from other faults, so that another name can be tried") {
  TempFolder folder;
  touch(folder / "out");
  CHECK_THROWS_AS(OutputFile(folder / "out", 10, {}, kFresh), TargetTaken);
  const FileIdentity inputs[] = {identity(folder / "out")};
  const Failure input = failure([&] {
    try {
      OutputFile(folder / "out", 10, inputs, kFresh);
    } catch (const TargetTaken&) {
      FAIL("an input is no matter of names");
    }
  });
  CHECK(input.code == ErrorCode::usage);
  const OutputFile first(folder / "other", 10, {}, kFresh);
  CHECK_THROWS_AS(OutputFile(folder / "other", 10, {}, kFresh), TargetTaken);
}

TEST_CASE("of several runs that want one name at once, one has it and the others learn so before they work") {
  TempFolder folder;
  for (int round = 0; round < (kSanitized ? 30 : 300); ++round) {
    const std::string target = folder / ("out" + std::to_string(round));
    int gate[2];
    REQUIRE(pipe(gate) == 0);
    for (int run = 0; run < 4; ++run)
      if (fork() == 0) {
        char byte;
        close(gate[1]);
        static_cast<void>(!read(gate[0], &byte, 1));  // returns when the parent closes its end
        _exit(claim(target));
      }
    close(gate[0]);
    close(gate[1]);
    int count[3] = {};
    for (int run = 0, status; run < 4; ++run)
      if (wait(&status) > 0 && WIFEXITED(status)) ++count[std::min(WEXITSTATUS(status), 2)];
    CHECK(count[0] == 1);
    CHECK(count[1] == 3);
  }
}
