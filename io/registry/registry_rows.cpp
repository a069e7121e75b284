// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_rows.h"

#include "io/hash/checkpoint_names.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr const char* kColumns =
    "id, path, name, device, inode, size, mtime_seconds, mtime_nanoseconds, settled, gone, examiner, form, kind, "
    "architecture, tensors, parameters, dtypes, trouble, legacy_hash, sha256, tensor_sha256, crc32";

// Metadata has a checksum of its own, so that a list of files need not read it.
std::string columns_are_sound() { return sentence("checksum IS ", kChecksum, "(", kColumns, ")"); }
std::string metadata_is_sound() { return sentence("metadata_checksum IS ", kChecksum, "(metadata)"); }
std::string root_is_sound() { return sentence("checksum IS ", kChecksum, "(path, kind)"); }

std::string seal_text() {
  return sentence("UPDATE files SET checksum = ", kChecksum, "(", kColumns, "), metadata_checksum = ", kChecksum,
                  "(metadata)");
}

int64_t as_signed(uint64_t number) { return static_cast<int64_t>(number); }
uint64_t as_unsigned(int64_t number) { return static_cast<uint64_t>(number); }

[[noreturn]] void fail_spoilt(const Database& database, const std::string& what) {
  throw DatabaseDamaged(ErrorCode::malformed, database.path(),
                        sentence(database.path(), ": is damaged: what it says of ", what, " is not what was written"));
}

// The first column tells whether the row is sound.
RegisteredFile read_row(const Statement& row, bool with_metadata) {
  RegisteredFile file;
  int column = 1;
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
  const std::string same = sentence(kSame, " AND ", columns_are_sound());
  for (const char* name : kWritten) column(name, sentence("excluded.", name));
  for (const char* name : kSums)
    column(name, sentence("coalesce(excluded.", name, ", CASE WHEN ", same, " THEN files.", name, " END)"));
  column("metadata", "excluded.metadata");
  return sentence("INSERT INTO files(", names, ") VALUES (", values, ") ON CONFLICT(path) DO UPDATE SET ", updates,
                  " RETURNING id, legacy_hash, sha256");
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
  seal_file(database, id);
  write_aliases(database, id, file.name, legacy_hash, sha256);
}

}  // namespace

std::string row_is_sound() { return sentence("(", columns_are_sound(), " AND ", metadata_is_sound(), ")"); }

std::string files_query(Registry::Columns columns, const std::string& condition, Sealing sealing) {
  const bool all = columns == Registry::Columns::all;
  const std::string sound = sealing == Sealing::bare ? "1" : all ? row_is_sound() : columns_are_sound();
  return sentence("SELECT ", sound, ", ", kColumns, all ? ", metadata" : "", " FROM files ", condition,
                  " ORDER BY name, path");
}

std::vector<RegisteredFile> read_files(const Database& database, Statement query, Registry::Columns columns) {
  std::vector<RegisteredFile> files;
  while (query.step()) {
    if (query.number(0) == 0) fail_spoilt(database, "a checkpoint");
    files.push_back(read_row(query, columns == Registry::Columns::all));
  }
  return files;
}

std::vector<RegistryRoot> read_roots(const Database& database, Sealing sealing) {
  const std::string sound = sealing == Sealing::bare ? "1" : root_is_sound();
  Statement query = database.prepare(sentence("SELECT ", sound, ", path, kind FROM roots ORDER BY path").c_str());
  std::vector<RegistryRoot> roots;
  while (query.step()) {
    if (query.number(0) == 0) fail_spoilt(database, "a folder");
    roots.push_back({.path = query.text(1), .kind = query.text(2)});
  }
  return roots;
}

void check_rows(const Database& database) {
  if (database.number(sentence("SELECT count(*) FROM files WHERE NOT ", row_is_sound()).c_str()) != 0)
    fail_spoilt(database, "a checkpoint");
  if (database.number(sentence("SELECT count(*) FROM roots WHERE NOT ", root_is_sound()).c_str()) != 0)
    fail_spoilt(database, "a folder");
}

void put_roots(const Database& database, const std::vector<RegistryRoot>& roots) {
  Statement put_root = database.prepare(
      sentence("INSERT INTO roots(path, kind, checksum) VALUES (?1, ?2, ", kChecksum,
               "(?1, ?2)) ON CONFLICT(path) DO UPDATE SET kind = excluded.kind, checksum = excluded.checksum")
          .c_str());
  for (const RegistryRoot& root : roots) put_root.bind(1, root.path).bind_or_null(2, root.kind).run();
}

void put_files(const Database& database, const std::vector<RegisteredFile>& files) {
  Statement put_file = database.prepare(put_text().c_str());
  for (const RegisteredFile& file : files) put(database, put_file, file);
}

void seal_file(const Database& database, int64_t id) {
  Statement seal = database.prepare(sentence(seal_text(), " WHERE id = ?1").c_str());
  seal.bind(1, id).run();
}

void seal_all(const Database& database) {
  database.execute(seal_text().c_str());
  database.execute(sentence("UPDATE roots SET checksum = ", kChecksum, "(path, kind)").c_str());
}

void write_aliases(const Database& database, int64_t id, const std::string& name, const std::string& legacy_hash,
                   const std::string& sha256) {
  Statement old = database.prepare("DELETE FROM aliases WHERE file = ?1");
  old.bind(1, id).run();
  Statement insert = database.prepare("INSERT INTO aliases(alias, file) VALUES (?1, ?2)");
  for (const std::string& alias : checkpoint_names(name, legacy_hash, sha256).aliases)
    insert.bind(1, alias).bind(2, id).run();
}

}  // namespace ckmerge
