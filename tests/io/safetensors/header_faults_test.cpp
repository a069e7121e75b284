// SPDX-License-Identifier: Apache-2.0
// The exact sentences of the faults that people meet, and which tensor they name.
#include <doctest/doctest.h>

#include <array>

#include "io/text/error.h"
#include "tests/core/failure.h"
#include "tests/io/safetensors/header_text.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// header_size() of a file that begins with `length` and has `file_size` bytes.
std::string size_fault(uint64_t length, uint64_t file_size) {
  std::array<std::byte, 8> bytes;
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(length >> 8 * i);
  const Failure found = failure([&] { header_size(bytes, file_size); });
  CHECK((found.text.empty() || found.code == ErrorCode::malformed));
  if (found.text.empty()) CHECK(header_size(bytes, file_size) == length);
  return found.text;
}

}  // namespace

TEST_CASE("the header's length is checked against the cap and the file before anything is read") {
  CHECK(size_fault(0, 8) == "");
  CHECK(size_fault(100'000'000, 100'000'008) == "");
  CHECK(size_fault(100'000'001, 200'000'000) ==
        "not a safetensors file, or damaged: its first 8 bytes promise a header of 100000001 bytes, the format allows "
        "100000000");
  CHECK(
      size_fault(uint64_t{1} << 63, 100) ==
      "not a safetensors file, or damaged: its first 8 bytes promise a header of 9223372036854775808 bytes, the format "
      "allows 100000000");
  CHECK(size_fault(~uint64_t{0}, 100) != "");
  CHECK(size_fault(1000, 1007) == "download incomplete: the header alone ends at byte 1008, the file has 1007");
  CHECK(size_fault(1, 8) != "");
  CHECK(size_fault(0, 7) == "the file has 7 bytes, a safetensors file has at least 8");
  CHECK_THROWS_AS(header_size({}, 0), Error);
}

TEST_CASE("a file that ends too early is an incomplete download") {
  const std::string json = one_tensor("\"F32\"", "[2,3]", "[0,24]");
  const std::string promised = std::to_string(8 + json.size() + 24);
  const std::string present = std::to_string(8 + json.size() + 22);
  CHECK(fault(json, 22) ==
        "download incomplete: the header promises a file of " + promised + " bytes, this one has " + present);
}

TEST_CASE("bytes after the last tensor are refused") {
  const std::string json = one_tensor("\"F32\"", "[2,3]", "[0,24]");
  const std::string promised = std::to_string(8 + json.size() + 24);
  const std::string present = std::to_string(8 + json.size() + 25);
  CHECK(fault(json, 25) == "bytes after the last tensor: the header promises a file of " + promised +
                               " bytes, this one has " + present + "; `ckmerge convert --mend` writes it without them");
  CHECK(fault("{}", 1) ==
        "bytes after the last tensor: the header promises a file of 10 bytes, this one has 11; "
        "`ckmerge convert --mend` writes it without them");
}

TEST_CASE("holes and overlaps name the tensor behind them") {
  CHECK(fault("{" + u8("a", 0, 2) + "," + u8("b", 3, 4) + "}", 4) ==
        "tensor 'b': its bytes begin at 3, expected 2 (bytes between belong to no tensor)");
  CHECK(fault("{" + u8("a", 0, 2) + "," + u8("b", 1, 4) + "}", 4) ==
        "tensor 'b': its bytes begin at 1, expected 2 (it overlaps the tensor before it)");
  CHECK(fault("{" + u8("a", 4, 6) + "}", 6) ==
        "tensor 'a': its bytes begin at 4, expected 0 (bytes between belong to no tensor)");
  CHECK(fault(one_tensor("\"U8\"", "[0]", "[3,2]"), 3) == "tensor 'a': data_offsets [3,2] end before they begin");
}

TEST_CASE("a shape that does not fit its bytes is stated with both sizes") {
  CHECK(fault(one_tensor("\"F32\"", "[2,3]", "[0,20]"), 20) ==
        "tensor 'a': shape [2,3] of F32 is 24 bytes, data_offsets [0,20] hold 20");
  CHECK(fault(one_tensor("\"F4\"", "[1,3]", "[0,1]"), 1) ==
        "tensor 'a': shape [1,3] of F4 is 12 bits, expected whole bytes");
  CHECK(fault(one_tensor("\"U8\"", "[9223372036854775808,4]", "[0,0]"), 0) ==
        "tensor 'a': shape [9223372036854775808,4] has more elements than 64 bits can count");
  CHECK(fault(one_tensor("\"F64\"", "[4611686018427387904]", "[0,0]"), 0) ==
        "tensor 'a': shape [4611686018427387904] of F64 has more bits than 64 bits can count");
}

