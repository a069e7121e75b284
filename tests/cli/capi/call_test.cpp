// SPDX-License-Identifier: Apache-2.0
// Single calls: answers, failures of every class, what is told meanwhile, and what ends them.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>

#include "tests/cli/capi/calls.h"
#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

std::string checkpoint(const TempFolder& folder, const std::string& name, uint64_t seed, uint64_t elements = 1000) {
  return write_file(folder / name, {random("w", Dtype::F32, {elements}, seed)});
}

std::string merge(const std::string& a, const std::string& b, const std::string& out, const std::string& more = "") {
  return R"({"command": "merge", "inputs": [)" + quoted(a) + ", " + quoted(b) + R"(], "options": {"output": )" +
         quoted(out) + more + "}}";
}

bool opens(const char* settings) {
  const Session session(settings);
  return static_cast<ckmerge_session*>(session) != nullptr;
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

}  // namespace

TEST_CASE("the library says what it is") {
  CHECK(std::string(ckmerge_version()) == CKMERGE_VERSION);
  CHECK(ckmerge_interface() == CKMERGE_INTERFACE);
  ckmerge_free(nullptr);
  ckmerge_close(nullptr);
}

TEST_CASE("settings are texts and switches that are known") {
  CHECK(opens(nullptr));
  CHECK(opens("{}"));
  CHECK(opens(R"({"registry": "/nonexistent/r.db", "hash_cache": "", "isa": "", "home": "", "notify_auth": "",
                    "sigbus_guard": true, "environment": true})"));
  const auto refused = [](const char* settings) {
    CHECK(!opens(settings));
    return std::string(ckmerge_last_error());
  };
  CHECK(refused("") == "settings: it is not valid JSON: Empty: no JSON found");
  CHECK(refused("[]").starts_with("settings: they are an object"));
  CHECK(refused(R"({"regitsry": ""})") == "settings: there is no 'regitsry'; did you mean 'registry'?");
  CHECK(refused(R"({"registry": 1})") == "settings: 'registry' is a text");
  CHECK(refused(R"({"sigbus_guard": "yes"})") == "settings: 'sigbus_guard' is true or false");
}

TEST_CASE("a merge is answered by its report") {
  const TempFolder folder;
  const std::string a = checkpoint(folder, "a.safetensors", 1), b = checkpoint(folder, "b.safetensors", 2);
  const Session session;
  const Answer plan = call(session, R"({"command": "plan", "inputs": [)" + quoted(a) + ", " + quoted(b) + "]}");
  CHECK(plan.code == 0);
  CHECK(plan.at("tensors"));
  const Answer merged = call(session, merge(a, b, folder / "out.safetensors", R"(, "alpha": 0.25)"));
  REQUIRE(merged.code == 0);
  CHECK(merged.at("run.seconds"));
  CHECK(!merged.text.ends_with('\n'));
  CHECK(tensor_bytes(folder / "out.safetensors", "w").size() == 4000);
  CHECK(ckmerge_call(session, R"({"command": "methods"})", nullptr, nullptr) == 0);
}

TEST_CASE("every class of failure has its code and its document") {
  const TempFolder folder;
  const std::string a = checkpoint(folder, "a.safetensors", 1), b = checkpoint(folder, "b.safetensors", 2);
  const std::string other = write_file(folder / "other.safetensors", {f32("v", {1}, {1})});
  const std::string out = folder / "out.safetensors", broken = folder / "broken.safetensors", sums = folder / "SUMS";
  write_text(broken, "no checkpoint");
  write_text(sums, std::string(64, '0') + "  " + a + "\n");
  const Session session;
  const auto fails = [&](int code, const char* name, const std::string& request) {
    const Answer answer = call(session, request);
    CHECK_MESSAGE(answer.code == code, answer.text);
    CHECK(answer.text_at("error.code") == name);
    CHECK(answer.text_at("error.exit") == std::to_string(code));
    CHECK(!answer.text_at("error.message").empty());
    CHECK(ckmerge_last_error() == answer.text_at("error.message"));
  };
  fails(1, "io", merge(a, folder / "missing.safetensors", out));
  fails(2, "usage", "no JSON");
  fails(2, "usage", merge(a, b, out, R"(, "alpha": "x")"));
  fails(2, "usage", merge(a, b, a));
  fails(3, "malformed", merge(a, broken, out));
  fails(4, "mismatch", merge(a, other, out));
  fails(5, "resources", merge(a, b, out, R"(, "memory": 1)"));
  fails(6, "difference", R"({"command": "hash", "options": {"check": )" + quoted(sums) + "}}");
  CHECK(!std::filesystem::exists(out));
}

