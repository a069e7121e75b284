// SPDX-License-Identifier: Apache-2.0
#include "cli/system/notify.h"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::cli;
using namespace ckmerge::test;

TEST_CASE("an address is taken apart") {
  const NotifyAddress plain = parse_notify_url("http://127.0.0.1:7860");
  CHECK(plain.host == "127.0.0.1");
  CHECK(plain.port == "7860");
  CHECK(plain.authority == "127.0.0.1:7860");
  CHECK(plain.path.empty());
  CHECK(plain.authorization.empty());
  const NotifyAddress full = parse_notify_url("http://me:pa@ss@[fe80::1]:80/a/b//");
  CHECK(full.host == "fe80::1");
  CHECK(full.port == "80");
  CHECK(full.authority == "[fe80::1]:80");
  CHECK(full.path == "/a/b");
  CHECK(full.authorization == "me:pa@ss");
  CHECK(parse_notify_url("http://h").port == "80");
  CHECK(parse_notify_url("http://[::1]/").host == "::1");
}

TEST_CASE("what is no address is refused") {
  for (const char* const url : {"", "http:", "http://", "http:///x", "h:1", "http://h:", "http://h:0", "http://h:99999",
                                "http://h:1x", "http://h\n", "http://h/\x80", "http://h#x", "http://[::1", "HTTP://h"})
    CHECK_MESSAGE(failure([&] { parse_notify_url(url); }).code == ErrorCode::usage, url);
  for (const char* const url : {"https://me:secret@h", "http://me:secret@h:x", "me:secret@h", "http://me:secret",
                                "http://me:secret@/x", "http://me:secret@h#x", "http://me:se@secret@h:0"}) {
    const std::string text = failure([&] { parse_notify_url(url); }).text;
    CHECK_MESSAGE(text.find("secret") == std::string::npos, text);
  }
  CHECK(failure([] { parse_notify_url("https://h"); }).text.find("does not speak") != std::string::npos);
}

TEST_CASE("user and password come from the environment, or from a file that it names") {
  const TempFolder folder;
  CHECK(notify_authorization("").empty());
  CHECK(notify_authorization("me:se:cret") == "me:se:cret");
  std::ofstream(folder / "auth") << "me:secret\nmore\n";
  CHECK(notify_authorization("@" + (folder / "auth")) == "me:secret");
  std::ofstream(folder / "bad") << "secret";
  for (const std::string& value : {std::string("secret"), "@" + (folder / "bad"), "@" + (folder / "none")}) {
    const auto failed = failure([&] { notify_authorization(value); });
    CHECK(failed.code == (value.ends_with("none") ? ErrorCode::io : ErrorCode::usage));
    CHECK_MESSAGE(failed.text.find("secret") == std::string::npos, failed.text);
  }
}
