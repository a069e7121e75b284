// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/registry/registry_place.h"
#include "io/registry/registry_rows.h"
#include "io/registry/registry_schema.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

int64_t as_signed(uint64_t number) { return static_cast<int64_t>(number); }
uint64_t as_unsigned(int64_t number) { return static_cast<uint64_t>(number); }

// The row as it was read: another process may have written a new state meanwhile.
constexpr const char* kAsRead =
    "id = ?1 AND path = ?2 AND inode = ?3 AND size = ?4 AND mtime_seconds = ?5 AND mtime_nanoseconds = ?6";

// Whether the row was there.
bool run_as_read(Statement& statement, const RegisteredFile& file) {
  statement.bind(1, file.id).bind(2, file.path).bind(3, as_signed(file.state.inode));
  statement.bind(4, as_signed(file.state.size)).bind(5, file.state.mtime_seconds);
  statement.bind(6, file.state.mtime_nanoseconds);
  const bool found = statement.step();
  while (found && statement.step()) continue;
  statement.reset();
  return found;
}

bool is_hash_prefix(std::string_view text) {
  return text.size() >= 6 && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace

Registry::Registry(const std::string& path, Access access)
    : database_(access == Access::damaged ? path : registry_place(path, access == Access::create)) {
  if (access == Access::damaged)
    sealing_ = has_checksums(database_) ? Sealing::sealed : Sealing::bare;
  else
    prepare_schema(database_);
}

void Registry::check() const {
  Statement query = database_.prepare("PRAGMA integrity_check(1)");
  if (query.step() && query.text(0) != "ok")
    throw DatabaseDamaged(ErrorCode::malformed, path(), path() + ": is damaged: " + query.text(0));
  check_rows(database_);
}

uint64_t Registry::size() const {
  return as_unsigned(database_.number("PRAGMA page_count") * database_.number("PRAGMA page_size"));
}

std::vector<RegisteredFile> Registry::files(Columns columns) const {
  return read_files(database_, database_.prepare(files_query(columns, "", sealing_).c_str()), columns);
}

std::vector<RegisteredFile> Registry::called(const std::string& alias) const {
  std::vector<RegisteredFile> found =
      find("WHERE id IN (SELECT file FROM aliases WHERE alias = ?1) OR path = ?1", alias);
  if (!found.empty() || !is_hash_prefix(alias)) return found;
  return find("WHERE sha256 >= ?1 AND sha256 < ?1 || 'g'", alias);
}

std::vector<RegisteredFile> Registry::with_sha256(const std::string& sha256) const {
  return find("WHERE sha256 = ?1", sha256);
}

std::vector<RegisteredFile> Registry::find(const char* condition, const std::string& value) const {
  Statement query = database_.prepare(files_query(Columns::all, condition, sealing_).c_str());
  query.bind(1, value);
  return read_files(database_, std::move(query), Columns::all);
}

std::vector<RegistryRoot> Registry::roots() const { return read_roots(database_, sealing_); }

uint64_t Registry::file_count() const { return as_unsigned(database_.number("SELECT count(*) FROM files")); }

void Registry::list_ids(std::vector<int64_t>& ids, Direction direction) const {
  const char* const order = direction == Direction::up ? "ASC" : "DESC";
  Statement query = database_.prepare(sentence("SELECT id FROM files NOT INDEXED ORDER BY id ", order).c_str());
  while (query.step()) ids.push_back(query.number(0));
}

std::vector<RegisteredFile> Registry::with_id(int64_t id) const {
  Statement query = database_.prepare(files_query(Columns::all, "WHERE id = ?1", sealing_).c_str());
  query.bind(1, id);
  return read_files(database_, std::move(query), Columns::all);
}

void Registry::write(const Changes& changes) {
  if (changes.empty()) return;
  Transaction transaction(database_);
  put_roots(database_, changes.roots);
  put_files(database_, changes.put);
  const std::string sound = sentence(kAsRead, " AND ", row_is_sound());
  Statement mark = database_.prepare(sentence("UPDATE files SET gone = 1 WHERE ", sound, " RETURNING id").c_str());
  for (const RegisteredFile& file : changes.gone)
    if (run_as_read(mark, file)) seal_file(database_, file.id);
  Statement remove = database_.prepare(sentence("DELETE FROM files WHERE ", kAsRead).c_str());
  for (const RegisteredFile& file : changes.remove) run_as_read(remove, file);
  transaction.commit();
}

bool Registry::put_sums(const RegisteredFile& sums) {
  Transaction transaction(database_);
  Statement update = database_.prepare(
      sentence(
          "UPDATE files SET legacy_hash = coalesce(?7, legacy_hash), sha256 = coalesce(?8, sha256), tensor_sha256 = "
          "coalesce(?9, tensor_sha256), crc32 = coalesce(?10, crc32) WHERE path = ?2 AND inode = ?3 AND size = ?4 AND "
          "mtime_seconds = ?5 AND mtime_nanoseconds = ?6 AND ?1 = ?1 AND NOT gone AND ",
          row_is_sound(), " RETURNING id, name, legacy_hash, sha256")
          .c_str());
  update.bind_or_null(7, sums.legacy_hash).bind_or_null(8, sums.sha256);
  update.bind_or_null(9, sums.tensor_sha256).bind_or_null(10, sums.crc32);
  update.bind(1, int64_t{0}).bind(2, sums.path).bind(3, as_signed(sums.state.inode));
  update.bind(4, as_signed(sums.state.size)).bind(5, sums.state.mtime_seconds).bind(6, sums.state.mtime_nanoseconds);
  if (!update.step()) return false;
  const int64_t id = update.number(0);
  const std::string name = update.text(1), legacy_hash = update.text(2), sha256 = update.text(3);
  while (update.step()) continue;
  seal_file(database_, id);
  write_aliases(database_, id, name, legacy_hash, sha256);
  update.reset();
  transaction.commit();
  return true;
}

}  // namespace ckmerge
