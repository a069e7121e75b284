// SPDX-License-Identifier: Apache-2.0
// What `ckmerge doctor` found, and how it is told. Pure: doctor_checks.cpp looks at the machine.
#pragma once

#include <string>
#include <vector>

#include "core/device/device_list.h"
#include "core/library_versions.h"
#include "core/threads/machine.h"
#include "io/file/folder_info.h"
#include "io/file/process_limits.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

struct DoctorFacts {
  std::string version, compiler;
  MachineFacts machine;
  std::vector<std::string> kernels;  ///< that can run here, best first
  std::string isa;                   ///< that a merge would use; empty when CKMERGE_ISA asks for another
  std::string forced_isa;            ///< CKMERGE_ISA
  DeviceList devices;
  uint64_t default_budget = 0;
  ProcessLimits limits;
  std::vector<LibraryVersion> libraries;
  std::string hash_cache;  ///< empty: nowhere
  bool hash_cache_writable = false;
  std::string registry;          ///< empty: nowhere
  bool registry_there = false;   ///< it exists
  uint64_t registered = 0;       ///< checkpoints in it
  std::string registry_trouble;  ///< why it cannot be used: a sentence; empty when it can
  std::string folder;
  FolderInfo place;
};

/// Sentences, each with what would help; empty when nothing is in a merge's way.
std::vector<std::string> problems_of(const DoctorFacts& facts);

std::string doctor_text(const DoctorFacts& facts);
JsonWriter doctor_json(const DoctorFacts& facts);

}  // namespace ckmerge::cli
