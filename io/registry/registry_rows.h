// SPDX-License-Identifier: Apache-2.0
// The rows of the registry's tables, each with a checksum of what it says: SQLite sees where a page is damaged, not
// where a byte of a value is another. A row is sealed by whoever writes it; one whose checksum is not its own is
// damage.
#pragma once

#include <string>
#include <vector>

#include "io/registry/registry.h"

namespace ckmerge {

/// A query for rows of files that meet `condition`, by name, then path.
std::string files_query(Registry::Columns columns, const std::string& condition, Sealing sealing);

/// All rows of such a query. Throws DatabaseDamaged.
std::vector<RegisteredFile> read_files(const Database& database, Statement query, Registry::Columns columns);

/// Likewise, all roots by path.
std::vector<RegistryRoot> read_roots(const Database& database, Sealing sealing);

/// SQL: whether the row of files at hand, and its metadata, are as they were written.
std::string row_is_sound();

/// Reads all rows. Throws DatabaseDamaged.
void check_rows(const Database& database);

/// Writes rows and seals them. REQUIRES: a transaction is open.
void put_roots(const Database& database, const std::vector<RegistryRoot>& roots);
void put_files(const Database& database, const std::vector<RegisteredFile>& files);

/// After what wrote to the row `id` otherwise.
void seal_file(const Database& database, int64_t id);
void seal_all(const Database& database);

/// Names the checkpoint of row `id` anew.
void write_aliases(const Database& database, int64_t id, const std::string& name, const std::string& legacy_hash,
                   const std::string& sha256);

}  // namespace ckmerge
