// SPDX-License-Identifier: Apache-2.0
// SQLite as classes: what constructors take, destructors give back, and failures are Errors. Used by the registry alone
// (io/registry/registry.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/text/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ckmerge {

/// The file is damaged, or is no database.
struct DatabaseDamaged : Error {
  using Error::Error;
};

/// Reading or writing failed. The disk may be at fault; or another process is just setting a damaged database aside,
/// and its log went from under this one.
class DatabaseDisturbed : public Error {
 public:
  using Error::Error;
};

class Statement {
 public:
  Statement(const Statement&) = delete;
  Statement(Statement&& other) noexcept : database_(other.database_), statement_(other.statement_) {
    other.statement_ = nullptr;
  }
  ~Statement();

  /// Parameters are counted from 1. Bytes that are UTF-8 are bound as TEXT, others as BLOB: equal bytes are equal
  /// values either way, and whoever reads the database finds texts where there are texts.
  Statement& bind(int index, int64_t number);
  Statement& bind(int index, std::string_view text);
  Statement& bind_or_null(int index, std::string_view text);  ///< empty is NULL

  /// True when there is a row. After the last, and after reset(), parameters can be bound anew.
  bool step();
  void reset();
  /// step(), of a statement that gives no row, and reset().
  void run();

  // Columns of the row, counted from 0.
  int64_t number(int column) const;
  std::string text(int column) const;  ///< empty for NULL

 private:
  friend class Database;
  Statement(const class Database& database, sqlite3_stmt* statement) : database_(&database), statement_(statement) {}
  const class Database* database_;
  sqlite3_stmt* statement_;
};

/// An SQL function that every Database has: the CRC-32 of its arguments, which tells values, types and places apart.
inline constexpr const char* kChecksum = "ckmerge_checksum";

class Database {
 public:
  /// Opens the file, for writing where that is allowed. What a writer holds for up to ten seconds is waited for. Throws
  /// Error(io), DatabaseDamaged.
  explicit Database(const std::string& path);
  Database(const Database&) = delete;
  ~Database();

  const std::string& path() const { return path_; }
  void execute(const char* sql) const;
  Statement prepare(const char* sql) const;
  int64_t number(const char* sql) const;  ///< of a query with one row and column

  /// Throws the Error for `result`, a code that is not one of success. A full disk or quota is Error(resources).
  [[noreturn]] void fail(int result) const;

 private:
  std::string path_;
  sqlite3* connection_ = nullptr;
};

/// BEGIN IMMEDIATE: nobody else writes until commit(). Undone by the destructor otherwise.
class Transaction {
 public:
  explicit Transaction(const Database& database) : database_(database) { database.execute("BEGIN IMMEDIATE"); }
  Transaction(const Transaction&) = delete;
  ~Transaction();
  void commit();

 private:
  const Database& database_;
  bool open_ = true;
};

std::string sqlite_version();

}  // namespace ckmerge
