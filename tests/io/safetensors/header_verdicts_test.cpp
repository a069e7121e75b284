// SPDX-License-Identifier: Apache-2.0
// What the reader accepts and what it makes of it. Verdicts marked (reference) were taken from the reference library,
// 0.8.0; tests/conformance compares thousands more.
#include <doctest/doctest.h>

#include <vector>

#include "io/text/error.h"
#include "tests/io/safetensors/header_text.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::vector<uint64_t> shape_of(const Tensor& tensor) { return {tensor.shape.begin(), tensor.shape.end()}; }

std::string nested(int depth) { return std::string(depth, '[') + "1" + std::string(depth, ']'); }

std::string with_extra_field(const std::string& value) {
  return R"({"a":{"dtype":"U8","shape":[1],"extra":)" + value + R"(,"data_offsets":[0,1]}})";
}

}  // namespace

TEST_CASE("a tensor comes out with its dtype, shape, count and place in the file") {
  const std::string json = one_tensor("\"F32\"", "[2,3]", "[0,24]");
  const Header header = parse(json, 24);
  REQUIRE(header.tensors.size() == 1);
  const Tensor tensor = header.tensors[0];
  CHECK(tensor.name == "a");
  CHECK(tensor.dtype == Dtype::F32);
  CHECK(shape_of(tensor) == std::vector<uint64_t>{2, 3});
  CHECK(tensor.count == 6);
  CHECK(tensor.size == 24);
  CHECK(tensor.offset == 8 + json.size());
  CHECK(header.size == json.size());
  CHECK(!header.has_metadata);
}

TEST_CASE("tensors are sorted by name, wherever their bytes are") {
  const Header header = parse("{" + u8("b", 0, 1) + "," + u8("c", 3, 4) + "," + u8("a", 1, 3) + "}", 4);
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "a");
  CHECK(header.tensors[0].offset == header.tensors[1].offset + 1);
  CHECK(header.tensors[2].offset == header.tensors[1].offset + 3);
}

TEST_CASE("every dtype of the format is known by its name, with its bits") {
  for (const DtypeInfo& dtype : kDtypes) {
    CAPTURE(dtype.name);
    const std::string size = std::to_string(dtype.bits * 4 / 8);
    const Header header =
        parse(one_tensor("\"" + std::string(dtype.name) + "\"", "[4]", "[0," + size + "]"), dtype.bits * 4 / 8);
    CHECK(header.tensors[0].dtype == dtype.dtype);
  }
}

TEST_CASE("a dtype is spelled in capitals, and escapes in it are read") {
  CHECK(!accepts(one_tensor("\"u8\"", "[1]", "[0,1]"), 1));
  CHECK(!accepts(one_tensor("\"U8 \"", "[1]", "[0,1]"), 1));
  CHECK(!accepts(one_tensor("\"\"", "[1]", "[0,1]"), 1));
  CHECK(accepts(one_tensor("\"\\u0055\\u0038\"", "[1]", "[0,1]"), 1));  // (reference)
}

TEST_CASE("no tensors, scalars, empty tensors and rank 64 are legal") {
  CHECK(parse("{}", 0).tensors.size() == 0);
  CHECK(parse(" \t\r\n{ \t\r\n} \t\r\n", 0).tensors.size() == 0);
  CHECK(parse(one_tensor("\"F64\"", "[]", "[0,8]"), 8).tensors[0].count == 1);
  CHECK(parse(one_tensor("\"F64\"", "[2,0]", "[0,0]"), 0).tensors[0].count == 0);
  std::string ones = "[1";
  for (int i = 1; i < 64; ++i) ones += ",1";
  CHECK(parse(one_tensor("\"U8\"", ones + "]", "[0,1]"), 1).tensors[0].shape.size() == 64);
}

TEST_CASE("empty tensors may stand at every border") {
  CHECK(accepts("{" + u8("a", 0, 0) + "," + u8("b", 0, 2) + "," + u8("c", 2, 2) + "," + u8("d", 2, 2) + "}", 2));
  CHECK(!accepts("{" + u8("a", 0, 2) + "," + u8("b", 1, 1) + "}", 2));  // inside another
  CHECK(!accepts("{" + u8("a", 0, 2) + "," + u8("b", 3, 3) + "}", 2));  // behind the end
}

TEST_CASE("overflow is judged from left to right, before emptiness (reference)") {
  CHECK(accepts(one_tensor("\"U8\"", "[0,9223372036854775808,4]", "[0,0]"), 0));
  CHECK(!accepts(one_tensor("\"U8\"", "[9223372036854775808,4,0]", "[0,0]"), 0));
  CHECK(accepts(one_tensor("\"U8\"", "[0,18446744073709551615]", "[0,0]"), 0));
}

TEST_CASE("sizes that wrap around to something small are refused") {
  CHECK(!accepts(one_tensor("\"U8\"", "[4294967296,4294967296]", "[0,0]"), 0));                  // elements wrap to 0
  CHECK(!accepts(one_tensor("\"F32\"", "[4611686018427387904]", "[0,0]"), 0));                   // bytes wrap to 0
  CHECK(!accepts(one_tensor("\"U8\"", "[2305843009213693952]", "[0,2305843009213693952]"), 0));  // bits wrap to 0
  CHECK(!accepts(one_tensor("\"U8\"", "[18446744073709551614,18446744073709551614]", "[0,4]"), 4));
  CHECK(!accepts(one_tensor("\"U8\"", "[9223372036854775807,9223372036854775807]", "[0,1]"), 1));
}

