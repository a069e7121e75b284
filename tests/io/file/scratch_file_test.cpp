// SPDX-License-Identifier: Apache-2.0
#include "io/file/scratch_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>
#include <vector>

#include "io/text/error.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;

namespace {

std::vector<std::byte> read(const ScratchFile& file, uint64_t offset, size_t size) {
  std::vector<std::byte> bytes(size, std::byte{7});
  file.read(offset, bytes);
  return bytes;
}

// Files of this process cannot become larger than that.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = size, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

}  // namespace

TEST_CASE("a scratch file is zeros until it is written, gives back what is not needed, and has no name") {
  const test::TempFolder folder;
  ScratchFile file(folder / "out.safetensors");
  const uint64_t first = file.take(10'000), second = file.take(5000), none = file.take(0);
  CHECK(first + 10'000 <= second);
  CHECK(second + 5000 <= none);
  CHECK(read(file, first, 10'000) == std::vector<std::byte>(10'000));
  file.write(second + 100, std::vector<std::byte>(50, std::byte{3}));
  CHECK(read(file, second + 120, 30) == std::vector<std::byte>(30, std::byte{3}));
  file.give_back(first, 10'000);
  CHECK(read(file, second + 149, 2) == std::vector<std::byte>{std::byte{3}, std::byte{0}});
  CHECK(folder.names().empty());
}

TEST_CASE("a scratch file for which there is no room, or no folder, says what it was for") {
  const test::TempFolder folder;
  const auto code_of_taking = [](const std::string& target) {
    try {
      ScratchFile(target).take(1 << 20);
    } catch (const Error& error) {
      CHECK(std::string(error.what()).find("the scratch file beside it cannot be made") != std::string::npos);
      return static_cast<int>(error.code());
    }
    return 0;
  };
  {
    const FileSizeLimit limit(4096);
    CHECK(code_of_taking(folder / "out") == static_cast<int>(ErrorCode::resources));
  }
  CHECK(code_of_taking(folder / "missing/out") == static_cast<int>(ErrorCode::io));
}
