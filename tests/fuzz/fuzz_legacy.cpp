// SPDX-License-Identifier: Apache-2.0
// The stream of torch before 1.6 on any bytes behind its magic number, which chance would not find.
#include "io/torch/torch_file.h"
#include "tests/fuzz/torch_bytes.h"

using namespace ckmerge;
using namespace ckmerge::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (begins_torch_stream(std::as_bytes(std::span(bytes)))) {
    open_both_ways(bytes);
  } else {
    const std::string magic("\x80\2\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19.", 15);
    expect(begins_torch_stream(std::as_bytes(std::span(magic))));
    open_both_ways(magic + std::string(bytes));
  }
  return 0;
}
