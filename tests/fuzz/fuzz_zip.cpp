// SPDX-License-Identifier: Apache-2.0
// The zip reader on any bytes, and the whole of what stands behind it. Entries that are accepted lie one behind the
// other in front of the directory, each under a name of its own.
#include <algorithm>

#include "io/torch/zip_directory.h"
#include "tests/fuzz/torch_bytes.h"

using namespace ckmerge;
using namespace ckmerge::fuzz;

namespace {

void expect_disjoint(const ZipDirectory& zip, uint64_t file_size) {
  uint64_t end = 0;
  for (size_t i = 0; i < zip.size(); ++i) {
    const ZipEntry& entry = zip[i];
    expect(entry.header >= end && entry.payload > entry.header && entry.payload <= file_size);
    expect(entry.packed <= file_size - entry.payload);
    end = entry.payload + entry.packed;
    expect(zip.find(zip.name(entry)) == &entry);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const MemoryFile file(bytes);
    const InputFile input(file.path());
    expect_disjoint(ZipDirectory(input), size);
  } catch (const Error&) {
  }
  open_both_ways(bytes);
  return 0;
}
