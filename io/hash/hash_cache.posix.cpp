// SPDX-License-Identifier: Apache-2.0
// The file has a line per sum: "2 DEVICE INODE SIZE MTIME NANOSECONDS CTIME NANOSECONDS SHA256 CHECK", 2 being the
// format's version and CHECK an FNV-1a of what precedes it, so that a torn or damaged line is no line. Lines are
// appended, each with one write, and later ones win. When most of a file of a megabyte is stale it is replaced by its
// newest lines. Lines of version 1, without CTIME, tell that a file is a cache and nothing else.
//
// The lock (flock) is held while appending and replacing; whoever waited for it while the file was replaced opens the
// new one. Where the filesystem has no locks, one write at the file's end is still one write; only an entry appended
// during the replacement can be lost there, and its file is hashed again.
#include "io/hash/hash_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "io/hash/sha256.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr uint64_t kReplacedFrom = 1'000'000;   // bytes; some 6000 lines
constexpr uint64_t kLargestRead = 16ull << 20;  // bytes at the end of a file that somebody let grow beyond reason
constexpr int64_t kUncertainSeconds = 2;        // FAT's step of modification times, the coarsest
constexpr int kLockTries = 1000;                // a millisecond apart: a stopped process may hold the lock for ever
constexpr std::string_view kVersion = "2 ", kVersionBefore = "1 ";
constexpr mode_t kFileMode = 0600, kFolderMode = 0700;

class Descriptor {
 public:
  // O_NONBLOCK: a pipe in the cache's place must not make open() wait. A link there is not followed: a replacement
  // would put a file in its place.
  Descriptor(const std::string& path, int flags) {
    do number_ = open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, kFileMode);
    while (number_ < 0 && errno == EINTR);
  }
  Descriptor(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  operator int() const { return number_; }

 private:
  int number_;
};

bool examine_file(int descriptor, struct stat& status) {
  return descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

// 64-bit FNV-1a, as 16 hex digits. It finds accidents; nobody but the user can write here.
std::string check_of(std::string_view text) {
  uint64_t sum = 0xcbf29ce484222325;
  for (const unsigned char byte : text) sum = (sum ^ byte) * 0x100000001b3;
  std::string digits(16, '0');
  for (size_t i = 16; i-- > 0; sum >>= 4) digits[i] = "0123456789abcdef"[sum & 15];
  return digits;
}

std::string key_of(const FileIdentity& file) {
  return sentence(kVersion, file.device, " ", file.inode, " ", file.size, " ", file.mtime_seconds, " ",
                  file.mtime_nanoseconds, " ", file.ctime_seconds, " ", file.ctime_nanoseconds, " ");
}

bool is_whole(std::string_view line) {
  const size_t check = line.rfind(' ');
  return check != std::string_view::npos && line.substr(check + 1) == check_of(line.substr(0, check));
}

// The file's bytes, or its last ones where it is too large, behind a line's end.
std::string read_end(int descriptor, uint64_t size) {
  const uint64_t wanted = std::min(size, kLargestRead);
  std::string text(wanted + 1, '\n');
  size_t done = 0;
  while (done < wanted) {
    const ssize_t got =
        pread(descriptor, text.data() + 1 + done, wanted - done, static_cast<off_t>(size - wanted + done));
    if (got == 0 || (got < 0 && errno != EINTR)) break;
    done += static_cast<size_t>(std::max<ssize_t>(got, 0));
  }
  text.resize(1 + done);
  return text;
}

bool has_version(std::string_view text) { return text.starts_with(kVersion) || text.starts_with(kVersionBefore); }

// Version, device and inode: of a file only the newest state is of use.
std::string_view file_of(std::string_view line) {
  size_t end = 0;
  for (int words = 0; words < 3 && end != std::string_view::npos; ++words) end = line.find(' ', end + 1);
  return line.substr(0, end);
}

// Whether a file is a cache: empty, with a whole line among its first, or the torn beginning of a line. Anything else
// of that name is another program's.
bool is_cache(int descriptor, uint64_t size) {
  if (size == 0) return true;
  std::string text(std::min<uint64_t>(size, 4096), '\0');
  const ssize_t got = pread(descriptor, text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (has_version(line) && is_whole(line)) return true;
  }
  constexpr size_t kLongestLine = 256;  // bytes; some 200 are needed
  return size < kLongestLine && (text.size() > 1 ? has_version(text) : has_version(text + " ")) &&
         text.find_first_not_of("0123456789abcdef -\n") == std::string::npos;
}

bool is_cache_at(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  struct stat status;
  if (file < 0) return errno == ENOENT;
  return examine_file(file, status) && is_cache(file, static_cast<uint64_t>(status.st_size));
}

// The newest line of each file, in the order they were written, at most half of kLargestRead of them.
std::string newest_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  std::unordered_set<std::string_view> seen;
  uint64_t size = 0;
  for (size_t end = text.rfind('\n'); end != 0 && end != std::string_view::npos;) {
    const size_t begin = text.rfind('\n', end - 1);
    const std::string_view line = text.substr(begin + 1, end - begin - 1);
    end = begin;
    if (!line.starts_with(kVersion) || !is_whole(line) || !seen.insert(file_of(line)).second) continue;
    if ((size += line.size() + 1) > kLargestRead / 2) break;
    lines.push_back(line);
  }
  std::string kept;
  for (size_t i = lines.size(); i-- > 0;) (kept += lines[i]) += '\n';
  return kept;
}

