// SPDX-License-Identifier: Apache-2.0
#include "core/layouts/unit_matrix.h"

#include <doctest/doctest.h>

#include "tests/core/layouts/traced_table.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("a unit matrix takes a tensor's place, and tells any of its bytes") {
  Checkpoint checkpoint = TracedTable().add("a", {2}).add("b", {3, 3}).checkpoint();
  put_unit_matrix(checkpoint, "b", Dtype::BF16, 5);
  put_unit_matrix(checkpoint, "c", Dtype::F32, 2);
  REQUIRE(checkpoint.tensors.size() == 3);
  const Tensor tensor = checkpoint.tensors[checkpoint.tensors.find("b")];
  CHECK(tensor.dtype == Dtype::BF16);
  CHECK(tensor.count == 25);
  const InputFile& shard = checkpoint.shards[tensor.shard];
  std::string expected(50, '\0');
  for (size_t row = 0; row < 5; ++row) expected.replace(12 * row, 2, "\x80\x3f");
  for (size_t begin = 0; begin <= 50; ++begin) {
    for (size_t end = begin; end <= 50; ++end) {
      std::string read(end - begin, 'x');
      shard.read_at(tensor.offset + begin, std::as_writable_bytes(std::span(read)));
      REQUIRE(read == expected.substr(begin, end - begin));
    }
  }
  CHECK(has_unit(Dtype::F8_E5M2));
  CHECK_FALSE(has_unit(Dtype::I32));
}
