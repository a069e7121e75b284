// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/hash/checkpoint_names.h"
#include "io/registry/registry_schema.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr const char* kColumns =
    "id, path, name, device, inode, size, mtime_seconds, mtime_nanoseconds, settled, gone, examiner, form, kind, "
    "architecture, tensors, parameters, dtypes, trouble, legacy_hash, sha256, tensor_sha256, crc32";

int64_t as_signed(uint64_t number) { return static_cast<int64_t>(number); }
uint64_t as_unsigned(int64_t number) { return static_cast<uint64_t>(number); }

RegisteredFile read_row(const Statement& row, bool with_metadata) {
  RegisteredFile file;
  int column = 0;
  const auto number = [&] { return row.number(column++); };
  const auto text = [&] { return row.text(column++); };
  file.id = number();
  file.path = text();
  file.name = text();
  file.state = {.device = as_unsigned(number()),
                .inode = as_unsigned(number()),
                .size = as_unsigned(number()),
                .mtime_seconds = number(),
                .mtime_nanoseconds = number()};
  file.settled = number() != 0;
  file.gone = number() != 0;
  file.examiner = number();
  for (std::string* field : {&file.form, &file.kind, &file.architecture}) *field = text();
  file.tensors = as_unsigned(number());
  file.parameters = as_unsigned(number());
  for (std::string* field :
       {&file.dtypes, &file.trouble, &file.legacy_hash, &file.sha256, &file.tensor_sha256, &file.crc32})
    *field = text();
  if (with_metadata) file.metadata = text();
  return file;
}

std::vector<RegisteredFile> read_rows(Statement query, bool with_metadata) {
  std::vector<RegisteredFile> files;
  while (query.step()) files.push_back(read_row(query, with_metadata));
  return files;
}

std::string select(const char* columns, const char* condition) {
  return sentence("SELECT ", columns, " FROM files ", condition, " ORDER BY name, path");
}

std::string select_all(const char* condition) { return select(sentence(kColumns, ", metadata").c_str(), condition); }

// A row's sums outlive that it is written again, as long as the file's state is the same. Whoever writes may have
// looked before somebody else hashed.
std::string put_text() {
  constexpr const char* kWritten[] = {
      "name",     "device", "inode", "size",         "mtime_seconds", "mtime_nanoseconds", "settled", "gone",
      "examiner", "form",   "kind",  "architecture", "tensors",       "parameters",        "dtypes",  "trouble"};
  constexpr const char* kSums[] = {"legacy_hash", "sha256", "tensor_sha256", "crc32"};
  std::string names = "path", values = "?1", updates;
  int parameter = 2;
  const auto column = [&](const char* name, const std::string& update) {
    names += sentence(", ", name);
    values += sentence(", ?", parameter++);
    updates += sentence(updates.empty() ? "" : ", ", name, " = ", update);
  };
  constexpr const char* kSame =
      "excluded.inode = files.inode AND excluded.size = files.size AND excluded.mtime_seconds = files.mtime_seconds "
      "AND "
      "excluded.mtime_nanoseconds = files.mtime_nanoseconds AND files.settled";
  for (const char* name : kWritten) column(name, sentence("excluded.", name));
  for (const char* name : kSums)
    column(name, sentence("coalesce(excluded.", name, ", CASE WHEN ", kSame, " THEN files.", name, " END)"));
  column("metadata", "excluded.metadata");
  return sentence("INSERT INTO files(", names, ") VALUES (", values, ") ON CONFLICT(path) DO UPDATE SET ", updates,
                  " RETURNING id, legacy_hash, sha256");
}

void write_aliases(const Database& database, int64_t id, std::string_view name, std::string_view legacy_hash,
                   std::string_view sha256) {
  Statement old = database.prepare("DELETE FROM aliases WHERE file = ?1");
  old.bind(1, id).run();
  Statement insert = database.prepare("INSERT INTO aliases(alias, file) VALUES (?1, ?2)");
  for (const std::string& alias : checkpoint_names(name, legacy_hash, sha256).aliases)
    insert.bind(1, alias).bind(2, id).run();
}

void put(const Database& database, Statement& statement, const RegisteredFile& file) {
  int index = 0;
  const auto text = [&](std::string_view value) { statement.bind(++index, value); };
  const auto text_or_null = [&](std::string_view value) { statement.bind_or_null(++index, value); };
  const auto number = [&](int64_t value) { statement.bind(++index, value); };
  text(file.path);
  text(file.name);
  number(as_signed(file.state.device));
  number(as_signed(file.state.inode));
  number(as_signed(file.state.size));
  number(file.state.mtime_seconds);
  number(file.state.mtime_nanoseconds);
  number(file.settled);
  number(file.gone);
  number(file.examiner);
  for (const std::string* field : {&file.form, &file.kind, &file.architecture}) text_or_null(*field);
  number(as_signed(file.tensors));
  number(as_signed(file.parameters));
  for (const std::string* field :
       {&file.dtypes, &file.trouble, &file.legacy_hash, &file.sha256, &file.tensor_sha256, &file.crc32, &file.metadata})
    text_or_null(*field);
  statement.step();
  const int64_t id = statement.number(0);
  const std::string legacy_hash = statement.text(1), sha256 = statement.text(2);
  while (statement.step()) continue;
  statement.reset();
  write_aliases(database, id, file.name, legacy_hash, sha256);
}

// The row as it was read: another process may have written a new state meanwhile.
constexpr const char* kAsRead =
    "id = ?1 AND path = ?2 AND inode = ?3 AND size = ?4 AND mtime_seconds = ?5 AND mtime_nanoseconds = ?6";