bool write_at_once(int descriptor, std::string_view text) {
  ssize_t put;
  do put = write(descriptor, text.data(), text.size());
  while (put < 0 && errno == EINTR);
  return put == static_cast<ssize_t>(text.size());
}

// Not synced: after a power cut an empty cache is as good as an old one.
void replace_if_stale(const std::string& path, int descriptor, uint64_t size) {
  const std::string kept = newest_lines(read_end(descriptor, size));
  if (kept.size() > size / 2) return;
  const std::string fresh = path + ".new";
  if (!is_cache_at(fresh)) return;
  unlink(fresh.c_str());  // what a killed process left; the lock is ours
  bool written = false;
  if (const Descriptor file(fresh, O_WRONLY | O_CREAT | O_EXCL); file >= 0) written = write_at_once(file, kept);
  if (!written || rename(fresh.c_str(), path.c_str()) != 0) unlink(fresh.c_str());
}

bool lock(int descriptor) {
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK && errno != EINTR) return true;  // no locks here
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
  }
  return false;
}

bool is_still_at(const std::string& path, const struct stat& file) {
  struct stat named;
  return lstat(path.c_str(), &named) == 0 && named.st_dev == file.st_dev && named.st_ino == file.st_ino;
}

void make_folders(const std::string& path) {
  for (size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1))
    mkdir(path.substr(0, at).c_str(), kFolderMode);  // what is wrong with one, open() says
}

// A torn line, left by a process that died or a disk that was full, is ended first.
bool append(const std::string& path, int descriptor, uint64_t size, const std::string& line) {
  char last = '\n';
  if (size > 0 && pread(descriptor, &last, 1, static_cast<off_t>(size - 1)) != 1) return false;
  const std::string text = last == '\n' ? line : "\n" + line;
  if (!write_at_once(descriptor, text)) return false;
  size += text.size();
  if (size > kReplacedFrom) replace_if_stale(path, descriptor, size);
  return true;
}

bool keep_line(const std::string& path, const std::string& line) {
  make_folders(path);
  for (int tries = 0; tries < kLockTries; ++tries) {
    const Descriptor file(path, O_RDWR | O_APPEND | O_CREAT);
    struct stat status;
    if (!examine_file(file, status) || !lock(file) || !examine_file(file, status)) return false;
    const auto size = static_cast<uint64_t>(status.st_size);
    if (is_still_at(path, status)) return is_cache(file, size) && append(path, file, size, line);
  }
  return false;
}

bool may_still_change(const FileIdentity& file, std::chrono::system_clock::time_point hashing_began) {
  const auto began = std::chrono::floor<std::chrono::seconds>(hashing_began).time_since_epoch().count();
  return std::max(file.mtime_seconds, file.ctime_seconds) >= began - kUncertainSeconds;
}

}  // namespace

// What cannot be looked at now may be a cache: nothing is written there that is not seen to be one.
bool can_be_hash_cache(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (file < 0) return errno != ELOOP;
  struct stat status;
  char first;
  if (fstat(file, &status) != 0) return true;
  if (!S_ISREG(status.st_mode)) return false;
  return pread(file, &first, 1, 0) < 0 || is_cache(file, static_cast<uint64_t>(status.st_size));
}

KnownHashes::KnownHashes(const std::string& path) {
  const Descriptor cache(path, O_RDONLY);
  struct stat status;
  if (path.empty() || !examine_file(cache, status)) return;
  const std::string text = read_end(cache, static_cast<uint64_t>(status.st_size));
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (!line.starts_with(kVersion) || !is_whole(line)) continue;
    const std::string_view entry = line.substr(0, line.rfind(' '));
    const size_t sum = entry.rfind(' ') + 1;
    if (is_sha256(entry.substr(sum))) sums_[std::string(entry.substr(0, sum))] = entry.substr(sum);
  }
}

std::string KnownHashes::find(const FileIdentity& file) const {
  const auto sum = sums_.find(key_of(file));
  return sum == sums_.end() ? "" : sum->second;
}

std::string cached_sha256(const std::string& path, const FileIdentity& file) {
  const Descriptor cache(path, O_RDONLY);
  struct stat status;
  if (!examine_file(cache, status)) return "";
  const std::string text = read_end(cache, static_cast<uint64_t>(status.st_size));
  const std::string begin = "\n" + key_of(file);
  for (size_t at = text.rfind(begin); at != std::string::npos; at = at == 0 ? at - 1 : text.rfind(begin, at - 1)) {
    const std::string_view line = std::string_view(text).substr(at + 1, text.find('\n', at + 1) - at - 1);
    const std::string_view sum = line.substr(begin.size() - 1).substr(0, 64);
    if (is_whole(line) && is_sha256(sum)) return std::string(sum);
  }
  return "";
}

bool keep_sha256(const std::string& path, const FileIdentity& file, const std::string& sha256,
                 std::chrono::system_clock::time_point hashing_began) noexcept {
  try {
    if (path.empty() || !is_sha256(sha256) || may_still_change(file, hashing_began)) return false;
    const std::string entry = key_of(file) + sha256;
    return keep_line(path, sentence(entry, " ", check_of(entry), "\n"));
  } catch (...) {  // no memory: as good as no cache
    return false;
  }
}

}  // namespace ckmerge
