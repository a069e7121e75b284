// SPDX-License-Identifier: Apache-2.0
// The registry's tables, and how those of older versions become today's.
#pragma once

#include <cstdint>

#include "io/registry/sqlite.h"

namespace ckmerge {

constexpr uint32_t kRegistryApplication = 0x434b4d52;  ///< "CKMR", which `file` shows

/// Makes the tables in an empty database that nobody else uses. No log is begun, so that all is in the one file.
void make_schema(const Database& database);

/// Makes the tables where there are none, and brings an older registry up to date. Throws Error(usage) for another
/// program's database or a newer registry, DatabaseDamaged where the tables are not as they were made.
void prepare_schema(const Database& database);

/// Whether rows have checksums, as far as that can be told of a damaged registry.
bool has_checksums(const Database& database);

}  // namespace ckmerge