void run_as_read(Statement& statement, const RegisteredFile& file) {
  statement.bind(1, file.id).bind(2, file.path).bind(3, as_signed(file.state.inode));
  statement.bind(4, as_signed(file.state.size)).bind(5, file.state.mtime_seconds);
  statement.bind(6, file.state.mtime_nanoseconds).run();
}

bool is_hash_prefix(std::string_view text) {
  return text.size() >= 6 && text.size() <= 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace

Registry::Registry(const std::string& path, Access access)
    : database_(registry_place(path, access == Access::create), access == Access::create) {
  prepare_schema(database_);
}

void Registry::check() const {
  Statement query = database_.prepare("PRAGMA integrity_check(1)");
  if (query.step() && query.text(0) != "ok")
    throw DatabaseDamaged(ErrorCode::malformed, path(), path() + ": is damaged: " + query.text(0));
}

uint64_t Registry::size() const {
  return as_unsigned(database_.number("PRAGMA page_count") * database_.number("PRAGMA page_size"));
}

std::vector<RegisteredFile> Registry::files(Columns columns) const {
  const bool all = columns == Columns::all;
  return read_rows(database_.prepare((all ? select_all("") : select(kColumns, "")).c_str()), all);
}

std::vector<RegisteredFile> Registry::called(const std::string& alias) const {
  Statement query =
      database_.prepare(select_all("WHERE id IN (SELECT file FROM aliases WHERE alias = ?1) OR path = ?1").c_str());
  query.bind(1, alias);
  std::vector<RegisteredFile> found = read_rows(std::move(query), true);
  if (!found.empty() || !is_hash_prefix(alias)) return found;
  Statement by_prefix = database_.prepare(select_all("WHERE sha256 >= ?1 AND sha256 < ?1 || 'g'").c_str());
  by_prefix.bind(1, alias);
  return read_rows(std::move(by_prefix), true);
}

std::vector<RegisteredFile> Registry::with_sha256(const std::string& sha256) const {
  Statement query = database_.prepare(select_all("WHERE sha256 = ?1").c_str());
  query.bind(1, sha256);
  return read_rows(std::move(query), true);
}

std::vector<RegistryRoot> Registry::roots() const {
  Statement query = database_.prepare("SELECT path, kind FROM roots ORDER BY path");
  std::vector<RegistryRoot> roots;
  while (query.step()) roots.push_back({.path = query.text(0), .kind = query.text(1)});
  return roots;
}

uint64_t Registry::file_count() const { return as_unsigned(database_.number("SELECT count(*) FROM files")); }

void Registry::list_ids(std::vector<int64_t>& ids, Direction direction) const {
  const char* const order = direction == Direction::up ? "ASC" : "DESC";
  Statement query = database_.prepare(sentence("SELECT id FROM files NOT INDEXED ORDER BY id ", order).c_str());
  while (query.step()) ids.push_back(query.number(0));
}

std::vector<RegisteredFile> Registry::with_id(int64_t id) const {
  Statement query = database_.prepare(select_all("WHERE id = ?1").c_str());
  query.bind(1, id);
  return read_rows(std::move(query), true);
}

void Registry::write(const Changes& changes) {
  if (changes.empty()) return;
  Transaction transaction(database_);
  Statement root = database_.prepare(
      "INSERT INTO roots(path, kind) VALUES (?1, ?2) ON CONFLICT(path) DO UPDATE SET kind = excluded.kind");
  for (const RegistryRoot& added : changes.roots) root.bind(1, added.path).bind_or_null(2, added.kind).run();
  Statement put_file = database_.prepare(put_text().c_str());
  for (const RegisteredFile& file : changes.put) put(database_, put_file, file);
  Statement mark = database_.prepare(sentence("UPDATE files SET gone = 1 WHERE ", kAsRead).c_str());
  for (const RegisteredFile& file : changes.gone) run_as_read(mark, file);
  Statement remove = database_.prepare(sentence("DELETE FROM files WHERE ", kAsRead).c_str());
  for (const RegisteredFile& file : changes.remove) run_as_read(remove, file);
  transaction.commit();
}

bool Registry::put_sums(const RegisteredFile& sums) {
  Transaction transaction(database_);
  Statement update = database_.prepare(
      "UPDATE files SET legacy_hash = coalesce(?7, legacy_hash), sha256 = coalesce(?8, sha256), tensor_sha256 = "
      "coalesce(?9, tensor_sha256), crc32 = coalesce(?10, crc32) WHERE path = ?2 AND inode = ?3 AND size = ?4 AND "
      "mtime_seconds = ?5 AND mtime_nanoseconds = ?6 AND ?1 = ?1 AND NOT gone RETURNING id, name, legacy_hash, sha256");
  update.bind_or_null(7, sums.legacy_hash).bind_or_null(8, sums.sha256);
  update.bind_or_null(9, sums.tensor_sha256).bind_or_null(10, sums.crc32);
  update.bind(1, int64_t{0}).bind(2, sums.path).bind(3, as_signed(sums.state.inode));
  update.bind(4, as_signed(sums.state.size)).bind(5, sums.state.mtime_seconds).bind(6, sums.state.mtime_nanoseconds);
  if (!update.step()) return false;
  const int64_t id = update.number(0);
  const std::string name = update.text(1), legacy_hash = update.text(2), sha256 = update.text(3);
  while (update.step()) continue;
  write_aliases(database_, id, name, legacy_hash, sha256);
  update.reset();
  transaction.commit();
  return true;
}

}  // namespace ckmerge
