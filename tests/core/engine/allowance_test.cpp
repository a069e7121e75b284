// SPDX-License-Identifier: Apache-2.0
#include "core/engine/allowance.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

TEST_CASE("less is tried with fewer threads and smaller windows, down to one thread") {
  RunOptions options;
  options.threads = 64;
  Allowance allowance(options);
  CHECK_NOTHROW(allowance.fail_if_less());
  unsigned tries = 0;
  const auto failed = failure([&] {
    for (;; ++tries) {
      const RunOptions before = allowance.options();
      allowance.take_less(tries == 0 ? "first" : "later");
      CHECK(allowance.options().memory_budget <= before.memory_budget);
      CHECK(allowance.options().threads <= before.threads);
    }
  });
  CHECK(tries >= 3);
  CHECK(tries < 20);
  CHECK(allowance.options().threads == 1);
  CHECK(failed.code == ErrorCode::resources);
  CHECK(failed.text.find("first") == 0);
  CHECK(failed.text.find("would do") != std::string::npos);
  CHECK(failure([&] { allowance.fail_if_less(); }).code == ErrorCode::resources);
}

TEST_CASE("a budget that somebody chose is never exceeded, and nothing is begun anew once the output is put in place") {
  RunOptions options;
  options.memory_budget = 300'000;
  bool told = false;
  options.on_commit = [&] { told = true; };
  Allowance allowance(options);
  allowance.take_less("short");
  CHECK(allowance.options().memory_budget <= 300'000);
  allowance.options().on_commit();
  CHECK(told);
  CHECK(failure([&] { allowance.take_less("late"); }).text.find("late") == 0);
}
