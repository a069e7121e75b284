// SPDX-License-Identifier: Apache-2.0
#include "io/folder/weight_index.h"

#include <doctest/doctest.h>

#include <string>

#include "io/text/error.h"
#include "io/text/sentence.h"

using namespace ckmerge;

namespace {

// What is wrong with it; empty: nothing.
std::string fault(std::string_view text) {
  try {
    const WeightIndex index(text);
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::malformed);
    return error.what();
  }
  return "";
}

std::string listing(std::string_view file) { return sentence(R"({"weight_map": {"x": ")", file, "\"}}"); }

}  // namespace

TEST_CASE("an index lists tensors by name, with their files") {
  const WeightIndex index(R"({"metadata": {"total_size": 24}, "weight_map":
    {"b": "model-00002-of-00002.safetensors", "a": "model-00001-of-00002.safetensors",
     "c": "model-00002-of-00002.safetensors"}})");
  REQUIRE(index.size() == 3);
  CHECK(index.tensor(0) == "a");
  CHECK(index.file_of(0) == "model-00001-of-00002.safetensors");
  CHECK(index.file_of(index.find("c")) == "model-00002-of-00002.safetensors");
  CHECK(index.find("d") == WeightIndex::npos);
  CHECK(index.files() ==
        std::vector<std::string>{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"});
  CHECK(index.has_metadata());
  CHECK(index.total_size() == 24);
}

TEST_CASE("an index may lack its metadata, or have other in it") {
  CHECK(!WeightIndex(listing("x.bin")).has_metadata());
  for (const char* metadata : {"{}", R"({"total_size": 2.5})", R"({"total_size": -1})", R"({"total_size": "24"})"}) {
    const WeightIndex index(sentence(R"({"metadata": )", metadata, R"(, "weight_map": {"x": "x.bin"}})"));
    CHECK(index.has_metadata());
    CHECK(!index.total_size());
  }
}

TEST_CASE("files that an index lists lie beside it") {
  for (const char* file : {"../x.bin", "/x.bin", "a/x.bin", "a\\\\x.bin"})
    CHECK(fault(listing(file)).find("leads out of its folder") != std::string::npos);
  for (const char* file : {"", ".", "..", "x\\u0000.bin"})
    CHECK(fault(listing(file)).find("is no file's name") != std::string::npos);
  CHECK(fault(listing("model..safetensors")).empty());
}

TEST_CASE("what is no index is refused") {
  for (const char* text : {"", "[]", "{}", "{", R"({"weight_map": []})", R"({"weight_map": {}})",
                           R"({"weight_map": {"x": null}})", R"({"weight_map": {"x": "a.bin"}, "metadata": 1})",
                           R"({"weight_map": {"x": "a.bin"}, "weight_map": {"x": "a.bin"}})",
                           R"({"weight_map": {"x": "a.bin", "\u0078": "a.bin"}})"})
    CHECK(!fault(text).empty());
}
