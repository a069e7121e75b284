// SPDX-License-Identifier: Apache-2.0
#include "io/input_forms.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace ckmerge;
using namespace std::string_literals;

namespace {

std::string form(const std::string& bytes) { return input_form(std::as_bytes(std::span(bytes))).name; }

}  // namespace

TEST_CASE("zip archives and pickles are told from safetensors files whose header is as long") {
  CHECK(form("PK\3\4\0\0\x08\x08\0\0\0\0"s) == "torch zip");
  CHECK(form("PK\3\4\x14\0\0\0\0\0\0\0"s) == "torch zip");
  CHECK(form("PK\3\4\0\0\0\0{\"a\":"s) == "safetensors");  // a header of 67,324,752 bytes
  CHECK(form("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19."s) == "torch stream");
  CHECK(form("\x80\x04\x95\x10\0\0\0\0\0\0\0"s) == "pickle");
  CHECK(form("\x80\x02\0\0\0\0\0\0{\"a\":"s) == "safetensors");  // a header of 640 bytes
  CHECK(form("cckmerge_test_absent\n__call__\n)R."s) == "pickle");
}

TEST_CASE("what no form claims is left to the first, whose reader says what is wrong with it") {
  for (const std::string& bytes : {""s, "\xde\xad\xbe\xef\xde\xad\xbe\xef\xde"s, "code 404: no such file\n"s}) {
    CHECK(&input_form(std::as_bytes(std::span(bytes))) == &input_forms().front());
    CHECK(!input_forms().front().begins(std::as_bytes(std::span(bytes))));
  }
}

TEST_CASE("a name's extension says whether it may be a checkpoint") {
  for (const char* name : {"a.safetensors", "a.SFT", "a/b.ckpt", "a.b.Pth", "a.pt", "a.bin"})
    CHECK(is_called_like_a_form(name));
  for (const char* name : {"", ".ckpt", "ckpt", "a.gguf", "a.ckpt.bak", "bin"}) CHECK(!is_called_like_a_form(name));
}

TEST_CASE("every row has what is asked of it, and those that one word stands for in the registry agree") {
  std::set<std::string> names;
  for (const InputForm& row : input_forms()) {
    CHECK(names.insert(row.name).second);
    CHECK((row.begins && row.open));
    CHECK(has_tensor_sum(row.recorded) == (row.tensors_begin != nullptr));
  }
  CHECK(!has_tensor_sum("unknown"));
}
