// SPDX-License-Identifier: Apache-2.0
#include "cli/operands/registry_access.h"

#include <algorithm>

#include "cli/operands/checkpoint_words.h"
#include "cli/options/faults.h"
#include "cli/system/text.h"
#include "io/file/folder_walk.h"
#include "io/folder/shard_names.h"
#include "io/hash/checkpoint_names.h"
#include "io/registry/presence.h"
#include "io/registry/registry_damage.h"

namespace ckmerge::cli {
namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool are_alike(const RegisteredFile& a, const RegisteredFile& b) {
  if (a.state.same_file(b.state)) return true;
  return !a.sha256.empty() && a.sha256 == b.sha256 && base_name(a.path) == base_name(b.path);
}

std::string candidate_line(const RegisteredFile& file) {
  return checkpoint_names(file.name, file.legacy_hash, file.sha256).title + "  " + file.path;
}

[[noreturn]] void fail_unknown(const Registry& registry, const std::string& name) {
  std::vector<std::string> known;
  for (const RegisteredFile& file : registry.files(Registry::Columns::without_metadata)) {
    const CheckpointNames names = checkpoint_names(file.name, file.legacy_hash, file.sha256);
    known.push_back(names.name_for_extra);
    known.push_back(names.name);
  }
  const std::string near = did_you_mean(name, known, "@");
  throw Error(ErrorCode::usage, "@" + name,
              "no checkpoint in the registry is called '" + name + "'" +
                  (near.empty() ? "; `ckmerge list` shows them, `ckmerge scan` looks for new ones" : near));
}

bool is_hash(const std::string& name, const RegisteredFile& file) {
  return name.size() >= 6 && (file.sha256.starts_with(name) || file.legacy_hash == name);
}

// The path of what @NAME stands for, seen to be still what it was.
std::string path_called(const Registry& registry, const std::string& name) {
  const RegisteredFile file = find_one(registry, name);
  const Presence presence = presence_of(file);
  if (presence == Presence::gone)
    throw Error(ErrorCode::io, "@" + name,
                "@" + name + ": " + file.path + " is no longer there; if it was moved, `ckmerge scan` its folder");
  if (presence == Presence::changed && (is_hash(name, file) || name.ends_with(']')))
    throw Error(
        ErrorCode::malformed, "@" + name,
        "@" + name + ": " + file.path +
            " was changed since it was scanned, so that its hash is another; `ckmerge scan` its folder, or give "
            "its path");
  const std::string index = index_beside(file.path);  // an entry of shards is that of them all
  return index.empty() ? file.path : index;
}

// Where @ begins; npos where a file is named.
size_t reference_in(const std::string& word, const Request& request) {
  const size_t at = path_in(word, request);
  return word.compare(at, 1, "@") == 0 ? at : word.npos;
}

void put_paths(const Registry& registry, const Request& request, const std::vector<std::string*>& references) {
  Faults faults;
  for (std::string* const path : references)
    faults.check([&] {
      const size_t at = reference_in(*path, request);
      if (at == path->npos) return;  // a second run, after damage
      *path = path->substr(0, at) + path_called(registry, path->substr(at + 1));
    });
  faults.raise();
}

}  // namespace

std::string registry_path(const Settings& settings, const Environment& environment) {
  return settings.registry.value_or(environment.registry);
}

void with_registry(const std::string& path, Registry::Access access, Caller& caller,
                   const std::function<void(Registry&)>& act) {
  if (path.empty())
    throw Error(ErrorCode::usage, "--registry",
                "there is no place for a registry: give --registry FILE, or set HOME or XDG_DATA_HOME");
  const auto mend = [&] {
    const SetAside aside = set_registry_aside(path);
    if (!aside.kept_as.empty())
      caller.warn("the registry " + path + " was damaged; it is kept as " + aside.kept_as +
                  "; a new one has what could be saved, " + counted(aside.files_saved, "checkpoint") +
                  "; `ckmerge scan` finds the rest");
  };
  try {
    Registry registry(path, access);
    return act(registry);
  } catch (const DatabaseDamaged&) {
    mend();
  } catch (const DatabaseDisturbed&) {
    mend();  // waits for whoever sets it aside; a disk that fails fails again
  }
  Registry registry(path, Registry::Access::create);
  act(registry);
}

RegisteredFile find_one(const Registry& registry, const std::string& name) {
  std::vector<RegisteredFile> found = registry.called(name);
  if (found.empty()) fail_unknown(registry, name);
  // Of a file that was copied elsewhere and removed, the copy is meant.
  const auto is_there = [](const RegisteredFile& file) { return presence_of(file) != Presence::gone; };
  if (std::ranges::any_of(found, is_there)) std::erase_if(found, [&](const auto& file) { return !is_there(file); });
  std::vector<RegisteredFile> different;
  for (RegisteredFile& file : found)
    if (std::ranges::none_of(different, [&](const auto& other) { return are_alike(file, other); }))
      different.push_back(std::move(file));
  if (different.size() == 1) return different[0];
  std::vector<std::string> lines;
  for (const RegisteredFile& file : different) lines.push_back(candidate_line(file));
  throw Error(ErrorCode::usage, "@" + name,
              "@" + name + " may be any of " + counted(different.size(), "checkpoint") +
                  "; name one by more of its path, or by its hash",
              lines);
}

Request with_registered_paths(const Request& asked, Caller& caller) {
  Request request = asked;
  std::vector<std::string*> paths = checkpoint_words(request);
  std::erase_if(paths, [&](const std::string* path) { return reference_in(*path, request) == path->npos; });
  if (paths.empty()) return request;
  with_registry(registry_path(request.settings, caller.environment), Registry::Access::existing, caller,
                [&](const Registry& registry) { put_paths(registry, request, paths); });
  return request;
}

}  // namespace ckmerge::cli
