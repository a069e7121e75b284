// SPDX-License-Identifier: Apache-2.0
#include <sys/mman.h>
#include <sys/resource.h>

#include <fstream>
#include <new>

#include "io/file/input_windows.h"
#include "io/file/process_limits.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

namespace ckmerge {
namespace {

uint64_t limit_of(int resource) {
  rlimit limit{};
  if (getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return ProcessLimits::kNone;
  return limit.rlim_cur;
}

// Asked where memory has run out, too, which a stream takes some of.
uint64_t max_map_count() {
  try {
    std::ifstream file("/proc/sys/vm/max_map_count");
    uint64_t count;
    return file >> count ? count : ProcessLimits::kNone;
  } catch (const std::bad_alloc&) {
    return ProcessLimits::kNone;
  }
}

bool populates() {
  const uint64_t size = InputWindows::page_size();
  void* const page = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return false;
  const bool known = madvise(page, size, MADV_POPULATE_READ) == 0;
  munmap(page, size);
  return known;
}

}  // namespace

ProcessLimits process_limits() {
  return {.page_size = InputWindows::page_size(),
          .file_size = limit_of(RLIMIT_FSIZE),
          .address_space = limit_of(RLIMIT_AS),
          .open_files = limit_of(RLIMIT_NOFILE),
          .maps = max_map_count(),
          .populates = populates()};
}

}  // namespace ckmerge
