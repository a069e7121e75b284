// SPDX-License-Identifier: Apache-2.0
// Opening the registry for a command, and finding in it what a person calls by name.
#pragma once

#include <functional>
#include <string>

#include "cli/options/request.h"
#include "cli/report/caller.h"
#include "io/registry/registry.h"

namespace ckmerge::cli {

/// --registry, or the one in the user's data folder; empty where that is not known.
std::string registry_path(const Settings& settings, const Environment& environment);

/// Runs `act` with the registry at `path`. One that turns out to be damaged is set aside, of which the caller is
/// warned, and `act` runs again with a new one that has what could be saved. Throws Error(usage) where there is none.
void with_registry(const std::string& path, Registry::Access access, Caller& caller,
                   const std::function<void(Registry&)>& act);

/// The one checkpoint called `name`. Throws Error(usage) when there is none, or when there are several, which it lists.
/// Several that are the same file, or have the same bytes and base name, count as one.
RegisteredFile find_one(const Registry& registry, const std::string& name);

/// `request` with a path in place of every @NAME that stands for a checkpoint: operands (of `run` also behind LETTER=,
/// beside a formula behind NAME=), and components. Throws Error(usage); Error(io) for a file that is gone;
/// Error(malformed) for one called by its hash that is no longer what was hashed.
Request with_registered_paths(const Request& asked, Caller& caller);

}  // namespace ckmerge::cli
