// SPDX-License-Identifier: Apache-2.0
#include "io/registry/sqlite.h"

#include <sqlite3.h>

#include "io/text/utf8.h"

namespace ckmerge {
namespace {

// Transactions take milliseconds; whoever waits longer waits for a process that was stopped.
constexpr int kBusyMilliseconds = 10'000;

bool is_damage(int result) {
  const int kind = result & 0xff;
  return kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || result == SQLITE_IOERR_SHORT_READ;
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

Database::Database(const std::string& path, bool create) : path_(path) {
  const int flags = SQLITE_OPEN_READWRITE | (create ? SQLITE_OPEN_CREATE : 0);
  // A name such as `file:x?mode=memory` means a file of that name: URIs are off, and the name is no special word.
  const std::string name = path.starts_with('/') ? path : "./" + path;
  const int result = sqlite3_open_v2(name.c_str(), &connection_, flags, nullptr);
  try {
    if (result) fail(result);
    sqlite3_busy_timeout(connection_, kBusyMilliseconds);
    sqlite3_extended_result_codes(connection_, 1);
    // An untrusted database must not run code by what its schema holds.
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(connection_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
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
  const std::string why = connection_ ? sqlite3_errmsg(connection_) : sqlite3_errstr(result);
  if (is_damage(result)) throw DatabaseDamaged(ErrorCode::malformed, path_, path_ + ": is damaged: " + why);
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
