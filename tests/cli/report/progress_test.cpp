// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "cli/options/progress_kind.h"
#include "cli/report/progress.h"

using namespace ckmerge;
using namespace ckmerge::cli;

TEST_CASE("the bar says how far, how fast and how long, and fills the line") {
  const Progress half{.done = 5'000'000'000, .total = 10'000'000'000, .seconds = 4};
  CHECK(bar_line(half, 200) ==
        " 50% [####################....................] 5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(plain_line(half) == " 50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
}

TEST_CASE("at its end nothing is left") {
  const Progress end{.done = 10'000'000'000, .total = 10'000'000'000, .seconds = 8};
  CHECK(plain_line(end) == "100%  10.0 GB of 10.0 GB, 1.25 GB/s");
  CHECK(bar_line(end, 20) == "100%");
}

TEST_CASE("a narrow terminal gets the facts that have room") {
  const Progress half{.done = 5'000'000'000, .total = 10'000'000'000, .seconds = 4};
  CHECK(bar_line(half, 60) == " 50% [######......] 5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(bar_line(half, 57) == " 50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(bar_line(half, 47) == " 50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(bar_line(half, 45) == " 50%, 4 s left");
  CHECK(bar_line(half, 15) == " 50%, 4 s left");
  CHECK(bar_line(half, 14) == " 50%");
  CHECK(bar_line(half, 10) == " 50%");
  CHECK(bar_line(half, 5) == " 50%");
  CHECK(bar_line(half, 4) == "");
  CHECK(bar_line(half, 1) == "");
  CHECK(bar_line(half, 0) == "");
}

TEST_CASE("a stage that does not merge is named") {
  const Progress hashing{.done = 5'000'000'000, .total = 10'000'000'000, .seconds = 4, .stage = Stage::hash};
  Progress verifying = hashing;
  verifying.stage = Stage::verify;
  CHECK(bar_line(hashing, 200).starts_with("hashing  50% [####"));
  CHECK(bar_line(verifying, 60) == "verifying  50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(bar_line(verifying, 20) == "verifying  50%");
  CHECK(bar_line(verifying, 10) == " 50%");
  CHECK(plain_line(hashing) == "hashing  50%  5.00 GB of 10.0 GB, 1.25 GB/s, 4 s left");
  CHECK(progress_event(hashing) ==
        "{\"event\":\"progress\",\"stage\":\"hash\",\"done\":5000000000,\"total\":10000000000,\"seconds\":4,"
        "\"rate\":1.25e+09}");
  CHECK(progress_event(verifying).starts_with("{\"event\":\"progress\",\"stage\":\"verify\","));
  CHECK(progress_event({}).starts_with("{\"event\":\"progress\",\"stage\":\"merge\","));
}

TEST_CASE("the bar never wraps, however narrow the terminal and however odd the figures") {
  const Progress cases[] = {{0, 0, 0},
                            {0, 1, 0},
                            {0, UINT64_MAX, 1e9},
                            {1, UINT64_MAX, 1e9},
                            {UINT64_MAX, UINT64_MAX, 1e-9},
                            {999'999'999, 1'000'000'000, 123456}};
  for (Progress progress : cases)
    for (const Stage stage : {Stage::hash, Stage::merge, Stage::verify})
      for (unsigned width = 0; width < 220; ++width) {
        progress.stage = stage;
        CHECK(bar_line(progress, width).size() < std::max(width, 1u));
      }
}

TEST_CASE("auto is a bar on a terminal that can redraw, plain lines elsewhere") {
  Environment terminal, dumb;
  terminal.stderr_tty = dumb.stderr_tty = dumb.dumb = true;
  CHECK(progress_kind(ProgressChoice::automatic, terminal) == ProgressKind::bar);
  CHECK(progress_kind(ProgressChoice::automatic, dumb) == ProgressKind::plain);
  CHECK(progress_kind(ProgressChoice::automatic, {}) == ProgressKind::plain);
  CHECK(progress_kind(ProgressChoice::bar, {}) == ProgressKind::bar);
  CHECK(progress_kind(ProgressChoice::bar, dumb) == ProgressKind::plain);
  CHECK(progress_kind(ProgressChoice::none, terminal) == ProgressKind::none);
}
