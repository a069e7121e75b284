// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/after_merge.h"

#include <chrono>
#include <filesystem>

#include "cli/operands/registry_access.h"
#include "cli/system/notify.h"
#include "core/registry/examine.h"
#include "core/registry/scan.h"
#include "io/file/folder_walk.h"
#include "io/folder/shard_names.h"

namespace ckmerge::cli {
namespace {

bool is_there(const std::string& path) {
  FileIdentity state;
  return !path.empty() && look_up_file(path, state);
}

std::string absolute(const std::string& path) { return std::filesystem::absolute(path).lexically_normal().string(); }

// Entries have the path by which a scan came to a file, which may lead through links.
void put_sums(Registry& registry, const KnownSums& known) {
  if (!shards_from(known.path).empty()) return;  // its entry is that of all shards
  RegisteredFile sums;
  sums.state = known.state;
  sums.sha256 = known.sha256;
  sums.tensor_sha256 = known.tensor_sha256;
  sums.legacy_hash = known.legacy_hash;
  sums.crc32 = known.crc32;
  sums.path = absolute(known.path);
  if (registry.put_sums(sums)) return;
  sums.path = real_path(known.path);
  registry.put_sums(sums);
}

std::vector<KnownSums> sums_of(std::span<const Checkpoint> inputs, const RunReport& report) {
  std::vector<KnownSums> out;
  for (size_t k = 0; k < inputs.size() && k < report.input_hashes.size(); ++k) {
    if (inputs[k].lies_in_memory() || inputs[k].folder) continue;  // the registry knows files
    out.push_back({.path = inputs[k].path,
                   .state = inputs[k].shards[0].identity(),
                   .sha256 = report.input_hashes[k].sha256,
                   .tensor_sha256 = {},
                   .legacy_hash = report.input_hashes[k].legacy_hash,
                   .crc32 = {}});
  }
  return out;
}

void add_result(Registry& registry, const std::string& output, const RunReport& report) {
  const std::string path = real_path(output);
  std::optional<RegisteredFile> file =
      examine(path, name_below(path, registry.roots()), std::chrono::system_clock::now());
  if (!file) return;
  // Written by this process under a lock and renamed: as fresh as it is, nobody has changed it unseen.
  file->settled = true;
  if (!report.sums.empty()) {
    file->sha256 = report.sums.front().sha256;
    file->tensor_sha256 = report.sums.front().tensor_sha256;
  }
  Registry::Changes changes;
  changes.put.push_back(std::move(*file));
  registry.write(changes);
}

// Empty, or what went wrong with `act`.
std::string trouble_of(const std::function<void()>& act) {
  try {
    act();
    return "";
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

Announcement announcement_of(const Settings& settings, const Environment& environment) {
  Announcement out;
  out.notify = settings.notify;
  if (out.notify && out.notify->authorization.empty())
    out.notify->authorization = notify_authorization(environment.notify_auth);
  if (!settings.registers) return out;
  out.registry = registry_path(settings, environment);
  out.registry_was_named = settings.registry.has_value();
  return out;
}

std::vector<std::string> announce(const Announcement& announcement, const std::string& output,
                                  std::span<const Checkpoint> inputs, const RunReport& report, Caller& caller) noexcept
    try {
  std::vector<std::string> troubles;
  const std::string& registry = announcement.registry;
  if (is_there(registry)) {
    const std::string trouble = trouble_of([&] {
      with_registry(registry, Registry::Access::existing, caller, [&](Registry& open) {
        add_result(open, output, report);
        for (const KnownSums& known : sums_of(inputs, report)) put_sums(open, known);
      });
    });
    if (!trouble.empty()) troubles.push_back(output + " is complete but not registered: " + trouble);
  } else if (announcement.registry_was_named) {
    troubles.push_back(output + " is complete but not registered: " + registry +
                       " is not there; `ckmerge scan DIR` makes it");
  }
  if (announcement.notify) {
    std::string trouble;
    const NotifyAddress& address = *announcement.notify;
    const std::string thrown = trouble_of([&] { trouble = ask_to_refresh(address); });
    if (!thrown.empty()) trouble = thrown;
    if (!trouble.empty())
      troubles.push_back(output + " is complete, but " + address.authority +  // without a password
                         " could not be asked to look for it: " + trouble);
  }
  return troubles;
} catch (...) {  // no memory, of which the merge's own report will say enough
  return {};
}

void tell_registry(const std::string& registry, std::span<const KnownSums> files, Caller& caller) noexcept try {
  if (!is_there(registry)) return;
  with_registry(registry, Registry::Access::existing, caller, [&](Registry& open) {
    for (const KnownSums& known : files) put_sums(open, known);
  });
} catch (...) {
}

}  // namespace ckmerge::cli
