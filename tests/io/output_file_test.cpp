// SPDX-License-Identifier: Apache-2.0
#include "io/output_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

const OutputOptions kReplace{.replace = true, .sync = false};
const OutputOptions kFresh{.replace = false, .sync = false};

struct FreeMemory {
  void operator()(std::byte* memory) const { std::free(memory); }
};

// Writes `size` bytes of 'x' and commits.
void write_target(const std::string& target, uint64_t size, OutputOptions options,
                  std::span<const FileIdentity> inputs = {}) {
  OutputFile file(target, size, inputs, options);
  const uint64_t room = (size + 4095) / 4096 * 4096;
  const std::unique_ptr<std::byte, FreeMemory> bytes(static_cast<std::byte*>(std::aligned_alloc(4096, room)));
  std::memset(bytes.get(), 'x', room);
  file.write_at(0, {bytes.get(), size});
  file.commit();
}

void touch(const std::string& path, const std::string& content = "old") { std::ofstream(path) << content; }

FileIdentity identity(const std::string& path) { return InputFile(path).identity(); }

mode_t mode(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
}

std::string partial(const TempFolder& folder, const std::string& name) {
  return folder / ("." + name + ".ckmerge-partial");
}

}  // namespace

TEST_CASE("a committed file has exactly its bytes, whatever their number") {
  TempFolder folder;
  for (const uint64_t size : {1, 4095, 4096, 4097, 10000}) {
    write_target(folder / "out", size, {.replace = true, .sync = true});
    CHECK(read_file(folder / "out") == std::string(size, 'x'));
    CHECK(folder.names() == std::vector<std::string>{"out"});
  }
}

TEST_CASE("a file that is not committed leaves the old target and nothing else") {
  TempFolder folder;
  touch(folder / "out");
  { OutputFile file(folder / "out", 100, {}, kReplace); }
  CHECK(read_file(folder / "out") == "old");
  CHECK(folder.names() == std::vector<std::string>{"out"});
}

TEST_CASE("until the commit the target is absent or old") {
  TempFolder folder;
  OutputFile file(folder / "out", 100, {}, kFresh);
  CHECK(folder.names() == std::vector<std::string>{".out.ckmerge-partial"});
}

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

TEST_CASE("a new file has mode 0666 less the umask, a replaced one keeps its own") {
  TempFolder folder;
  const mode_t old_umask = umask(027);
  write_target(folder / "new", 10, kFresh);
  CHECK(mode(folder / "new") == 0640);
  touch(folder / "old");
  chmod((folder / "old").c_str(), 0604);
  write_target(folder / "old", 10, kReplace);
  CHECK(mode(folder / "old") == 0604);
  umask(old_umask);
}

TEST_CASE("a link to a file is followed: the file it leads to is replaced, the link stays") {
  TempFolder folder;
  std::filesystem::create_directory(folder / "sub");
  touch(folder / "sub/real");
  std::filesystem::create_symlink("sub/real", folder / "link");
  write_target(folder / "link", 5, kReplace);
  CHECK(std::filesystem::is_symlink(folder / "link"));
  CHECK(read_file(folder / "sub/real") == "xxxxx");
}

TEST_CASE("a second run to the same target is refused, one to another is not") {
  TempFolder folder;
  const OutputFile first(folder / "out", 10, {}, kFresh);
  const Failure fault = failure([&] { OutputFile(folder / "out", 10, {}, kFresh); });
  CHECK(fault.code == ErrorCode::io);
  CHECK(fault.text.find("another run") != std::string::npos);
  const OutputFile other(folder / "other", 10, {}, kFresh);
}

TEST_CASE("the partial file of a killed run is taken over") {
  TempFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    OutputFile file(folder / "out", 100000, {}, kFresh);
    _exit(0);  // no destructor: as kill -9 leaves it
  }
  waitpid(child, nullptr, 0);
  REQUIRE(folder.names() == std::vector<std::string>{".out.ckmerge-partial"});
  write_target(folder / "out", 10, kFresh);
  CHECK(folder.names() == std::vector<std::string>{"out"});
  CHECK(read_file(folder / "out") == "xxxxxxxxxx");
}