TEST_CASE("what is missing of a call is a failure, too") {
  char* text = nullptr;
  CHECK(ckmerge_call(nullptr, "{}", nullptr, &text) == 2);
  CHECK(std::string(text).find("not NULL") != std::string::npos);
  ckmerge_free(text);
  const Session session;
  CHECK(ckmerge_call(session, nullptr, nullptr, nullptr) == 2);
}

TEST_CASE("options of an older and of a later header") {
  const Session session;
  const char* const request = R"({"command": "methods"})";
  struct {
    ckmerge_call_options known{};
    std::array<char, 16> later{};
  } options;
  options.known.size = sizeof options;
  CHECK(ckmerge_call(session, request, &options.known, nullptr) == 0);
  options.later[3] = 1;
  CHECK(ckmerge_call(session, request, &options.known, nullptr) == 2);
  CHECK(std::string(ckmerge_last_error()).find("a later one does") != std::string::npos);

  Told told;
  ckmerge_call_options older = told.options();
  older.size = offsetof(ckmerge_call_options, progress);
  const TempFolder folder;
  const std::string a = checkpoint(folder, "a.safetensors", 1), b = checkpoint(folder, "b.safetensors", 2);
  CHECK(call(session, merge(a, b, folder / "out.safetensors"), &older).code == 0);
  CHECK(told.events.empty());
}

TEST_CASE("progress is told from start to finish, one object at a time") {
  const TempFolder folder;
  const std::string a = checkpoint(folder, "a.safetensors", 1), b = checkpoint(folder, "b.safetensors", 2);
  const Session session;
  Told told;
  const ckmerge_call_options options = told.options();
  REQUIRE(call(session, merge(a, b, folder / "out.safetensors"), &options).code == 0);
  REQUIRE(told.events.size() >= 3);
  CHECK(told.events.front().starts_with(R"({"event":"start","total":)"));
  CHECK(told.events[1].starts_with(R"({"event":"progress","stage":"merge","done":0,)"));
  CHECK(told.events.back().starts_with(R"({"event":"finish","done":)"));
  for (const std::string& event : told.events) CHECK(parse_json(event).kind == JsonValue::Kind::object);
  CHECK(told.sentences.empty());
}

TEST_CASE("a call ends where its caller wants it to, and leaves nothing behind") {
  const TempFolder folder;
  const std::string a = checkpoint(folder, "a.safetensors", 1), b = checkpoint(folder, "b.safetensors", 2);
  const std::string out = folder / "out.safetensors";
  const Session session;
  SUBCASE("by its answer to an event") {
    Told told{.events = {}, .sentences = {}, .answer_to_events = 1};
    const ckmerge_call_options options = told.options();
    const Answer answer = call(session, merge(a, b, out), &options);
    CHECK(answer.code == 130);
    CHECK(answer.text_at("error.code") == "interrupted");
    CHECK(answer.text_at("error.exit") == "130");
  }
  SUBCASE("by its flag") {
    const int stop = 1;
    ckmerge_call_options options{};
    options.size = sizeof options;
    options.stop = &stop;
    CHECK(call(session, merge(a, b, out), &options).code == 130);
    CHECK(call(session, R"({"command": "hash", "inputs": [)" + quoted(a) + "]}", &options).code == 130);
    CHECK(call(session, merge(a, b, folder / "sweep/", R"(, "sweep": "alpha=0,1")"), &options).code == 130);
  }
  CHECK(folder.names() == std::vector<std::string>{"a.safetensors", "b.safetensors"});
}

TEST_CASE("what is said besides is told as a sentence") {
  const TempFolder folder;
  const std::string registry = folder / "registry.db";
  write_text(registry, std::string(5000, 'x'));
  const Session session((R"({"registry": )" + quoted(registry) + "}").c_str());
  Told told;
  const ckmerge_call_options options = told.options();
  const Answer answer = call(session, R"({"command": "list"})", &options);
  CHECK(answer.code == 0);
  REQUIRE(told.sentences.size() == 1);
  CHECK(told.sentences[0].starts_with("the registry " + registry + " was damaged; it is kept as "));
}

TEST_CASE("the description is one document, the same each time") {
  const Session session;
  char* const first = ckmerge_describe(session);
  char* const second = ckmerge_describe(nullptr);
  REQUIRE(first);
  CHECK(std::string(first) == second);
  const JsonValue described = parse_json(first);
  CHECK(described.keys == std::vector<std::string>{"version", "interface", "commands", "options", "methods", "dtypes",
                                                   "architectures", "input_forms", "output_forms", "exit_codes"});
  ckmerge_free(first);
  ckmerge_free(second);
}
