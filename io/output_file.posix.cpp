// SPDX-License-Identifier: Apache-2.0
// The partial file is named after the target and locked, so that a second run to the same target sees the first, and
// one that was killed leaves something the next run recognises and takes over. O_TMPFILE would leave nothing behind,
// but cannot replace an existing file in one step and is missing on many filesystems.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "io/error.h"
#include "io/output_file.h"

namespace ckmerge {
namespace {

// Buffered writes are pushed to the disk at once and waited for this far behind, so that dirty pages stay few: the last
// fsync is short, and an interrupt is answered within a second.
constexpr uint64_t kDirtyWindow = 64ull << 20;

[[noreturn]] void fail_io(const std::string& path, const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw Error(full ? ErrorCode::resources : ErrorCode::io, path, path + ": " + what + ": " + std::strerror(error));
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::usage, path, path + ": " + why);
}

struct Split {
  std::string folder, name;
};

Split split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

void check_folder(const std::string& target, const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) fail_io(target, "the folder " + folder + " cannot be used", errno);
  if (!S_ISDIR(status.st_mode)) fail_io(target, folder + " is not a folder", ENOTDIR);
  if (access(folder.c_str(), W_OK | X_OK) != 0) fail_io(target, "the folder " + folder + " cannot be written", errno);
}

std::string to_gigabytes(uint64_t size) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(size) / 1e9);
  return text;
}

// Names have at most 255 bytes on every common filesystem.
std::string partial_path(const Split& target) {
  static constexpr const char* kSuffix = ".ckmerge-partial";
  std::string name = target.name;
  if (name.size() > 230) {
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: the same target always gets the same partial file
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    name = text;
  }
  return target.folder + "/." + name + kSuffix;
}

// What replaces a link is what it points to, as with any program that writes to a path.
std::string resolve(const std::string& target) {
  char* real = realpath(target.c_str(), nullptr);
  if (!real) return target;
  std::string result = real;
  std::free(real);
  return result;
}

int sync_file(int descriptor) {
  int result;
  do result = fsync(descriptor);
  while (result != 0 && errno == EINTR);
  return result;
}

}  // namespace

void check_target(const std::string& target, std::span<const FileIdentity> inputs, bool replace) {
  const Split path = split(target);
  if (path.name.empty() || path.name == "." || path.name == "..") refuse(target, "is a folder; give a file name");
  struct stat link, file;
  const bool exists = lstat(target.c_str(), &link) == 0;
  const bool reaches = exists && stat(target.c_str(), &file) == 0;
  if (!exists && errno != ENOENT) fail_io(target, "cannot be examined", errno);
  if (reaches) {
    const FileIdentity identity{.device = file.st_dev, .inode = file.st_ino};
    for (const FileIdentity& input : inputs)
      if (identity.same_file(input)) refuse(target, "is one of the inputs; give the output another name");
    if (S_ISDIR(file.st_mode)) refuse(target, "is a folder; give a file name");
    if (!S_ISREG(file.st_mode)) refuse(target, "is a pipe, device or socket; the output must be a regular file");
    if (!replace) refuse(target, "already exists; use -f to replace it");
  } else if (exists) {
    refuse(target, "is a link that leads nowhere; remove it or give another name");
  }
  check_folder(target, split(reaches ? resolve(target) : target).folder);
}

// Root may use the blocks that a filesystem reserves for it.
void check_space(const std::string& target, uint64_t size) {
  const std::string folder = split(resolve(target)).folder;
  struct statvfs status;
  if (statvfs(folder.c_str(), &status) != 0 || status.f_blocks == 0) return;  // some network filesystems do not know
  uint64_t free = (geteuid() == 0 ? status.f_bfree : status.f_bavail) * status.f_frsize;
  struct stat stale;  // what a killed run left will be removed
  if (lstat(partial_path(split(resolve(target))).c_str(), &stale) == 0)
    free += static_cast<uint64_t>(stale.st_blocks) * 512;
  if (free >= size) return;
  throw Error(ErrorCode::resources, target,
              target + ": needs " + to_gigabytes(size) + " (" + std::to_string(size) + " bytes), but only " +
                  to_gigabytes(free) + " (" + std::to_string(free) + " bytes) are free in " + folder +
                  "; free some space or choose another folder");
}

