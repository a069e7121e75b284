// SPDX-License-Identifier: Apache-2.0
#include "io/file/input_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "io/file/retry.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// The largest folio of the page cache. One that crosses the border of two ranges is dropped with the later of them.
constexpr uint64_t kLargestFolio = 2ull << 20;
constexpr uint64_t kSmallestPage = 4096;

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .mtime_seconds = status.st_mtim.tv_sec,
          .mtime_nanoseconds = status.st_mtim.tv_nsec,
          .ctime_seconds = status.st_ctim.tv_sec,
          .ctime_nanoseconds = status.st_ctim.tv_nsec};
}

const char* file_type(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  if (S_ISSOCK(mode)) return "a socket";
  return "not a regular file";
}

[[noreturn]] void fail_io(const std::string& path, const std::string& what, int error) {
  throw Error(ErrorCode::io, path, path + ": " + what + ": " + std::strerror(error));
}

}  // namespace

struct InputFile::State {
  std::string path;
  int descriptor = -1;
  FileIdentity identity;
  std::optional<MemoryBytes> memory;  // in place of a descriptor

  ~State() {
    if (descriptor >= 0) close(descriptor);
  }
};

InputFile::InputFile(const std::string& path) : state_(std::make_shared<State>()) {
  State& state = *state_;
  state.path = path;
  // O_NONBLOCK: a pipe behind the name must not make open() wait for a writer. It means nothing to regular files.
  state.descriptor = retried([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); });
  if (state.descriptor < 0) fail_io(path, "cannot be opened", errno);
  struct stat status;
  if (retried([&] { return fstat(state.descriptor, &status); }) != 0) fail_io(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::io, path, path + ": is " + file_type(status.st_mode) + "; give a .safetensors file");
  state.identity = identity_of(status);
}

InputFile::InputFile(int descriptor, const std::string& path, uint64_t size) : state_(std::make_shared<State>()) {
  state_->path = path;
  state_->descriptor = descriptor;
  struct stat status;
  if (retried([&] { return fstat(descriptor, &status); }) != 0) fail_io(path, "cannot be examined", errno);
  state_->identity = identity_of(status);
  state_->identity.size = size;
}

// No file is on that device.
InputFile::InputFile(MemoryBytes bytes, const std::string& path) : state_(std::make_shared<State>()) {
  state_->path = path;
  state_->identity = {.device = UINT64_MAX, .inode = std::hash<std::string>()(path), .size = bytes.size};
  state_->memory = std::move(bytes);
}

const std::string& InputFile::path() const { return state_->path; }
const FileIdentity& InputFile::identity() const { return state_->identity; }
uint64_t InputFile::size() const { return state_->identity.size; }
int InputFile::descriptor() const { return state_->descriptor; }

bool InputFile::is_file() const { return !state_->memory; }

bool InputFile::can_be_shown() const { return is_file() || !state_->memory->read; }

const std::byte* InputFile::address_of(uint64_t offset) const {
  return is_file() || state_->memory->read ? nullptr : reinterpret_cast<const std::byte*>(offset);
}

bool InputFile::in_memory() const {
  if (!is_file()) return can_be_shown();
  struct statfs status;
  return fstatfs(state_->descriptor, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

void InputFile::read_at(uint64_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;
  if (const std::byte* const at = address_of(offset)) {
    std::memcpy(out.data(), at, out.size());
    return;
  }
  if (!is_file()) return state_->memory->read(offset, out);
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = retried([&] {
      return pread(state_->descriptor, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) fail_io(state_->path, "cannot be read at byte " + std::to_string(offset + done), errno);
    if (got == 0) fail_read(offset + done, EIO);
    done += static_cast<size_t>(got);
  }
}

void InputFile::check_unchanged() const {
  if (!is_file()) return;
  struct stat status;
  if (retried([&] { return fstat(state_->descriptor, &status); }) != 0)
    fail_io(state_->path, "cannot be examined", errno);
  const FileIdentity now = identity_of(status);
  if (now.size < size()) fail_read(now.size, EIO);
  const FileIdentity& before = identity();
  if (now.size != before.size || now.mtime_seconds != before.mtime_seconds ||
      now.mtime_nanoseconds != before.mtime_nanoseconds)
    throw Error(ErrorCode::malformed, path(),
                path() + ": was changed by another program while it was read; wait until it is complete and run again");
}

void InputFile::fail_read(uint64_t offset, int error) const {
  struct stat status;
  if (fstat(state_->descriptor, &status) == 0 && static_cast<uint64_t>(status.st_size) < size())
    throw Error(ErrorCode::malformed, path(),
                path() + ": was truncated while it was read, from " + std::to_string(size()) + " to " +
                    std::to_string(status.st_size) + " bytes; restore the file and run again");
  std::byte probe;
  if (retried([&] { return pread(state_->descriptor, &probe, 1, static_cast<off_t>(offset)); }) < 0) error = errno;
  fail_io(path(), "cannot be read at byte " + std::to_string(offset), error);
}

void InputFile::will_need(uint64_t begin, uint64_t end) const noexcept {
  if (!is_file()) return;
  posix_fadvise(state_->descriptor, static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_WILLNEED);
}

void InputFile::drop_cache(uint64_t begin, uint64_t end) const noexcept {
  if (!is_file()) return;
  const uint64_t first = begin & ~(kLargestFolio - 1);
  const uint64_t last = end == size() ? end : end & ~(kSmallestPage - 1);
  if (last > first)
    posix_fadvise(state_->descriptor, static_cast<off_t>(first), static_cast<off_t>(last - first), POSIX_FADV_DONTNEED);
}

}  // namespace ckmerge
