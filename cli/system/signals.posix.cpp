// SPDX-License-Identifier: Apache-2.0
#include "cli/system/signals.h"

#include <signal.h>
#include <unistd.h>

#include <string_view>

namespace ckmerge::cli {

std::atomic<bool> progress_line_stands{false};

namespace {

// A handler may touch lock-free atomics and call write() and _exit(), and nothing else here.
std::atomic<bool> stop{false};
std::atomic<int> caught{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  int none = 0;
  if (caught.compare_exchange_strong(none, number)) {
    stop.store(true);
    return;
  }
  constexpr std::string_view kErase = "\r\x1b[J";
  if (progress_line_stands.load()) [[maybe_unused]]
    const ssize_t ignored = ::write(STDERR_FILENO, kErase.data(), kErase.size());
  ::_exit(128 + number);
}

void catch_unless_ignored(int number) {
  struct sigaction old {};
  if (::sigaction(number, nullptr, &old) != 0 || old.sa_handler == SIG_IGN) return;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(number, &action, nullptr);
}

}  // namespace

void catch_stop_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) catch_unless_ignored(number);
}

const std::atomic<bool>& stop_flag() { return stop; }

int stop_status() { return 128 + (caught.load() ? caught.load() : SIGINT); }

void leave_write_failures_to_errno() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace ckmerge::cli
