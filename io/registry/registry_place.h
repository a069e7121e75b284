// SPDX-License-Identifier: Apache-2.0
// What may lie at a registry's place: nothing, a registry, or somebody else's file, which is never touched. A new one
// is made under another name, and has its own once it is complete: no disk that is full leaves half of one.
#pragma once

#include <functional>
#include <string>

#include "io/registry/sqlite.h"

namespace ckmerge {

/// Returns `path` where a registry may be opened there; with `create` one is made where nothing is, its folders too.
/// Throws Error: usage where there is none to open or something else lies there, io, resources; DatabaseDamaged where
/// what lies there was a registry.
const std::string& registry_place(const std::string& path, bool create);

/// Makes a registry, readable by nobody else, has `fill` write to it, and puts it at `path`, in the place of what is
/// there. Whatever fails, `path` is as it was and nothing is left beside it. REQUIRES: the RegistryLock is held. Throws
/// Error(io | resources), and what `before_it_is_put_there` throws.
void build_registry(const std::string& path, const std::function<void(const Database&)>& fill,
                    const std::function<void()>& before_it_is_put_there);

}  // namespace ckmerge
