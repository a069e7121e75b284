// SPDX-License-Identifier: Apache-2.0
// Checkpoints in memory as inputs of calls. What the engine does with them is tests/io and tests/core's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "tests/cli/capi/calls.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

constexpr uint64_t kShape[] = {2, 3}, kTransposed[] = {1, 2};
constexpr float kValues[] = {1, 2, 3, 4, 5, 6}, kColumns[] = {1, 4, 2, 5, 3, 6};

ckmerge_tensor tensor(const char* name, const float* data) {
  return {.name = name, .dtype = "F32", .shape = kShape, .strides = nullptr, .rank = 2, .flags = 0, .data = data};
}

ckmerge_tensors table(const char* name, const ckmerge_tensor& one) {
  return {.name = name, .tensors = &one, .count = 1, .metadata = nullptr, .read = nullptr, .context = nullptr};
}

ckmerge_call_options with(const ckmerge_tensors& tables, size_t count = 1) {
  ckmerge_call_options options{};
  options.size = sizeof options;
  options.tensors = &tables;
  options.tensors_count = count;
  return options;
}

std::string convert(const std::string& out, const std::string& input = "memory:m") {
  return R"({"command": "convert", "inputs": [)" + quoted(input) + R"(], "options": {"output": )" + quoted(out) +
         R"(, "no-fsync": true, "force": true}})";
}

std::string refusal(ckmerge_session* session, const ckmerge_tensors& bad, size_t count = 1) {
  const ckmerge_call_options options = with(bad, count);
  const Answer answer = call(session, R"({"command": "inspect", "inputs": ["memory:m"]})", &options);
  CHECK(answer.code == 2);
  return answer.text_at("error.message");
}

int read_values(void* context, size_t number, uint64_t offset, uint64_t size, void* to) {
  if (number != 0 || offset + size > sizeof kValues) return 1;
  std::memcpy(to, static_cast<const char*>(context) + offset, size);
  return 0;
}

}  // namespace

TEST_CASE("a checkpoint in memory is saved as the same in a file") {
  const TempFolder folder;
  const std::string out = folder / "out.safetensors";
  const std::vector<float> expected(std::begin(kValues), std::end(kValues));
  const Session session;
  ckmerge_tensor one = tensor("w", kValues);
  ckmerge_tensors m = table("m", one);
  SUBCASE("that lies in order") {}
  SUBCASE("whose elements have strides") {
    one.data = kColumns;
    one.strides = kTransposed;
  }
  SUBCASE("that is read by a function") {
    one.data = nullptr;
    m.read = read_values;
    m.context = const_cast<float*>(kValues);
  }
  const ckmerge_call_options options = with(m);
  const Answer answer = call(session, convert(out), &options);
  REQUIRE_MESSAGE(answer.code == 0, answer.text);
  CHECK(f32_values(out, "w") == expected);
}

TEST_CASE("a checkpoint in memory and a file are merged, with its metadata") {
  const TempFolder folder;
  const std::string b = write_file(folder / "b.safetensors", {f32("w", {2, 3}, {3, 4, 5, 6, 7, 8})});
  const ckmerge_tensor one = tensor("w", kValues);
  ckmerge_tensors m = table("m", one);
  m.metadata = R"({"title": "of memory"})";
  const ckmerge_call_options options = with(m);
  const Session session;
  const Answer merged = call(session,
                             R"({"command": "merge", "inputs": ["memory:m", )" + quoted(b) +
                                 R"(], "options": {"output": )" + quoted(folder / "out.safetensors") + "}}",
                             &options);
  REQUIRE_MESSAGE(merged.code == 0, merged.text);
  CHECK(f32_values(folder / "out.safetensors", "w") == std::vector<float>{2, 3, 4, 5, 6, 7});
  CHECK(read_file(folder / "out.safetensors").find("of memory") != std::string::npos);
  const Answer inspected = call(session, R"({"command": "inspect", "inputs": ["memory:m"]})", &options);
  CHECK(inspected.code == 0);
}

TEST_CASE("a function that cannot read ends the call") {
  const TempFolder folder;
  ckmerge_tensor one = tensor("w", nullptr);
  ckmerge_tensors m = table("m", one);
  m.read = [](void*, size_t, uint64_t, uint64_t, void*) { return 7; };
  const ckmerge_call_options options = with(m);
  const Session session;
  CHECK(call(session, convert(folder / "out.safetensors"), &options).code == 1);
  CHECK(folder.names().empty());
}

TEST_CASE("tables that are none are refused") {
  const Session session;
  const ckmerge_tensor good = tensor("w", kValues);
  const ckmerge_tensors m = table("m", good);
  const auto with_tensor = [&](const auto& spoil) {
    ckmerge_tensor bad = good;
    spoil(bad);
    return refusal(session, table("m", bad));
  };
  CHECK(with_tensor([](ckmerge_tensor& t) { t.name = nullptr; }) == "memory:m: tensor 0 has no name");
  CHECK(with_tensor([](ckmerge_tensor& t) { t.dtype = nullptr; }) == "memory:m: tensor 0 has no dtype");
  CHECK(with_tensor([](ckmerge_tensor& t) { t.shape = nullptr; }) == "memory:m: tensor 0 has no shape");
  CHECK(with_tensor([](ckmerge_tensor& t) { t.flags = 2; }) == "memory:m: tensor 0 has flags that are not known");
  CHECK(with_tensor([](ckmerge_tensor& t) {
          t.flags = CKMERGE_TENSOR_ASKED;
        }).starts_with("memory:m: tensor 0 has neither data nor"));
  CHECK(with_tensor([](ckmerge_tensor& t) { t.data = nullptr; }).starts_with("memory:m: tensor 0 has neither data"));
  CHECK(!with_tensor([](ckmerge_tensor& t) { t.dtype = "F17"; }).empty());
  CHECK(!with_tensor([](ckmerge_tensor& t) { t.name = "\xff"; }).empty());

  ckmerge_tensors bad = m;
  bad.tensors = nullptr;
  CHECK(refusal(session, bad) == "memory:m: its tensors are NULL");
  bad = m;
  bad.name = nullptr;
  CHECK(refusal(session, bad) == "a checkpoint in memory has no name");
  for (const char* const metadata : {"[]", "{\"a\": 1}", "no JSON", "{\"a\": \"b\", \"a\": \"c\"}"}) {
    bad = m;
    bad.metadata = metadata;
    CHECK(refusal(session, bad).starts_with("memory:m: its metadata"));
  }
  const ckmerge_tensors twice[] = {m, m};
  CHECK(refusal(session, twice[0], 2) == "memory:m: is handed over twice");
  const ckmerge_tensors other = table("mm", good);
  CHECK(refusal(session, other).ends_with("; did you mean 'memory:mm'?"));
  CHECK(call(session, R"({"command": "inspect", "inputs": ["memory:m"]})").code == 2);
}

TEST_CASE("a file may be called like a checkpoint in memory") {
  const TempFolder folder;
  const std::string path = write_file(folder / "memory:m", {f32("w", {1}, {1})});
  const Session session;
  CHECK(call(session, R"({"command": "inspect", "inputs": [)" + quoted(path) + "]}").code == 0);
}
