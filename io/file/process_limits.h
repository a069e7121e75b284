// SPDX-License-Identifier: Apache-2.0
// What the kernel lets this process do with files and maps, for those who want to know why a merge is slow or refused.
#pragma once

#include <cstdint>

namespace ckmerge {

struct ProcessLimits {
  static constexpr uint64_t kNone = UINT64_MAX;  ///< no limit, or not known

  uint64_t page_size = 0;
  uint64_t file_size = kNone;      ///< bytes of a file it may write (RLIMIT_FSIZE)
  uint64_t address_space = kNone;  ///< bytes (RLIMIT_AS)
  uint64_t open_files = kNone;     ///< RLIMIT_NOFILE
  uint64_t maps = kNone;           ///< vm.max_map_count
  bool populates = false;          ///< MADV_POPULATE_READ: faults of inputs are error codes, not signals
};

ProcessLimits process_limits();

}  // namespace ckmerge
