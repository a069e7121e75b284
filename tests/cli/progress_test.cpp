// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "cli/progress.h"
#include "io/error.h"

using namespace ckmerge;
using namespace ckmerge::cli;

TEST_CASE("the bar says how far, how fast and how long, and fills the line") {
  const Progress half{.done = 5'000'000'000, .total = 10'000'000'000, .seconds = 4};
  CHECK(bar_line(half, 200) ==
        " 50% [####################....................] 5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(plain_line(half) == " 50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
}

TEST_CASE("the bar never wraps, however narrow the terminal and however odd the figures") {
  const Progress cases[] = {{0, 0, 0},
                            {0, 1, 0},
                            {0, UINT64_MAX, 1e9},
                            {1, UINT64_MAX, 1e9},
                            {UINT64_MAX, UINT64_MAX, 1e-9},
                            {999'999'999, 1'000'000'000, 123456}};
  for (const Progress& progress : cases)
    for (unsigned width = 0; width < 220; ++width) CHECK(bar_line(progress, width).size() < std::max(width, 1u));
}

TEST_CASE("auto is a bar on a terminal that can redraw, plain lines elsewhere") {
  Environment terminal, dumb;
  terminal.stderr_tty = dumb.stderr_tty = dumb.dumb = true;
  CHECK(parse_progress("auto", terminal) == ProgressKind::bar);
  CHECK(parse_progress("auto", dumb) == ProgressKind::plain);
  CHECK(parse_progress("auto", {}) == ProgressKind::plain);
  CHECK(parse_progress("bar", {}) == ProgressKind::bar);
  CHECK(parse_progress("none", terminal) == ProgressKind::none);
  CHECK_THROWS_AS(parse_progress("", {}), Error);
}
