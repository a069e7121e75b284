// SPDX-License-Identifier: Apache-2.0
#include "io/registry/sqlite.h"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <span>

#include "io/hash/crc32.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// Transactions take milliseconds; whoever waits longer waits for a process that was stopped.
constexpr int kBusyMilliseconds = 10'000;

// Of a sound registry no statement of ours breaks a constraint, or is too large.
bool is_damage(int result) {
  const int kind = result & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH ||
         kind == SQLITE_TOOBIG || result == SQLITE_IOERR_SHORT_READ;
}

// What SQLite cannot make sense of, it calls an error of the statement.
bool tells_of_damage(std::string_view why) {
  return why.starts_with("no such ") || why.starts_with("unsupported file format") || why.starts_with("malformed");
}

// The errors by which a system refuses room.
bool is_full(int error) { return error == ENOSPC || error == EDQUOT || error == EFBIG; }

// A value's type, length and bytes.
void append_value(std::string& bytes, sqlite3_value* value) {
  const int type = sqlite3_value_type(value);
  bytes += static_cast<char>(type);
  const int64_t number = type == SQLITE_INTEGER ? sqlite3_value_int64(value) : 0;
  const void* const text = type == SQLITE_INTEGER || type == SQLITE_NULL ? nullptr : sqlite3_value_blob(value);
  const auto size = static_cast<uint64_t>(text ? sqlite3_value_bytes(value) : 0);
  for (int shift = 0; shift < 64; shift += 8)
    bytes += static_cast<char>((type == SQLITE_INTEGER ? static_cast<uint64_t>(number) : size) >> shift);
  if (text) bytes.append(static_cast<const char*>(text), size);
}

void give_checksum(sqlite3_context* context, int count, sqlite3_value** values) noexcept try {
  std::string bytes;
  for (int i = 0; i < count; ++i) append_value(bytes, values[i]);
  sqlite3_result_int64(context, crc32_of(std::as_bytes(std::span(bytes))));
} catch (const std::bad_alloc&) {
  sqlite3_result_error_nomem(context);
}

}  // namespace

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int index, int64_t number) {
  if (const int result = sqlite3_bind_int64(statement_, index, number)) database_->fail(result);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  const auto size = static_cast<sqlite3_uint64>(text.size());
  const int result = is_utf8(text)
                         ? sqlite3_bind_text64(statement_, index, text.data(), size, SQLITE_TRANSIENT, SQLITE_UTF8)
                         : sqlite3_bind_blob64(statement_, index, text.data(), size, SQLITE_TRANSIENT);
  if (result) database_->fail(result);
  return *this;
}

Statement& Statement::bind_or_null(int index, std::string_view text) {
  if (!text.empty()) return bind(index, text);
  if (const int result = sqlite3_bind_null(statement_, index)) database_->fail(result);
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) database_->fail(result);
  return false;
}

void Statement::reset() { sqlite3_reset(statement_); }

void Statement::run() {
  step();
  reset();
}

int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Statement::text(int column) const {
  const void* const bytes = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement_, column));
  return bytes ? std::string(static_cast<const char*>(bytes), size) : std::string();
}

Database::Database(const std::string& path) : path_(path) {
  // A name such as `file:x?mode=memory` means a file of that name: URIs are off, and the name is no special word.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  const int result = sqlite3_open_v2(name.c_str(), &connection_, SQLITE_OPEN_READWRITE, nullptr);
  try {
    if (result) fail(result);
    sqlite3_busy_timeout(connection_, kBusyMilliseconds);
    sqlite3_extended_result_codes(connection_, 1);
    // An untrusted database must not run code by what its schema holds.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    constexpr int kFlags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    if (const int defined =
            sqlite3_create_function(connection_, kChecksum, -1, kFlags, nullptr, give_checksum, nullptr, nullptr))
      fail(defined);
  } catch (...) {
    sqlite3_close(connection_);
    throw;
  }
}

Database::~Database() { sqlite3_close(connection_); }

void Database::execute(const char* sql) const {
  if (const int result = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr)) fail(result);
}

Statement Database::prepare(const char* sql) const {
  sqlite3_stmt* statement = nullptr;
  if (const int result = sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr)) fail(result);
  return Statement(*this, statement);
}

int64_t Database::number(const char* sql) const {
  Statement query = prepare(sql);
  return query.step() ? query.number(0) : 0;
}

void Database::fail(int result) const {
  const int last = errno;
  const std::string why = connection_ ? sqlite3_errmsg(connection_) : sqlite3_errstr(result);
  if (is_damage(result) || (result == SQLITE_ERROR && tells_of_damage(why)))
    throw DatabaseDamaged(ErrorCode::malformed, path_, path_ + ": is damaged: " + why);
  // SQLite keeps the system's reason of the database's file, not of its journal's.
  const int kept = connection_ ? sqlite3_system_errno(connection_) : 0, error = kept ? kept : last;
  if (((result & 0xff) == SQLITE_IOERR || (result & 0xff) == SQLITE_CANTOPEN) && is_full(error))
    throw Error(ErrorCode::resources, path_, path_ + ": cannot be written: " + strerror(error) + "; free some space");
  if ((result & 0xff) == SQLITE_IOERR)
    throw DatabaseDisturbed(ErrorCode::io, path_, path_ + ": cannot be used: " + why);
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::io, path_,
                  path_ + ": another process has held it for more than ten seconds; wait for it, or end it");
    case SQLITE_FULL: throw Error(ErrorCode::resources, path_, path_ + ": the disk is full; free some space");
    case SQLITE_READONLY:
      throw Error(ErrorCode::io, path_,
                  path_ +
                      ": cannot be used by one who may not write to it and its folder; ask its owner, or keep a "
                      "registry of your own (--registry FILE)");
    case SQLITE_NOMEM: throw Error(ErrorCode::resources, path_, path_ + ": memory ran out");
    default: throw Error(ErrorCode::io, path_, path_ + ": cannot be used: " + why);
  }
}

Transaction::~Transaction() {
  if (!open_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error&) {
    // SQLite has undone it by itself.
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

std::string sqlite_version() { return sqlite3_libversion(); }

}  // namespace ckmerge
