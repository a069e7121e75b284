// SPDX-License-Identifier: Apache-2.0
#include "core/threads/hands.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "core/threads/ending.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// The parts of one piece of work, and the first error of those who do them.
class SharedParts {
 public:
  using Part = std::function<void(uint64_t, uint64_t)>;

  SharedParts(const Hands& hands, uint64_t count, uint64_t each, const Part& part)
      : hands_(hands), count_(count), each_(each), part_(part) {}

  void work() noexcept {
    try {
      for (uint64_t begin; !failed_ && (begin = next_.fetch_add(each_)) < count_;) {
        hands_.check();
        part_(begin, std::min(begin + each_, count_));
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }

  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  const Hands& hands_;
  const uint64_t count_, each_;
  const Part& part_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace

void Hands::check() const {
  const std::atomic<bool>* const ends = WorkEnds::flag();
  if ((ends && *ends) || stop.is_raised()) throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written");
}

void Hands::share(uint64_t count, uint64_t each, const std::function<void(uint64_t, uint64_t)>& part) const {
  const uint64_t parts = (count + each - 1) / each;
  SharedParts shared(*this, count, each, part);
  const auto work_as_this_thread = [&shared, ends = WorkEnds::flag()] {
    const WorkEnds as_caller(ends);
    shared.work();
  };
  {
    std::vector<std::jthread> others;
    try {
      while (others.size() + 1 < std::min<uint64_t>(threads, parts)) others.emplace_back(work_as_this_thread);
    } catch (const std::system_error&) {
      // The system gives no more of them: those that are there do it all.
    }
    shared.work();
  }
  shared.rethrow();
}

}  // namespace ckmerge