TEST_CASE("a target that appears during the run is not replaced unasked") {
  TempFolder folder;
  {
    OutputFile file(folder / "out", 10, {}, kFresh);
    touch(folder / "out", "somebody else's");
    CHECK(failure([&] { file.commit(); }).code == ErrorCode::usage);
  }
  CHECK(read_file(folder / "out") == "somebody else's");
  CHECK(folder.names() == std::vector<std::string>{"out"});
}

TEST_CASE("a partial file that is a link is not followed") {
  TempFolder folder;
  touch(folder / "precious");
  std::filesystem::create_symlink("precious", partial(folder, "out"));
  CHECK(failure([&] { OutputFile(folder / "out", 10, {}, kFresh); }).code == ErrorCode::io);
  CHECK(read_file(folder / "precious") == "old");
}

TEST_CASE("a size that no disk has is refused with the numbers, before anything is made") {
  TempFolder folder;
  const Failure fault = failure([&] { OutputFile(folder / "out", 1ull << 60, {}, kFresh); });
  CHECK(fault.code == ErrorCode::resources);
  CHECK(fault.text.find("free") != std::string::npos);
  CHECK(folder.names().empty());
}

TEST_CASE("names of 255 bytes work") {
  TempFolder folder;
  const std::string name(255, 'n');
  write_target(folder / name, 10, kFresh);
  CHECK(folder.names() == std::vector<std::string>{name});
}

TEST_CASE("a partial file that is an input, or no file, is left alone") {
  TempFolder folder;
  const std::string in_the_way = partial(folder, "out");
  touch(in_the_way);
  const FileIdentity inputs[] = {identity(in_the_way)};
  CHECK(failure([&] { OutputFile(folder / "out", 10, inputs, kFresh); }).code == ErrorCode::usage);
  CHECK(read_file(in_the_way) == "old");
  std::filesystem::remove(in_the_way);
  REQUIRE(mkfifo(in_the_way.c_str(), 0600) == 0);
  CHECK(failure([&] { OutputFile(folder / "out", 10, {}, kFresh); }).code == ErrorCode::usage);
  CHECK(std::filesystem::is_fifo(in_the_way));
}

TEST_CASE("a run whose partial file was removed neither commits nor removes another's") {
  TempFolder folder;
  OutputFile first(folder / "out", 10, {}, kFresh);
  std::filesystem::remove(partial(folder, "out"));
  {
    OutputFile second(folder / "out", 20, {}, kFresh);
    CHECK(failure([&] { first.commit(); }).code == ErrorCode::io);
    CHECK(folder.names() == std::vector<std::string>{".out.ckmerge-partial"});
  }
  CHECK(folder.names().empty());
}

TEST_CASE("the partial file has no mode of the target's that would keep a later run out") {
  TempFolder folder;
  touch(folder / "out");
  chmod((folder / "out").c_str(), 0444);
  {
    const OutputFile file(folder / "out", 10, {}, kReplace);
    CHECK(mode(partial(folder, "out")) != 0444);
  }
  write_target(folder / "out", 10, kReplace);
  CHECK(mode(folder / "out") == 0444);
}

TEST_CASE("a raised stop flag ends the reservation of space") {
  TempFolder folder;
  const OutputOptions stopped{.replace = false, .sync = false, .stopped = [] { return true; }};
  const OutputFile probe(folder / "probe", 10, {}, kFresh);
  if (probe.description().find("not reserved") != std::string::npos) {
    MESSAGE("NOT RUN: interrupting a reservation (this filesystem has none)");
    return;
  }
  CHECK(failure([&] { OutputFile(folder / "out", 10, {}, stopped); }).code == ErrorCode::interrupted);
  CHECK(folder.names() == std::vector<std::string>{".probe.ckmerge-partial"});
}