TEST_CASE("fields that are missing, twice or of the wrong kind are named") {
  CHECK(fault(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1) == "tensor 'a': field 'dtype' is missing");
  CHECK(fault(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1) == "tensor 'a': field 'shape' is missing");
  CHECK(fault(R"({"a":{"dtype":"U8","shape":[1]}})", 1) == "tensor 'a': field 'data_offsets' is missing");
  for (const char* field : {R"("dtype":"U8")", R"("shape":[1])", R"("data_offsets":[0,1])"}) {
    const std::string json = std::string(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],)") + field + "}}";
    const std::string name = std::string(field).substr(1, std::string(field).find('"', 1) - 1);
    CHECK(fault(json, 1) == "tensor 'a': field '" + name + "' is there twice");
  }
  CHECK(fault(one_tensor("1", "[1]", "[0,1]"), 1) == "tensor 'a': field 'dtype' is not a string");
  CHECK(fault(one_tensor("\"F7\"", "[1]", "[0,1]"), 1) ==
        "tensor 'a': unknown dtype 'F7'; a newer ckmerge may know it");
  CHECK(fault(one_tensor("\"U8\"", "[1.5]", "[0,1]"), 1) ==
        "tensor 'a': field 'shape' is not an array of whole numbers from 0 to 2^64-1");
  CHECK(fault(one_tensor("\"U8\"", "[1]", "[0,1,2]"), 1) ==
        "tensor 'a': field 'data_offsets' is not two whole numbers from 0 to 2^64-1");
  CHECK(fault(R"({"a":["U8",[1],[0,1]]})", 1) == "tensor 'a': expected an object with dtype, shape and data_offsets");
}

TEST_CASE("a name that is there twice is refused, even where the reference takes the last") {
  const std::string twice = "tensor 'a': the name is there twice";
  CHECK(fault("{" + u8("a", 0, 1) + "," + u8("a", 0, 1) + "}", 1) == twice);
  CHECK(fault("{" + u8("a", 0, 1) + "," + u8("\\u0061", 0, 1) + "}", 1) == twice);
  CHECK(fault("{" + u8("a", 1, 2) + "," + u8("a", 0, 1) + "}", 1) == twice);
  CHECK(fault("{" + u8("a", 0, 1) + "," + u8("b", 1, 2) + "," + u8("a", 2, 3) + "}", 3) == twice);
  CHECK(fault("{" + u8("a", 0, 0) + "," + u8("a", 0, 0) + "}", 0) == twice);
}

TEST_CASE("faults of the whole header") {
  CHECK(fault("", 0) == "the header is empty, expected a JSON object");
  CHECK(fault("[]", 0) == "the header is not a JSON object: it does not begin with {");
  CHECK(fault("{", 0) == "the header is not a JSON object: it does not end with }");
  CHECK(fault(std::string("{}\0\0", 4), 0) ==
        "the header is padded with NUL bytes, expected spaces after its JSON object; `ckmerge convert --mend` writes "
        "it anew");
  CHECK(fault("{" + u8("\xff", 0, 1) + "}", 1) == "the header is not valid UTF-8");
  CHECK(fault("{" + u8("a", 0, 1) + ",}", 1).starts_with("the header is not valid JSON: "));
  CHECK(fault(R"({"__metadata__":{},"__metadata__":{}})", 0) == "'__metadata__' is there twice");
  CHECK(fault(R"({"__metadata__":null,"__metadata__":null})", 0) == "'__metadata__' is there twice");
  CHECK(fault(R"({"__metadata__":[]})", 0) == "'__metadata__' is not an object of strings");
  CHECK(fault(R"({"__metadata__":{"k":1}})", 0) == "'__metadata__': the value of 'k' is not a string");
}

TEST_CASE("an error's place is the tensor, whole; its sentence quotes at most 200 bytes of a name") {
  const std::string name = "\xc3\xa9" + std::string(198, 'n') + "\xc3\xa9" + std::string(1000, 'm');
  const Failure found = failure([&] { parse("{" + u8(name, 1, 2) + "}", 2); });
  CHECK(found.where == name);
  CHECK(found.text.starts_with("tensor '\xc3\xa9" + std::string(198, 'n') + "'... (1202 bytes): its bytes begin"));
  const std::string odd = "n" + std::string(198, 'n') + "\xc3\xa9" + std::string(1000, 'm');
  CHECK(fault("{" + u8(odd, 1, 2) + "}", 2).starts_with("tensor '" + std::string(199, 'n') + "'... (1201 bytes)"));
}

TEST_CASE("a NUL in a name does not end the sentence") {
  const Failure found = failure([&] { parse("{" + u8("a\\u0000b", 1, 2) + "}", 2); });
  CHECK(found.where == std::string("a\0b", 3));
  CHECK(found.text.starts_with("tensor 'a\\0b': its bytes begin at 1"));
}
