// SPDX-License-Identifier: Apache-2.0
// What follows a merge whose output is in place: it is registered, and a running A1111 is asked to look for it. Neither
// can make the merge fail; what goes wrong is a warning.
#pragma once

#include <span>
#include <string>

#include "cli/options/settings.h"
#include "cli/report/caller.h"
#include "core/ckmerge.h"

namespace ckmerge::cli {

struct Announcement {
  std::string registry;                 ///< in which the output is registered; empty: in none
  bool registry_was_named = false;      ///< --registry: that it is not there is worth a warning
  std::optional<NotifyAddress> notify;  ///< whom to ask
};

/// From --registry, --no-register and --notify.
Announcement announcement_of(const Settings& settings, const Environment& environment);

/// A sentence for each thing that went wrong. A registry is not made, only added to.
std::vector<std::string> announce(const Announcement& announcement, const std::string& output,
                                  std::span<const Checkpoint> inputs, const RunReport& report, Caller& caller) noexcept;

struct KnownSums {
  std::string path;
  FileIdentity state;
  std::string sha256, tensor_sha256, legacy_hash, crc32;
};

/// Adds sums to the entries of these files, if the registry exists. Never fails: sums that are not added are computed
/// again when somebody needs them.
void tell_registry(const std::string& registry, std::span<const KnownSums> files, Caller& caller) noexcept;

}  // namespace ckmerge::cli
