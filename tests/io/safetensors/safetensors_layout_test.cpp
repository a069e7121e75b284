// SPDX-License-Identifier: Apache-2.0
#include "io/safetensors/safetensors_layout.h"

#include <doctest/doctest.h>

#include <array>

#include "io/safetensors/safetensors_header.h"
#include "io/text/error.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;
using namespace std::string_literals;

namespace {

std::string header_of(std::vector<OutputTensor> tensors, const Metadata* metadata = nullptr) {
  return lay_out_safetensors(tensors, metadata).header;
}

}  // namespace

TEST_CASE("no tensors: an empty object, padded to eight bytes") {
  const OutputLayout layout = lay_out_safetensors({}, nullptr);
  CHECK(layout.header == "\x08\0\0\0\0\0\0\0{}      "s);
  CHECK(layout.file_size == 16);
}

TEST_CASE("the canonical layout, byte for byte as the reference writes it") {
  const std::array<uint64_t, 2> shape{2, 3};
  const std::array<uint64_t, 1> three{3};
  const std::vector<OutputTensor> tensors{{"b", Dtype::F16, shape, 12},
                                          {"a", Dtype::F16, three, 6},
                                          {"c", Dtype::I64, {}, 8},
                                          {"\"\n\xc3\xa9", Dtype::BOOL, three, 3}};
  const Metadata metadata{{"format", "pt"}};
  const OutputLayout layout = lay_out_safetensors(tensors, &metadata);
  CHECK(layout.header ==
        "\0\x01\0\0\0\0\0\0"s
        R"({"__metadata__":{"format":"pt"},"c":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
        R"("a":{"dtype":"F16","shape":[3],"data_offsets":[8,14]},)"
        R"("b":{"dtype":"F16","shape":[2,3],"data_offsets":[14,26]},)"
        "\"\\\"\\n\xc3\xa9\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[26,29]}}");
  CHECK(layout.header.size() == 8 + 0x100);
  CHECK(layout.order == std::vector<uint32_t>{2, 1, 0, 3});
  const uint64_t data = layout.header.size();
  CHECK(layout.offsets == std::vector<uint64_t>{data + 14, data + 8, data, data + 26});
  CHECK(layout.file_size == data + 29);
}

TEST_CASE("tensors go by dtype rank from the highest, whatever their names") {
  std::vector<OutputTensor> tensors;
  std::vector<std::string> names;
  for (size_t i = 0; i < kDtypeCount; ++i) names.push_back(std::string(1, static_cast<char>('a' + i)));
  for (size_t i = 0; i < kDtypeCount; ++i) tensors.push_back({names[i], kDtypes[i].dtype, {}, 8});
  const std::vector<uint32_t> order = lay_out_safetensors(tensors, nullptr).order;
  for (size_t k = 0; k < order.size(); ++k) CHECK(order[k] == kDtypeCount - 1 - k);
}

TEST_CASE("every tensor of whole bytes is aligned to its elements") {
  const std::array<uint64_t, 1> shape{3};
  std::vector<OutputTensor> tensors;
  for (const DtypeInfo& dtype : kDtypes)
    if (dtype.bits >= 8) tensors.push_back({dtype.name, dtype.dtype, shape, 3u * dtype.bits / 8});
  const OutputLayout layout = lay_out_safetensors(tensors, nullptr);
  for (size_t i = 0; i < tensors.size(); ++i) CHECK(layout.offsets[i] % element_size(tensors[i].dtype) == 0);
}

TEST_CASE("metadata is absent, empty or sorted by key") {
  CHECK(header_of({}, nullptr).substr(8) == "{}      ");
  const Metadata none;
  CHECK(header_of({}, &none).substr(8) == "{\"__metadata__\":{}}     ");
  const Metadata several{{"b", "2"}, {"a", "1\t"}, {"B", "3"}};
  CHECK(header_of({}, &several).substr(8) == R"({"__metadata__":{"B":"3","a":"1\t","b":"2"}}    )");
}

TEST_CASE("the padded header is a multiple of eight and no longer than needed") {
  for (size_t size = 0; size < 20; ++size) {
    const std::string name(size, 'n');
    const std::string header = header_of({{name, Dtype::U8, {}, 1}});
    CHECK(header.size() % 8 == 0);
    CHECK(header[header.size() - 8] != ' ');
  }
}

TEST_CASE("a header at the format's cap is written, one step above is refused") {
  // {"NAME":{"dtype":"U8","shape":[],"data_offsets":[0,1]}} is 51 bytes beside the name.
  const std::string name(kMaxHeaderSize - 51, 'n');
  CHECK(header_of({{name, Dtype::U8, {}, 1}}).size() == 8 + kMaxHeaderSize);
  const std::string longer = name + "n";
  const Failure found = failure([&] { header_of({{longer, Dtype::U8, {}, 1}}); });
  CHECK(found.code == ErrorCode::resources);
  CHECK(found.text ==
        "the output's header would take 100000008 bytes, the format allows 100000000; write a .ckpt, which has room "
        "for more names (--format ckpt), or leave out tensors (--discard)");
  const Metadata metadata{{"format", "pt"}, {"more", std::string(1000, 'm')}};
  const std::string shorter(kMaxHeaderSize - 1000, 'n');
  const Failure with_metadata = failure([&] { header_of({{shorter, Dtype::U8, {}, 1}}, &metadata); });
  CHECK(with_metadata.text ==
        "the output's header would take 100000096 bytes, the format allows 100000000; leave out metadata (--metadata "
        "none)");
}

TEST_CASE("a tensor called as the metadata is has no place in a header") {
  const Failure found = failure([] { header_of({{"__metadata__", Dtype::U8, {}, 1}}); });
  CHECK(found.code == ErrorCode::mismatch);
  CHECK(found.where == "__metadata__");
}

TEST_CASE("tensors of more bytes than a file can count are refused") {
  const uint64_t half = uint64_t{1} << 63;
  const Failure found = failure([&] { header_of({{"a", Dtype::U8, {}, half}, {"b", Dtype::U8, {}, half}}); });
  CHECK(found.code == ErrorCode::resources);
}

TEST_CASE("what is laid out reads back as the same tensors") {
  const std::array<uint64_t, 3> shape{5, 0, 7};
  const std::array<uint64_t, 1> four{4};
  const std::vector<OutputTensor> tensors{
      {"z", Dtype::F8_E4M3, four, 4}, {"", Dtype::F32, shape, 0}, {"m", Dtype::F4, four, 2}};
  const OutputLayout layout = lay_out_safetensors(tensors, nullptr);
  const auto json = std::as_bytes(std::span(layout.header)).subspan(8);
  const Header header = parse_header(json, layout.file_size);
  REQUIRE(header.tensors.size() == 3);
  CHECK(header.tensors[0].name == "");
  CHECK(header.tensors[0].shape.size() == 3);
  CHECK(header.tensors[1].offset == layout.offsets[2]);
  CHECK(header.tensors[2].offset == layout.offsets[0]);
}
