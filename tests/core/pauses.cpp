// SPDX-License-Identifier: Apache-2.0
// Holds up threads where they take and leave a mutex, so that what others do meanwhile comes in orders that hardly ever
// come up else: with CKMERGE_TEST_PAUSES=N about every N-th time, for up to N * 20 us: long ones let others come to the
// end of what they do. Sanitizers have functions of their own in this place.
#include <features.h>

#include "tests/sanitized.h"

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

namespace {

using MutexCall = int (*)(pthread_mutex_t*);

MutexCall next_of(const char* name) { return reinterpret_cast<MutexCall>(dlsym(RTLD_NEXT, name)); }

uint32_t pauses() {
  static const char* const text = std::getenv("CKMERGE_TEST_PAUSES");
  static const uint32_t each = text ? static_cast<uint32_t>(std::strtoul(text, nullptr, 10)) : 0;
  return each;
}

// No two runs are alike anyway, since threads are not.
void maybe_pause() {
  if (pauses() == 0) return;
  static std::atomic<uint64_t> turn{0};
  uint64_t bits = (turn.fetch_add(1, std::memory_order_relaxed) + 1) * 0x9e3779b97f4a7c15U;
  bits ^= bits >> 29;
  if (bits % pauses() == 0) usleep(static_cast<useconds_t>(bits >> 40) % (20 * pauses()));
}

}  // namespace

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  static const MutexCall kNext = next_of("pthread_mutex_lock");
  maybe_pause();
  return kNext(mutex);
}

extern "C" int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  static const MutexCall kNext = next_of("pthread_mutex_unlock");
  const int status = kNext(mutex);
  maybe_pause();
  return status;
}
#endif
