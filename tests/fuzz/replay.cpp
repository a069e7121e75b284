// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer: gives the target every file of the folders named on the command line, and the empty input.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

int main(int argc, char** argv) {
  const uint8_t nothing = 0;  // libFuzzer's empty input is no null pointer either
  LLVMFuzzerTestOneInput(&nothing, 0);
  size_t count = 1;
  for (int k = 1; k < argc; ++k) {
    for (const auto& entry : std::filesystem::directory_iterator(argv[k])) {
      std::ifstream file(entry.path(), std::ios::binary);
      std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
      bytes.reserve(1);
      std::fprintf(stderr, "%s\n", entry.path().c_str());  // the last line names the input of a crash
      LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
      ++count;
    }
  }
  std::printf("replayed %zu inputs\n", count);
  return 0;
}
