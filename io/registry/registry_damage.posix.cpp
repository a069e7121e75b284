// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_damage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "io/file/retry.h"
#include "io/registry/registry.h"
#include "io/registry/registry_header.h"
#include "io/registry/registry_lock.h"
#include "io/registry/registry_place.h"
#include "io/registry/registry_rows.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

bool is_there(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0;
}

bool is_good(const std::string& path) {
  try {
    Registry(path, Registry::Access::existing).check();
    return true;
  } catch (const DatabaseDamaged&) {
    return false;
  }
}

std::string free_name(const std::string& path) {
  for (uint64_t number = 1;; ++number)
    if (std::string name = sentence(path, ".damaged-", number); !is_there(name)) return name;
}

void move(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT)
    throw Error(ErrorCode::io, from, sentence(from, ": is damaged and cannot be set aside: ", strerror(errno)));
}

constexpr const char* kLogs[] = {"-wal", "-shm"};

// The log first: what a new registry finds beside it would be taken for its own. The old one keeps its name, where the
// filesystem knows links, until the new one takes it.
void set_parts_aside(const std::string& path, const std::string& kept_as) {
  for (const char* const log : kLogs) move(path + log, kept_as + log);
  if (link(path.c_str(), kept_as.c_str()) != 0) move(path, kept_as);
}

void put_parts_back(const std::string& path, const std::string& kept_as) {
  if (is_there(path))
    unlink(kept_as.c_str());
  else
    move(kept_as, path);
  for (const char* const log : kLogs) move(kept_as + log, path + log);
}

// Rows up to the first that cannot be read.
template <typename Read>
void as_far_as_possible(const Read& read) {
  try {
    read();
  } catch (const Error&) {
    // What was read so far is what there is.
  }
}

// Of a row that was read through damage, sums that cannot be sums are not taken over.
void drop_spoilt_sums(RegisteredFile& file) {
  const auto is_sum = [](const std::string& text, size_t digits) {
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  };
  for (std::string* sum : {&file.sha256, &file.tensor_sha256})
    if (!is_sum(*sum, 64)) sum->clear();
  for (std::string* sum : {&file.legacy_hash, &file.crc32})
    if (!is_sum(*sum, 8)) sum->clear();
}

// Row by row, by number, so that a damaged page costs the rows on it and no others.
void save_files(const Registry& damaged, Registry::Changes& saved) {
  std::vector<int64_t> ids;
  as_far_as_possible([&] { damaged.list_ids(ids, Registry::Direction::up); });
  as_far_as_possible([&] { damaged.list_ids(ids, Registry::Direction::down); });
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const int64_t id : ids)
    as_far_as_possible([&] {
      for (RegisteredFile& file : damaged.with_id(id)) {
        drop_spoilt_sums(file);
        if (file.path.starts_with('/')) saved.put.push_back(std::move(file));
      }
    });
}

uint64_t big_endian(const unsigned char* bytes, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | bytes[i];
  return value;
}

// SQLite reads nothing of a database whose file is shorter than its header says (bytes 16 and 28: the size of a page,
// and how many): with zeros in the place of what is missing it reads what is there.
void lengthen_to_promised_size(const std::string& path) {
  constexpr uint64_t kMostTimes = 64;
  const int file = retried([&] { return open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW); });
  if (file < 0) return;
  unsigned char header[100];
  struct stat status;
  if (fstat(file, &status) == 0 && pread(file, header, sizeof header, 0) == sizeof header) {
    const uint64_t page = big_endian(header + 16, 2), pages = big_endian(header + 28, 4);
    const uint64_t promised = (page == 1 ? 65536 : page) * pages, size = static_cast<uint64_t>(status.st_size);
    if (promised > size && promised / kMostTimes < size)
      static_cast<void>(!ftruncate(file, static_cast<off_t>(promised)));  // else as before
  }
  close(file);
}

// What is the same in every registry costs no row, were it spoilt.
void mend_header_of(const std::string& path) {
  const int file = retried([&] { return open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW); });
  if (file < 0) return;
  std::string header(kRegistryHeaderSize, '\0');
  if (pread(file, header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()) &&
      says_it_is_a_registry(header) && !has_a_header_of_ours(header)) {
    mend_header(header);
    static_cast<void>(!pwrite(file, header.data(), header.size(), 0));  // else as before
  }
  close(file);
}

Registry::Changes save(const std::string& path) {
  mend_header_of(path);
  lengthen_to_promised_size(path);
  Registry::Changes saved;
  as_far_as_possible([&] {
    const Registry damaged(path, Registry::Access::damaged);
    as_far_as_possible([&] { saved.roots = damaged.roots(); });
    as_far_as_possible([&] { save_files(damaged, saved); });
  });
  return saved;
}

}  // namespace

SetAside set_registry_aside(const std::string& path) {
  const RegistryLock lock(path);
  if (!is_there(path) || is_good(path)) return {};
  const Registry::Changes saved = save(path);
  const std::string kept_as = free_name(path);
  try {
    build_registry(
        path,
        [&](const Database& database) {
          Transaction transaction(database);
          put_roots(database, saved.roots);
          put_files(database, saved.put);
          transaction.commit();
        },
        [&] { set_parts_aside(path, kept_as); });
  } catch (...) {
    put_parts_back(path, kept_as);
    throw;
  }
  return {.kept_as = kept_as, .files_saved = saved.put.size()};
}

}  // namespace ckmerge