TEST_CASE("4- and 6-bit elements must make whole bytes") {
  CHECK(accepts(one_tensor("\"F4\"", "[2]", "[0,1]"), 1));
  CHECK(accepts(one_tensor("\"F6_E2M3\"", "[4]", "[0,3]"), 3));
  CHECK(!accepts(one_tensor("\"F4\"", "[1]", "[0,0]"), 0));
  CHECK(!accepts(one_tensor("\"F4\"", "[1,3]", "[0,1]"), 1));
  CHECK(!accepts(one_tensor("\"F6_E3M2\"", "[2]", "[0,1]"), 1));
}

TEST_CASE("numbers are whole, not negative, below 2^64 and spelled plainly") {
  for (const char* number : {"1.0", "1e0", "-1", "01", "+1", "0x1", "18446744073709551616", "\"1\"", "null", "true"}) {
    CAPTURE(number);
    CHECK(!accepts(one_tensor("\"U8\"", std::string("[") + number + "]", "[0,1]"), 1));
    CHECK(!accepts(one_tensor("\"U8\"", "[1]", std::string("[0,") + number + "]"), 1));
  }
  CHECK(accepts(one_tensor("\"U8\"", "[-0]", "[-0,0]"), 0));  // looser than the reference, docs/format.md
}

TEST_CASE("names hold any text, escaped or not, of any length") {
  const auto name_of = [](const std::string& json) {
    return std::string(parse("{" + u8(json, 0, 1) + "}", 1).tensors[0].name);
  };
  CHECK(name_of("") == "");
  CHECK(name_of("\\u0000\\n\\\"\\\\\\/") == std::string("\0\n\"\\/", 5));
  CHECK(name_of("\x7f") == "\x7f");
  CHECK(name_of("\\ud83d\\ude00") == "\U0001F600");
  CHECK(name_of("\xc3\xa9\xef\xbf\xbf\xe2\x80\xae") == "\xc3\xa9\xef\xbf\xbf\xe2\x80\xae");
  const std::string megabyte(1 << 20, 'n');
  CHECK(name_of(megabyte) == megabyte);
}

TEST_CASE("names that are not Unicode are refused (reference)") {
  for (const char* name : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc3", "\\ud800", "\\udc00",
                           "\\ud800\\ud800", "\\ud800a", "\\udc00\\ud800", "\x01", "\n", "\\x41", "\\u12"}) {
    CAPTURE(name);
    CHECK(!accepts("{" + u8(name, 0, 1) + "}", 1));
  }
}

TEST_CASE("metadata is absent, null, empty or strings") {
  const std::string tensor = u8("a", 0, 1);
  CHECK(!parse("{\"__metadata__\":null," + tensor + "}", 1).has_metadata);
  const Header empty = parse("{\"__metadata__\":{}," + tensor + "}", 1);
  CHECK(empty.has_metadata);
  CHECK(empty.metadata.empty());
  const Header found = parse("{" + tensor + ",\"__metad\\u0061ta__\":{\"z\":\"1\",\"format\":\"pt\"}}", 1);
  CHECK(found.metadata == Metadata{{"format", "pt"}, {"z", "1"}});
  CHECK(found.tensors.size() == 1);
  for (const char* value : {"[]", "\"\"", "1", "{\"a\":null}", "{\"a\":1}", "{\"a\":{}}", "[\"U8\",[1],[0,1]]"})
    CHECK(!accepts("{\"__metadata__\":" + std::string(value) + "," + tensor + "}", 1));
}

TEST_CASE("of equal metadata keys the last counts (reference)") {
  const Header header = parse(R"({"__metadata__":{"b":"1","a":"2","b":"3","a":"4","b":"5"}})", 0);
  CHECK(header.metadata == Metadata{{"a", "4"}, {"b", "5"}});
}

TEST_CASE("fields that nobody reads may hold any JSON (reference)") {
  for (const char* value : {"null", "-0", "[1,2.5e300,{}]", "1e-999", "{\"dtype\":1,\"dtype\":2}", "\"\\u00e9\""})
    CHECK(accepts(with_extra_field(value), 1));
  for (const char* value : {"tru", "1.", "-", "1e999", "\"\\ud800\"", "\"\x01\"", "[1,]", "{1:2}", "nan", "'x'"})
    CHECK(!accepts(with_extra_field(value), 1));
  CHECK(!accepts(with_extra_field("123456789012345678901234567890"), 1));  // stricter, docs/format.md
}

TEST_CASE("nesting goes as deep as in the reference") {
  CHECK(accepts(with_extra_field(nested(125)), 1));
  CHECK(!accepts(with_extra_field(nested(126)), 1));
  CHECK(!accepts(with_extra_field(std::string(500, '[')), 1));
}

TEST_CASE("what is not one JSON object is refused") {
  for (const char* json : {"", " ", "[]", "null", "\"a\"", "{", "}", "{}}", "{{}", "{}x", "{}\f", "\xef\xbb\xbf{}",
                           "{,}", "{\"a\"}", "{1:2}", "{} {}", "{\"a\":1},{\"b\":2}", "\xff"}) {
    CAPTURE(json);
    CHECK(!accepts(json, 0));
  }
  CHECK(!accepts("{" + u8("a", 0, 1) + ",}", 1));
  CHECK(!accepts("{," + u8("a", 0, 1) + "}", 1));
  CHECK(!accepts("{" + u8("a", 0, 1) + ",," + u8("b", 1, 1) + "}", 1));
  CHECK(!accepts("{},\"__metadata__\":{\"format\":\"pt\"}}", 0));  // writers before 0.5, metadata without tensors
}

TEST_CASE("a header is refused that its file cannot hold") {
  const std::string json = "{}";
  CHECK_THROWS_AS(parse_header(std::as_bytes(std::span(json)), 9), Error);
  CHECK_THROWS_AS(parse_header(std::as_bytes(std::span(json)), 0), Error);
}
