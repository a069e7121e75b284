// SPDX-License-Identifier: Apache-2.0
// Headers near the format's cap: all members arrive, wherever the reader cuts the JSON into pieces.
#include <doctest/doctest.h>

#include "io/safetensors/header_pieces.h"
#include "tests/io/safetensors/header_text.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string many_tensors(size_t count) {
  std::string json = "{";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) json += ',';
    json += u8("block." + std::to_string(1'000'000'000 + i) + ".bia", i, i + 1);
  }
  return json + "}";
}

}  // namespace

TEST_CASE("a million tensors: every one is there, at its place") {
  constexpr size_t kCount = 1'000'000;
  const std::string json = many_tensors(kCount);
  REQUIRE(json.size() <= kMaxHeaderSize);
  const Header header = parse(json, kCount);
  REQUIRE(header.tensors.size() == kCount);
  size_t misplaced = 0;
  for (size_t i = 0; i < kCount; ++i) misplaced += header.tensors[i].offset != 8 + json.size() + i;
  CHECK(misplaced == 0);
  CHECK(header.tensors.find("block.1000777777.bia") == 777777);
}

TEST_CASE("a header of 100,000,000 bytes, padding included, is read") {
  std::string json = "{" + u8("a", 0, 1) + "}";
  json.resize(kMaxHeaderSize, ' ');
  CHECK(parse(json, 1).tensors.size() == 1);
  json = "{" + u8(std::string(kMaxHeaderSize - 100, 'n'), 0, 1) + "}";
  CHECK(parse(json, 1).tensors[0].name.size() == kMaxHeaderSize - 100);
}

TEST_CASE("pieces are whole members and together the whole header") {
  const std::string json = " " + many_tensors(10'000) + "\n";
  HeaderPieces pieces(json);
  std::string joined;
  size_t count = 0;
  while (!pieces.done()) {
    joined += joined.empty() ? " {" : ",";
    joined += pieces.next();
    ++count;
  }
  CHECK(joined + "}\n" == json);
  CHECK(count == (json.size() - 4) / HeaderPieces::kPieceSize + 1);
}

TEST_CASE("no cut is made inside a string or a value, however they look") {
  // Members longer than a piece, full of what looks like a border: quotes, brackets, commas, escaped quotes.
  const std::string trap = R"(\\\"},]{[,\",\\)";
  std::string name;
  while (name.size() < 2 * HeaderPieces::kPieceSize) name += trap;
  const std::string extra = R"("x":[{"y":[1,2,"],},"]},{},",{"],)";
  const std::string json = "{" + u8(name + "1", 0, 1) + R"(,"m":{)" + extra +
                           R"("dtype":"U8","shape":[1],"data_offsets":[1,2]},)" + u8(name + "2", 2, 3) + "}";
  const Header header = parse(json, 3);
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[2].name == "m");
}

TEST_CASE("faults beside a cut are found") {
  const std::string first = "{" + u8(std::string(HeaderPieces::kPieceSize, 'n'), 0, 1);
  const std::string last = u8("z", 1, 2) + "}";
  CHECK(accepts(first + "," + last, 2));
  CHECK(!accepts(first + ",," + last, 2));
  CHECK(!accepts(first + ", ," + last, 2));
  CHECK(!accepts(first + " " + last, 2));
  CHECK(!accepts(first + ",}", 1));
  CHECK(!accepts(first + ", }", 1));
  CHECK(!accepts(first + "},{" + last, 2));
  CHECK(!accepts(first + "]," + last, 2));
  CHECK(!accepts(first + ",]" + last, 2));
  CHECK(!accepts("{" + std::string(2 * HeaderPieces::kPieceSize, ' ') + "," + last, 2));
}

TEST_CASE("members that must be unique are compared across pieces") {
  const std::string filler = u8(std::string(HeaderPieces::kPieceSize, 'n'), 0, 1);
  CHECK(!accepts("{\"__metadata__\":{}," + filler + ",\"__metadata__\":{}}", 1));
  CHECK(fault("{" + u8("a", 1, 2) + "," + filler + "," + u8("a", 2, 3) + "}", 3) ==
        "tensor 'a': the name is there twice");
}
