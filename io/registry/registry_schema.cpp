// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_schema.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/registry/registry_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// 2: rows have checksums.
constexpr int64_t kVersion = 2;

// WITHOUT ROWID and foreign keys are left out: a plain table is what every tool reads, and triggers need no pragma.
// Columns of later versions stand where ALTER TABLE puts them, so that the texts of old and new registries are the
// same.
constexpr std::string_view kFiles = R"sql(CREATE TABLE files(
  id INTEGER PRIMARY KEY,
  path NOT NULL UNIQUE,
  name NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_seconds INTEGER NOT NULL,
  mtime_nanoseconds INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  examiner INTEGER NOT NULL,
  form TEXT,
  kind TEXT,
  architecture TEXT,
  tensors INTEGER NOT NULL,
  parameters INTEGER NOT NULL,
  dtypes TEXT,
  trouble TEXT,
  legacy_hash TEXT,
  sha256 TEXT,
  tensor_sha256 TEXT,
  crc32 TEXT,
  metadata TEXT)sql";
constexpr std::string_view kRoots = "CREATE TABLE roots(path NOT NULL PRIMARY KEY, kind TEXT";

struct Made {
  std::string name, sql;
};

std::vector<Made> tables_of(int64_t version) {
  const bool sums = version >= 2;
  return {
      {"files", sentence(kFiles, sums ? ", checksum INTEGER, metadata_checksum INTEGER)" : ")")},
      {"files_by_sha256", "CREATE INDEX files_by_sha256 ON files(sha256)"},
      {"aliases", "CREATE TABLE aliases(alias NOT NULL, file INTEGER NOT NULL)"},
      {"aliases_by_alias", "CREATE INDEX aliases_by_alias ON aliases(alias)"},
      {"aliases_by_file", "CREATE INDEX aliases_by_file ON aliases(file)"},
      {"files_deleted",
       "CREATE TRIGGER files_deleted AFTER DELETE ON files BEGIN DELETE FROM aliases WHERE file = old.id; END"},
      {"roots", sentence(kRoots, sums ? ", checksum INTEGER)" : ")")},
  };
}

[[noreturn]] void refuse(const Database& database, const std::string& sentence) {
  throw Error(ErrorCode::usage, database.path(), database.path() + ": " + sentence);
}

[[noreturn]] void fail_damaged(const Database& database, const std::string& what) {
  throw DatabaseDamaged(ErrorCode::malformed, database.path(), database.path() + ": is damaged: " + what);
}

bool is_registry(const Database& database) { return database.number("PRAGMA application_id") == kRegistryApplication; }

int64_t version_of(const Database& database) { return database.number("PRAGMA user_version"); }

bool is_as_made(const Database& database, const Made& made) {
  Statement query = database.prepare("SELECT sql FROM sqlite_master WHERE name = ?1");
  query.bind(1, made.name);
  return query.step() && query.text(0) == made.sql;
}

void make_tables(const Database& database) {
  Transaction transaction(database);
  if (is_registry(database)) return transaction.commit();  // another was faster
  for (const Made& made : tables_of(kVersion)) database.execute(made.sql.c_str());
  database.execute(sentence("PRAGMA application_id = ", kRegistryApplication).c_str());
  database.execute(sentence("PRAGMA user_version = ", kVersion).c_str());
  transaction.commit();
}

// Checksums are only worth what the rows are that they are made of.
void check_before_sealing(const Database& database) {
  Statement query = database.prepare("PRAGMA integrity_check(1)");
  if (query.step() && query.text(0) != "ok") fail_damaged(database, query.text(0));
}

void bring_up_to_date(const Database& database) {
  check_before_sealing(database);
  Transaction transaction(database);
  if (version_of(database) == kVersion) return transaction.commit();  // another was faster
  database.execute("ALTER TABLE files ADD COLUMN checksum INTEGER");
  database.execute("ALTER TABLE files ADD COLUMN metadata_checksum INTEGER");
  database.execute("ALTER TABLE roots ADD COLUMN checksum INTEGER");
  seal_all(database);
  database.execute(sentence("PRAGMA user_version = ", kVersion).c_str());
  transaction.commit();
  // The first version made it as wide as the umask let it. Another user's stays as it is.
  using std::filesystem::perms;
  std::error_code ignored;
  std::filesystem::permissions(database.path(), perms::owner_read | perms::owner_write, ignored);
}

// Where the filesystem cannot share memory (a network's), and while another process makes the tables, SQLite stays with
// its older journal, which is as safe.
void use_write_ahead_log(const Database& database) {
  Statement mode = database.prepare("PRAGMA journal_mode");
  if (mode.step() && mode.text(0) == "wal") return;
  mode.reset();
  try {
    database.prepare("PRAGMA journal_mode = WAL").step();
  } catch (const DatabaseDamaged&) {
    throw;
  } catch (const Error&) {
    // The next one to open it tries again.
  }
}

// Of a registry whose very name was spoilt the tables tell.
bool has_our_tables(const Database& database) {
  for (const int64_t version : {int64_t{1}, kVersion})
    if (is_as_made(database, tables_of(version)[0])) return true;
  return false;
}

// Nothing is written before this has returned.
void refuse_others(const Database& database) {
  // Asked in this order, because another process may be making the tables.
  const bool used =
      database.number("SELECT count(*) FROM sqlite_master") + database.number("PRAGMA application_id") != 0;
  if (used && !is_registry(database)) {
    if (has_our_tables(database)) fail_damaged(database, "its header does not say that it is a registry");
    refuse(database, "is the database of another program; give --registry another file");
  }
  if (version_of(database) > kVersion)
    refuse(database, "was made by a newer ckmerge; use that one, or give --registry another file");
}

void check_tables(const Database& database) {
  const int64_t version = version_of(database);
  if (version < 1) fail_damaged(database, "its header has no version");
  for (const Made& made : tables_of(version))
    if (!is_as_made(database, made)) fail_damaged(database, sentence("its ", made.name, " are not as they were made"));
}

}  // namespace

void make_schema(const Database& database) {
  database.execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
  make_tables(database);
}

void prepare_schema(const Database& database) {
  refuse_others(database);
  use_write_ahead_log(database);
  if (!is_registry(database)) make_tables(database);
  check_tables(database);
  if (version_of(database) < kVersion) bring_up_to_date(database);
  // A power cut may take the last commits with it, never the database.
  database.execute("PRAGMA synchronous = NORMAL");
}

bool has_checksums(const Database& database) {
  try {
    database.prepare("SELECT checksum, metadata_checksum FROM files LIMIT 0");
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace ckmerge
