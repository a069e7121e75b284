// SPDX-License-Identifier: Apache-2.0
// The registry's tables, and what may lie at its place: nothing, a registry, or somebody else's file, which is never
// touched.
#pragma once

#include <string>

#include "io/registry/sqlite.h"

namespace ckmerge {

/// Returns `path` where a registry may be opened there; with `create` its folder is made. Throws Error(usage) where
/// there is none to open or something else lies there, DatabaseDamaged where what lies there was a registry.
const std::string& registry_place(const std::string& path, bool create);

/// Makes the tables where there are none. Throws Error(usage) for another program's database or a newer registry.
void prepare_schema(const Database& database);

}  // namespace ckmerge
