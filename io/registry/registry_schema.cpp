// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_schema.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "io/file/input_file.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr int64_t kApplication = 0x434b4d52;  // "CKMR", which `file` shows
constexpr int64_t kVersion = 1;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};

// WITHOUT ROWID and foreign keys are left out: a plain table is what every tool reads, and triggers need no pragma.
constexpr const char* kTables = R"sql(
CREATE TABLE files(
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
  metadata TEXT);
CREATE INDEX files_by_sha256 ON files(sha256);
CREATE TABLE aliases(alias NOT NULL, file INTEGER NOT NULL);
CREATE INDEX aliases_by_alias ON aliases(alias);
CREATE INDEX aliases_by_file ON aliases(file);
CREATE TRIGGER files_deleted AFTER DELETE ON files BEGIN DELETE FROM aliases WHERE file = old.id; END;
CREATE TABLE roots(path NOT NULL PRIMARY KEY, kind TEXT);
)sql";

[[noreturn]] void refuse(const std::string& path, const std::string& sentence) {
  throw Error(ErrorCode::usage, path, path + ": " + sentence);
}

// What is called like a database is taken for a registry whose beginning was overwritten.
bool is_called_like_a_database(std::string_view path) {
  return path.ends_with(".db") || path.ends_with(".sqlite") || path.ends_with(".sqlite3");
}

void look_at_beginning(const std::string& path, bool create) {
  const InputFile file(path);
  std::string bytes(std::min<uint64_t>(file.size(), kMagic.size()), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  // Another process may be about to make its tables.
  if (bytes.empty() && !create) refuse(path, "is empty; `ckmerge scan DIR` makes a registry of it");
  if (bytes.empty() || bytes == kMagic) return;
  if (is_called_like_a_database(path))
    throw DatabaseDamaged(ErrorCode::malformed, path, path + ": is damaged: it does not begin as a database does");
  refuse(path, "is no registry; give --registry another file");
}

void make_folders(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), 0700);  // what is wrong with one, opening says
}

bool is_registry(const Database& database) { return database.number("PRAGMA application_id") == kApplication; }

void make_tables(const Database& database) {
  Transaction transaction(database);
  if (is_registry(database)) return transaction.commit();  // another was faster
  database.execute(kTables);
  database.execute(sentence("PRAGMA application_id = ", kApplication).c_str());
  database.execute(sentence("PRAGMA user_version = ", kVersion).c_str());
  transaction.commit();
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

// Nothing is written before this has returned.
void refuse_others(const Database& database) {
  // Asked in this order, because another process may be making the tables.
  const bool used =
      database.number("SELECT count(*) FROM sqlite_master") + database.number("PRAGMA application_id") != 0;
  if (used && !is_registry(database))
    refuse(database.path(), "is the database of another program; give --registry another file");
  if (database.number("PRAGMA user_version") > kVersion)
    refuse(database.path(), "was made by a newer ckmerge; use that one, or give --registry another file");
}

}  // namespace

const std::string& registry_place(const std::string& path, bool create) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    refuse(path, "is a folder; give --registry a file");
  else if (stat(path.c_str(), &status) == 0)
    look_at_beginning(path, create);
  else if (create)
    make_folders(path);
  else if (errno == ENOENT || errno == ENOTDIR)
    refuse(path, "there is no registry; `ckmerge scan DIR` makes one");
  return path;
}

void prepare_schema(const Database& database) {
  refuse_others(database);
  use_write_ahead_log(database);
  if (!is_registry(database)) make_tables(database);
  // A power cut may take the last commits with it, never the database.
  database.execute("PRAGMA synchronous = NORMAL");
}

}  // namespace ckmerge
