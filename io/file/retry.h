// SPDX-License-Identifier: Apache-2.0
// System calls that a signal or a passing shortage ended are made again, but not for ever: a call that gives the same
// answer a thousand times has a fault, and a merge that spins in it can be neither understood nor stopped.
#pragma once

#include <time.h>

#include <cerrno>

namespace ckmerge {

/// What `call` returns once it neither fails with EINTR nor EAGAIN, or at the thousandth time. EAGAIN is waited out, a
/// millisecond a time: what the kernel lacks for the moment does not come back by asking faster.
auto retried(const auto& call) {
  constexpr int kTries = 1000;
  for (int tries = 1;; ++tries) {
    const auto result = call();
    if (result >= 0 || (errno != EINTR && errno != EAGAIN) || tries == kTries) return result;
    if (errno != EAGAIN) continue;
    const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
    nanosleep(&pause, nullptr);
    errno = EAGAIN;
  }
}

}  // namespace ckmerge
