// SPDX-License-Identifier: Apache-2.0
// The registry: which checkpoints there are, what is known of each, and the names by which people call them. One SQLite
// database (WAL), whose tables docs/registry.md describes. Writers wait for each other, and what one of them knows is
// never overwritten by what another knew before: a row's sums stay while the file's state is the same.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/input_file.h"
#include "io/registry/sqlite.h"

namespace ckmerge {

/// Whether rows have checksums (io/registry/registry_rows.h); those of a damaged registry may be an older version's.
enum class Sealing : uint8_t { bare, sealed };

struct RegisteredFile {
  int64_t id = 0;            ///< of its row; 0 = none yet
  std::string path;          ///< absolute
  std::string name;          ///< below its root, as A1111 has it: "sub/model.safetensors"
  FileIdentity state;        ///< that was examined
  bool settled = true;       ///< false: the file was so fresh that it may have changed without a new modification time
  bool gone = false;         ///< it was not there when last looked for
  int64_t examiner = 0;      ///< version of what examined it (core/registry/examine.h)
  std::string form;          ///< "safetensors", "zip", "pickle", "gguf", "unknown"
  std::string kind;          ///< "checkpoint", "lora", "vae", ...; empty = not known
  std::string architecture;  ///< "sdxl", ...; empty = not known
  uint64_t tensors = 0, parameters = 0;
  std::string dtypes;    ///< JSON: dtype to number of tensors; empty where the tensors are not known
  std::string metadata;  ///< JSON: the file's, without values too large to keep; empty = none
  std::string trouble;   ///< why its tensors are not known
  // Sums, empty while they are not known. REQUIRES: of `state`.
  std::string legacy_hash, sha256, tensor_sha256, crc32;

  /// What identifies a state of a file at one path. Devices are numbered anew when the system starts.
  bool same_state(const FileIdentity& other) const {
    return state.inode == other.inode && state.size == other.size && state.mtime_seconds == other.mtime_seconds &&
           state.mtime_nanoseconds == other.mtime_nanoseconds;
  }
};

/// A folder that was scanned: names are counted from it.
struct RegistryRoot {
  std::string path;  ///< absolute, without a slash at its end
  std::string kind;  ///< what ComfyUI or A1111 keep there ("checkpoints", "loras", ...); empty = anything
};

class Registry {
 public:
  enum class Access : uint8_t { existing, create, damaged };

  /// Opens the database at `path`; with `create` makes it, and its folders, or nothing at all; `damaged` opens whatever
  /// is there, to read from it what can be read. Throws Error: usage where there is none or another program's file, io,
  /// resources; DatabaseDamaged.
  Registry(const std::string& path, Access access);

  const std::string& path() const { return database_.path(); }

  /// Throws DatabaseDamaged. Reads all of it, the checksums of rows too.
  void check() const;
  uint64_t size() const;  ///< bytes of the database

  // Reading. Sorted by name, then path.
  enum class Columns : uint8_t { all, without_metadata };
  std::vector<RegisteredFile> files(Columns columns) const;
  /// Those that `alias` names: one of A1111's names for it (io/hash/checkpoint_names.h), its path, or six or more of
  /// the first digits of its SHA-256.
  std::vector<RegisteredFile> called(const std::string& alias) const;
  std::vector<RegisteredFile> with_sha256(const std::string& sha256) const;
  std::vector<RegistryRoot> roots() const;
  uint64_t file_count() const;
  // For what is damaged (io/registry/registry_damage.h): adds row numbers until one cannot be read, and reads one row.
  enum class Direction : uint8_t { up, down };
  void list_ids(std::vector<int64_t>& ids, Direction direction) const;
  std::vector<RegisteredFile> with_id(int64_t id) const;

  // Writing, each in a transaction of its own.
  struct Changes {
    std::vector<RegistryRoot> roots;     ///< added, or their kind set
    std::vector<RegisteredFile> put;     ///< by path; an old row's sums are kept where its state is the same
    std::vector<RegisteredFile> gone;    ///< marked, unless their row has changed since it was read
    std::vector<RegisteredFile> remove;  ///< likewise
    bool empty() const { return roots.empty() && put.empty() && gone.empty() && remove.empty(); }
  };
  void write(const Changes& changes);

  /// Adds sums to the row of `path`, if it is there and `state` is still its state. True when it was.
  bool put_sums(const RegisteredFile& sums);

 private:
  std::vector<RegisteredFile> find(const char* condition, const std::string& value) const;

  Database database_;
  Sealing sealing_ = Sealing::sealed;
};

}  // namespace ckmerge
