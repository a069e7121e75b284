// SPDX-License-Identifier: Apache-2.0
#include "io/file/output_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <deque>
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

// Memory as write_at() and read_back() want it: `size` bytes of `content` and room up to the next block.
struct Buffer {
  explicit Buffer(uint64_t count, char content = 'x')
      : size(count), memory(static_cast<std::byte*>(std::aligned_alloc(4096, (count + 4095) / 4096 * 4096))) {
    std::memset(memory.get(), content, (count + 4095) / 4096 * 4096);
  }
  std::span<std::byte> bytes() const { return {memory.get(), size}; }
  std::string text() const { return {reinterpret_cast<const char*>(memory.get()), size}; }

  uint64_t size;
  std::unique_ptr<std::byte, FreeMemory> memory;
};

// Writes `size` bytes of 'x' and commits.
void write_target(const std::string& target, uint64_t size, OutputOptions options,
                  std::span<const FileIdentity> inputs = {}) {
  OutputFile file(target, size, inputs, options);
  file.write_at(0, Buffer(size).bytes());
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
    file.write_at(0, Buffer(10).bytes());
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

TEST_CASE("what was written is read back, in ranges and to its last byte, and then committed") {
  for (const bool sync : {true, false}) {
    TempFolder folder;
    constexpr uint64_t kSize = 3 * 4096 + 100;
    OutputFile file(folder / "out", kSize, {}, {.replace = false, .sync = sync});
    file.write_at(0, Buffer(8192, 'a').bytes());
    file.write_at(8192, Buffer(kSize - 8192, 'b').bytes());
    file.begin_read_back();
    const Buffer first(8192), last(kSize - 8192);
    file.read_back(8192, last.bytes());
    file.read_back(0, first.bytes());
    CHECK(first.text() == std::string(8192, 'a'));
    CHECK(last.text() == std::string(kSize - 8192, 'b'));
    file.commit();
    CHECK(read_file(folder / "out") == std::string(8192, 'a') + std::string(kSize - 8192, 'b'));
  }
}

TEST_CASE("reading back sees what another program did to the file") {
  TempFolder folder;
  OutputFile file(folder / "out", 8192, {}, kFresh);
  file.write_at(0, Buffer(8192).bytes());
  file.begin_read_back();
  std::fstream(partial(folder, "out"), std::ios::in | std::ios::out).write("damage", 6);
  const Buffer read(8192, '?');
  file.read_back(0, read.bytes());
  CHECK(read.text() == "damage" + std::string(8186, 'x'));
  std::filesystem::resize_file(partial(folder, "out"), 4096);
  const Failure fault = failure([&] { file.read_back(4096, Buffer(4096).bytes()); });
  CHECK(fault.code == ErrorCode::io);
  CHECK(fault.text.find("read back at byte 4096") != std::string::npos);
}

TEST_CASE("a partial file that was cut short is not put in place") {
  const TempFolder folder;
  const Buffer bytes(100000);
  const auto commit_after = [&](const auto& act) {
    OutputFile file(folder / "out", bytes.size, {}, kFresh);
    file.write_at(0, bytes.bytes());
    act(partial(folder, "out"));
    return failure([&] { file.commit(); }).text;
  };
  CHECK(commit_after([](const std::string& path) { std::filesystem::resize_file(path, 99999); }).find("cut") !=
        std::string::npos);
  CHECK(commit_after([](const std::string& path) {
          std::filesystem::resize_file(path, 0);
          std::filesystem::resize_file(path, 100000);
        }).find("cut") != std::string::npos);
  CHECK(folder.names().empty());
}

TEST_CASE("a partial file is no wider than what it replaces, nor than it is asked to be") {
  const TempFolder folder;
  const mode_t umask_before = umask(0);
  touch(folder / "out");
  for (const mode_t private_mode : {0600, 0640, 0400}) {
    CHECK(chmod((folder / "out").c_str(), private_mode) == 0);
    OutputFile file(folder / "out", 10, {}, kReplace);
    CHECK((mode(partial(folder, "out")) & 0077) == 0);
    file.write_at(0, Buffer(10).bytes());
    file.commit();
    CHECK(mode(folder / "out") == private_mode);
  }
  write_target(folder / "fresh", 10, {.replace = false, .sync = false, .mode = 0640});
  CHECK(mode(folder / "fresh") == 0640);
  CHECK(chmod((folder / "fresh").c_str(), 0664) == 0);
  write_target(folder / "fresh", 10, {.replace = true, .sync = false, .mode = 0600});
  CHECK(mode(folder / "fresh") == 0600);
  umask(umask_before);
}

TEST_CASE("an output follows its folder, wherever that is moved") {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "sub");
  OutputFile file(folder / "sub/out", 10, {}, kFresh);
  file.write_at(0, Buffer(10).bytes());
  std::filesystem::rename(folder / "sub", folder / "moved");
  file.commit();
  CHECK(read_file(folder / "moved/out") == "xxxxxxxxxx");
  CHECK_FALSE(std::filesystem::exists(folder / "sub"));
}

TEST_CASE("more files than may be open are written at once into a folder of their own") {
  TempFolder folder;
  const size_t count = DescriptorPool::capacity() + 20;
  std::deque<OutputFile> files;
  for (size_t k = 0; k < count; ++k)
    files.emplace_back(folder / std::to_string(k), 8192, std::span<const FileIdentity>(),
                       OutputOptions{.sync = false, .sync_folder = false});
  for (size_t block = 0; block < 2; ++block)
    for (size_t k = 0; k < count; ++k)
      files[k].write_at(block * 4096, Buffer(4096, static_cast<char>('a' + (k + block) % 20)).bytes());
  for (OutputFile& file : files) file.commit();
  for (size_t k = 0; k < count; ++k) {
    std::string text(8192, '\0');
    InputFile(folder / std::to_string(k)).read_at(0, std::as_writable_bytes(std::span(text)));
    CHECK(text == std::string(4096, static_cast<char>('a' + k % 20)) +
                      std::string(4096, static_cast<char>('a' + (k + 1) % 20)));
  }
}
