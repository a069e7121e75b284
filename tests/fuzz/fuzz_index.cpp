// SPDX-License-Identifier: Apache-2.0
// An untrusted index of shards: refused with Error(malformed), or one that lists each tensor once, in files that lie
// beside it.
#include <cstdint>
#include <cstdlib>

#include "io/folder/weight_index.h"
#include "io/folder/weight_names.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

bool lies_beside(std::string_view file) {
  return !file.empty() && file != "." && file != ".." && file.find_first_of(std::string_view("/\\\0", 3)) == file.npos;
}

void check(const WeightIndex& index) {
  expect(index.size() > 0 && !index.files().empty());
  for (const std::string& file : index.files()) {
    expect(lies_beside(file));
    if (const auto name = weight_name(file)) expect(!name->stem.empty() && name->number <= name->of);
  }
  for (size_t i = 0; i < index.size(); ++i) {
    expect(i == 0 || index.tensor(i - 1) < index.tensor(i));
    expect(index.find(index.tensor(i)) == i && lies_beside(index.file_of(i)));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    check(WeightIndex({reinterpret_cast<const char*>(data), size}));
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  return 0;
}
