// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include "io/file/input_file.h"
#include "io/file/output_target.h"
#include "io/file/retry.h"
#include "io/registry/registry_header.h"
#include "io/registry/registry_lock.h"
#include "io/registry/registry_schema.h"

namespace ckmerge {
namespace {

[[noreturn]] void refuse(const std::string& path, const std::string& sentence) {
  throw Error(ErrorCode::usage, path, path + ": " + sentence);
}

[[noreturn]] void fail_damaged(const std::string& path, const std::string& what) {
  throw DatabaseDamaged(ErrorCode::malformed, path, path + ": is damaged: " + what);
}

// What is called like a database is taken for a registry whose beginning was overwritten.
bool is_called_like_a_database(std::string_view path) {
  return path.ends_with(".db") || path.ends_with(".sqlite") || path.ends_with(".sqlite3");
}

void look_at_beginning(const std::string& path, bool create) {
  const InputFile file(path);
  std::string bytes(std::min<uint64_t>(file.size(), kRegistryHeaderSize), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(bytes)));
  // Another process may be about to make its tables.
  if (bytes.empty() && !create) refuse(path, "is empty; `ckmerge scan DIR` makes a registry of it");
  if (bytes.empty()) return;
  const bool ours = says_it_is_a_registry(bytes);
  if (!begins_as_database(bytes)) {
    if (ours || is_called_like_a_database(path)) fail_damaged(path, "it does not begin as a database does");
    refuse(path, "is no registry; give --registry another file");
  }
  // SQLite itself would say of such a header that it may not write, or that it is too old.
  if (ours && !has_a_header_of_ours(bytes)) fail_damaged(path, "its header is not one that SQLite wrote");
}

// Removes what was made of the folders of a path, unless keep() was called.
class MadeFolders {
 public:
  explicit MadeFolders(const std::string& path) {
    for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
      if (mkdir(path.substr(0, at).c_str(), 0700) == 0) made_.push_back(path.substr(0, at));
    // What is wrong with one, opening says.
  }
  MadeFolders(const MadeFolders&) = delete;
  ~MadeFolders() {
    while (!made_.empty()) {
      rmdir(made_.back().c_str());
      made_.pop_back();
    }
  }
  void keep() { made_.clear(); }

 private:
  std::vector<std::string> made_;
};

bool is_there(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

void make_at(const std::string& path) {
  MadeFolders folders(path);
  {
    const RegistryLock lock(path);
    if (!is_there(path))
      build_registry(
          path, [](const Database&) {}, [] {});
  }
  folders.keep();
}

// A database's file and what SQLite keeps beside it.
void remove_parts(const std::string& path) {
  for (const char* const part : {"-wal", "-shm", "-journal", ""}) unlink((path + part).c_str());
}

// The reason alone: the name under which it is made is nobody's concern.
[[noreturn]] void fail_to_make(const std::string& path, const std::string& made, const Error& error) {
  std::string reason = error.what();
  if (reason.starts_with(made + ": ")) reason.erase(0, made.size() + 2);
  throw Error(error.code(), path, path + ": no registry can be made here, and nothing was left: " + reason);
}

void make_empty_file(const std::string& path, const std::string& made) {
  const int file = retried([&] { return open(made.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600); });
  if (file < 0) fail_output(path, "no registry can be made here", errno);
  close(file);
}

}  // namespace

const std::string& registry_place(const std::string& path, bool create) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    refuse(path, "is a folder; give --registry a file");
  else if (stat(path.c_str(), &status) == 0)
    look_at_beginning(path, create);
  else if (create)
    make_at(path);
  else if (errno == ENOENT || errno == ENOTDIR)
    refuse(path, "there is no registry; `ckmerge scan DIR` makes one");
  return path;
}

void build_registry(const std::string& path, const std::function<void(const Database&)>& fill,
                    const std::function<void()>& before_it_is_put_there) {
  const std::string made = path + ".new";
  remove_parts(made);  // what a killed process left
  make_empty_file(path, made);
  try {
    {
      const Database database(made);
      make_schema(database);
      fill(database);
    }
    before_it_is_put_there();
    if (retried([&] { return rename(made.c_str(), path.c_str()); }) != 0)
      fail_output(made, "cannot be put in place", errno);
  } catch (const Error& error) {
    remove_parts(made);
    fail_to_make(path, made, error);
  } catch (...) {
    remove_parts(made);
    throw;
  }
}

}  // namespace ckmerge
