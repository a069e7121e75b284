// SPDX-License-Identifier: Apache-2.0
#include "core/names/name_rewrite.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

std::string rewritten(const char* rule, std::string name) {
  const bool changed = NameRewrite("--rename", rule).apply(name);
  return (changed ? "" : "not: ") + name;
}

}  // namespace

TEST_CASE("every match is replaced, groups are put in") {
  CHECK(rewritten("^net\\.=model.", "net.a.net.b") == "model.a.net.b");
  CHECK(rewritten("a=b", "banana") == "bbnbnb");
  CHECK(rewritten("^(\\w+)\\.(\\d+)=\\2.\\1", "layer.12.w") == "12.layer.w");
  CHECK(rewritten("^=vae.", "decoder.w") == "vae.decoder.w");
  CHECK(rewritten("\\.weight_g$=.parametrizations.weight.original0", "c.weight_g") ==
        "c.parametrizations.weight.original0");
  CHECK(rewritten("x=a=b", "x") == "a=b");
  CHECK(rewritten("x=", "xa") == "a");
  CHECK(rewritten("x=y", "z") == "not: z");
}

TEST_CASE("rules that cannot be understood are refused") {
  for (const char* rule : {"", "net.", "=x", "(=x", "a=\\1", "a=\\", "a(?=b)=x"}) {
    const auto fault = failure([&] { NameRewrite("--rename", rule); });
    CHECK(fault.code == ErrorCode::usage);
    CHECK(fault.where == "--rename");
    CHECK(fault.text.starts_with("--rename '"));
  }
}
