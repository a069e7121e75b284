// SPDX-License-Identifier: Apache-2.0
// What this process may use of the machine: processors and memory, containers included.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

/// Processors that affinity and the cgroup's quota allow; at least 1.
unsigned allowed_processors();

/// Bytes of memory that can be had without pushing others out: what the system calls available, or the cgroup's limit
/// when that is smaller. UINT64_MAX when nothing is known.
uint64_t available_memory();

/// Bytes of addresses that this process has, and may have (RLIMIT_AS): `limit` is UINT64_MAX where there is no limit.
struct AddressSpace {
  uint64_t used = 0, limit = UINT64_MAX;
  uint64_t left() const { return limit == UINT64_MAX ? limit : limit - (used < limit ? used : limit); }
};
AddressSpace address_space();

/// Threads that are started from now on have stacks of so many bytes, whatever `ulimit -s` says.
void give_threads_stacks_of(uint64_t size);

/// What processors and memory are made of, for those who want to know why.
struct MachineFacts {
  std::string cpu;                         ///< the model, as the system names it; empty where it does not
  unsigned processors = 1;                 ///< that are there
  unsigned affinity = 1;                   ///< that affinity allows
  unsigned allowed = 1;                    ///< allowed_processors()
  uint64_t memory_available = UINT64_MAX;  ///< what the system calls available
  uint64_t memory_limit = UINT64_MAX;      ///< the tightest limit of the cgroups
};
MachineFacts machine_facts();

}  // namespace ckmerge
