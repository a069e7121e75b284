// SPDX-License-Identifier: Apache-2.0
#include "cli/system/signals.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <string_view>

namespace ckmerge::cli {

std::atomic<bool> progress_line_stands{false};

namespace {

// A handler may touch lock-free atomics and call write() and _exit(), and nothing else here.
std::atomic<bool> stop{false};
std::atomic<int> caught{0};
std::atomic<const char*> answer{nullptr};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
              std::atomic<const char*>::is_always_lock_free);

void put(std::string_view text) {
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

void erase_progress_line() {
  if (progress_line_stands.load()) put("\r\x1b[J");
}

// Once, whoever comes first.
void give_answer() {
  const char* const line = answer.exchange(nullptr);
  if (!line) return;
  erase_progress_line();
  put(line);
}

void on_signal(int number) {
  int none = 0;
  if (caught.compare_exchange_strong(none, number)) {
    stop.store(true);
    give_answer();
    return;
  }
  erase_progress_line();
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

void answer_stop_with(const char* line) {
  answer.store(line);
  if (caught.load()) give_answer();
}

int stop_status() { return 128 + (caught.load() ? caught.load() : SIGINT); }

void leave_write_failures_to_errno() {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

HeldWriteSignals::HeldWriteSignals() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGPIPE, SIGXFSZ}) sigaddset(&held, number);
  ::pthread_sigmask(SIG_BLOCK, &held, &before_);
}

HeldWriteSignals::~HeldWriteSignals() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : {SIGPIPE, SIGXFSZ})
    if (sigismember(&before_, number) == 0) sigaddset(&ours, number);
  // Those that came of this thread's writes are answered: they must not arrive now.
  const timespec at_once{};
  while (::sigtimedwait(&ours, nullptr, &at_once) > 0) continue;
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace ckmerge::cli