bool target_in_memory(const std::string& target) {
  struct statfs status;
  return statfs(split(resolve(target)).folder.c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

struct OutputFile::State {
  std::string target;  // as given, for messages
  std::string final;   // links resolved
  std::string partial;
  OutputOptions options;
  uint64_t size = 0;
  int descriptor = -1;
  bool owns_partial = false;
  bool reserved = false;
  std::atomic<bool> direct{false};

  ~State() {
    if (owns_partial && still_named()) unlink(partial.c_str());
    if (descriptor >= 0) close(descriptor);
  }

  int open_at_partial(int flags) const {
    int opened;
    do opened = open(partial.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0666);
    while (opened < 0 && errno == EINTR);
    return opened;
  }

  // Whether the partial file's name still leads to the file that is open.
  bool still_named() const {
    struct stat mine, named;
    return fstat(descriptor, &mine) == 0 && lstat(partial.c_str(), &named) == 0 && named.st_ino == mine.st_ino &&
           named.st_dev == mine.st_dev;
  }

  bool lock() const {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno == EWOULDBLOCK)
      throw Error(ErrorCode::io, target,
                  target + ": another run is writing it; wait for that one or give another name");
    return false;  // a filesystem without locks (some network ones)
  }

  // A fresh, locked partial file. False: there was one already; it has been dealt with, try again.
  bool open_partial(std::span<const FileIdentity> inputs) {
    descriptor = open_at_partial(O_CREAT | O_EXCL);
    if (descriptor >= 0) {
      lock();
      return owns_partial = still_named();
    }
    if (errno != EEXIST) fail_io(target, "its partial file " + partial + " cannot be made", errno);
    descriptor = open_at_partial(0);
    if (descriptor < 0 && errno == ENOENT) return false;
    if (descriptor < 0) fail_io(target, "its partial file " + partial + " is in the way and cannot be opened", errno);
    remove_stale(inputs);
    close(descriptor);
    descriptor = -1;
    return false;
  }

  // What a killed run left. Anything else of that name is somebody's file.
  void remove_stale(std::span<const FileIdentity> inputs) const {
    struct stat mine;
    if (fstat(descriptor, &mine) != 0) fail_io(target, "its partial file cannot be examined", errno);
    const FileIdentity identity{.device = mine.st_dev, .inode = mine.st_ino};
    for (const FileIdentity& input : inputs)
      if (identity.same_file(input)) refuse(target, "its partial file would be " + partial + ", which is an input");
    if (!S_ISREG(mine.st_mode)) refuse(target, "its partial file would be " + partial + ", which is no regular file");
    if (!lock())
      throw Error(
          ErrorCode::io, target,
          target + ": " + partial + " is there and cannot be locked here; remove it if no other run is writing it");
    if (still_named() && unlink(partial.c_str()) != 0 && errno != ENOENT)
      fail_io(target, "its stale partial file " + partial + " cannot be removed", errno);
  }

  void make_partial(std::span<const FileIdentity> inputs) {
    for (int attempt = 0; attempt < 100; ++attempt)
      if (open_partial(inputs)) return;
    throw Error(ErrorCode::io, target,
                target + ": its partial file " + partial + " keeps changing; is another run busy?");
  }

  // The replaced file's mode, and its owner where that is allowed.
  void take_over_mode() {
    struct stat old;
    if (stat(final.c_str(), &old) != 0) return;
    if (fchown(descriptor, old.st_uid, old.st_gid) != 0) errno = 0;
    if (fchmod(descriptor, old.st_mode & 07777) != 0) fail_io(target, "its mode cannot be set", errno);
  }

  // In steps, because some filesystems take long over each and an interrupt wants an answer.
  void reserve() {
    constexpr uint64_t kStep = 256ull << 20;
    // A tmpfs allocates every page to reserve it, on one thread, before any work: 0.2 s of 0.6 s for 1 GiB. Its free
    // space was looked at; should it run out all the same, a write says so and nothing is left.
    reserved = !target_in_memory(final);
    for (uint64_t begin = 0; begin < size && reserved; begin += kStep) {
      if (options.stopped && options.stopped())
        throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written");
      reserved = reserve_range(begin, std::min(kStep, size - begin));
    }
    if (!reserved && ftruncate(descriptor, static_cast<off_t>(size)) != 0)
      fail_io(target, "its size cannot be set", errno);
  }

  // False: the filesystem cannot.
  bool reserve_range(uint64_t begin, uint64_t count) const {
    int result;
    do result = fallocate(descriptor, 0, static_cast<off_t>(begin), static_cast<off_t>(count));
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
      fail_io(target, "its space of " + std::to_string(size) + " bytes cannot be reserved", errno);
    return result == 0;
  }

  void set_direct(bool on) {
    const int flags = fcntl(descriptor, F_GETFL);
    direct = flags >= 0 && fcntl(descriptor, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
  }

  // Direct I/O writes whole blocks: a last one is padded, and cut to size by commit().
  void write_all(uint64_t offset, const std::byte* bytes, uint64_t count) {
    const uint64_t padded = (count + kAlignment - 1) / kAlignment * kAlignment;
    for (uint64_t done = 0; done < count;) {
      const uint64_t rest = (direct ? padded : count) - done;
      const ssize_t wrote = pwrite(descriptor, bytes + done, rest, static_cast<off_t>(offset + done));
      if (wrote > 0) {
        done += static_cast<uint64_t>(wrote);
      } else if (wrote < 0 && errno == EINVAL && direct) {
        set_direct(false);  // the filesystem takes the flag but not the write, or wants a larger alignment
      } else if (wrote == 0) {
        fail_io(target, "cannot be written", ENOSPC);
      } else if (errno != EINTR && errno != EAGAIN) {
        fail_io(target, "cannot be written", errno);
      }
    }
  }

  // Speed and page cache only, so failures do not matter: commit() syncs with its result checked.
  void push_out(uint64_t offset, uint64_t count) {
    if (direct || !(options.sync || options.drop_cache)) return;
    sync_file_range(descriptor, static_cast<off_t>(offset), static_cast<off_t>(count), SYNC_FILE_RANGE_WRITE);
    if (offset < kDirtyWindow) return;
    const auto behind = static_cast<off_t>(offset - kDirtyWindow);
    sync_file_range(descriptor, behind, static_cast<off_t>(count),
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    if (options.drop_cache) posix_fadvise(descriptor, behind, static_cast<off_t>(count), POSIX_FADV_DONTNEED);
  }

  // Some network filesystems tell of a full disk only when a file is closed, fsync or not.
  void flush() const {
    if (options.sync && sync_file(descriptor) != 0) fail_io(target, "cannot be made durable", errno);
    const int copy = dup(descriptor);
    if (copy >= 0 && close(copy) != 0 && errno != EINTR) fail_io(target, "cannot be written", errno);
  }

  // A target that appeared during the run is not replaced unasked.
  void rename_to_final() {
    if (!options.replace) {
      if (renameat2(AT_FDCWD, partial.c_str(), AT_FDCWD, final.c_str(), RENAME_NOREPLACE) == 0) return;
      if (errno == EEXIST) refuse(target, "appeared while the merge ran; use -f to replace it");
      if (errno != EINVAL && errno != ENOSYS) fail_io(target, "cannot be put in place", errno);
      struct stat appeared;
      if (lstat(final.c_str(), &appeared) == 0) refuse(target, "appeared while the merge ran; use -f to replace it");
    }
    if (rename(partial.c_str(), final.c_str()) != 0) fail_io(target, "cannot be put in place", errno);
  }

  void sync_folder() {
    const std::string folder = split(final).folder;
    const int folder_descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_descriptor < 0) return;  // a folder that may be written but not read cannot be synced
    const int error = sync_file(folder_descriptor) == 0 ? 0 : errno;
    close(folder_descriptor);
    if (error != 0 && error != EINVAL)  // EINVAL: folders cannot be synced here
      fail_io(target, "is complete, but its folder cannot be synced, so that it may not survive a power loss", error);
  }
};

OutputFile::OutputFile(const std::string& target, uint64_t size, std::span<const FileIdentity> inputs,
                       OutputOptions options)
    : state_(std::make_unique<State>()) {
  check_target(target, inputs, options.replace);
  State& state = *state_;
  state.target = target;
  state.final = resolve(target);
  state.options = options;
  state.size = size;
  state.partial = partial_path(split(state.final));
  state.make_partial(inputs);  // before the space is looked at: a killed run's leftover gives its own back
  check_space(target, size);
  state.reserve();
  state.set_direct(true);
}

OutputFile::~OutputFile() = default;

void OutputFile::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  state_->write_all(offset, bytes.data(), bytes.size());
  state_->push_out(offset, bytes.size());
}

void OutputFile::commit() {
  State& state = *state_;
  if (ftruncate(state.descriptor, static_cast<off_t>(state.size)) != 0)
    fail_io(state.target, "its size cannot be set", errno);
  state.take_over_mode();
  state.flush();
  if (!state.still_named())
    throw Error(ErrorCode::io, state.target,
                state.target + ": its partial file " + state.partial + " was removed by another program; run again");
  state.rename_to_final();
  state.owns_partial = false;
  if (state.options.sync) state.sync_folder();
}

std::string OutputFile::description() const {
  return std::string(state_->direct ? "direct writes" : "buffered writes") +
         (state_->reserved ? ", space reserved" : ", space not reserved");
}

}  // namespace ckmerge
