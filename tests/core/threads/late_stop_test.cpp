// SPDX-License-Identifier: Apache-2.0
#include "core/threads/late_stop.h"

#include <doctest/doctest.h>

#include <atomic>

#include "core/threads/hands.h"
#include "io/text/error.h"

using namespace ckmerge;

TEST_CASE("a late stop flag is had when it is first asked, once, and raised with the one that was had") {
  std::atomic<bool> raised = false;
  int had = 0;
  const StopFlag stop = late_stop([&] {
    ++had;
    return StopFlag(&raised);
  });
  const Hands hands{.threads = 3, .stop = stop};  // a copy is the same flag
  CHECK(had == 0);
  hands.share(1000, 1, [](uint64_t, uint64_t) {});
  CHECK_FALSE(stop.is_raised());
  CHECK(had == 1);
  raised = true;
  CHECK(stop.is_raised());
  CHECK_THROWS_AS(hands.check(), Error);
  CHECK(had == 1);
}
