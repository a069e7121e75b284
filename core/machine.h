// SPDX-License-Identifier: Apache-2.0
// What this process may use of the machine: processors and memory, containers included.
#pragma once

#include <cstdint>

namespace ckmerge {

/// Processors that affinity and the cgroup's quota allow; at least 1.
unsigned allowed_processors();

/// Bytes of memory that can be had without pushing others out: what the system calls available, or the cgroup's limit
/// when that is smaller. UINT64_MAX when nothing is known.
uint64_t available_memory();

}  // namespace ckmerge
