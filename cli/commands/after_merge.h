// SPDX-License-Identifier: Apache-2.0
// What follows a merge whose result is in place: the registry learns of it, a running A1111 is asked to look. Neither
// can make the merge fail; what goes wrong is a warning.
#pragma once

#include <span>
#include <string>

#include "cli/options/command_line.h"
#include "cli/system/system.h"
#include "core/ckmerge.h"

namespace ckmerge::cli {

struct Announcement {
  std::string registry;             ///< empty: none is to learn of it
  bool registry_was_named = false;  ///< --registry: that it is not there is worth a warning
  std::string notify;               ///< URL; empty: nobody is asked
};

/// From --registry, --no-register and --notify. Throws Error(usage) for a URL that is none.
Announcement announcement_of(const CommandLine& line, const Environment& environment);

/// A sentence for each thing that went wrong. A registry is not made, only added to.
std::vector<std::string> announce(const Announcement& announcement, const std::string& output,
                                  std::span<const Checkpoint> inputs, const RunReport& report) noexcept;

/// Adds sums to the entries of these files, in a registry that exists. Never fails: as good as not known.
struct KnownSums {
  std::string path;
  FileIdentity state;
  std::string sha256, tensor_sha256, legacy_hash, crc32;
};
void tell_registry(const std::string& registry, std::span<const KnownSums> files) noexcept;

}  // namespace ckmerge::cli
