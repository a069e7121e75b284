// SPDX-License-Identifier: Apache-2.0
#include "io/file/input_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
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

[[noreturn]] void fail_changed(const std::string& path) {
  throw Error(ErrorCode::malformed, path,
              path + ": was changed by another program while it was read; wait until it is complete and run again");
}

// O_NONBLOCK: a pipe behind the name must not make open() wait for a writer. It means nothing to regular files. Where
// descriptors ran out, those that nobody needs for the moment are given back.
int open_for_reading(const std::string& path) {
  const auto try_it = [&] { return retried([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }); };
  const int descriptor = try_it();
  const bool ran_out = descriptor < 0 && (errno == EMFILE || errno == ENFILE);
  if (!ran_out) return descriptor;
  const int error = errno;
  if (DescriptorPool::of_process().close_unused()) return try_it();
  errno = error;
  return -1;
}

}  // namespace

struct InputFile::State {
  std::string path;
  FileIdentity identity;
  std::optional<MemoryBytes> memory;  // in place of a file
  DescriptorLease own;                // of a descriptor that was taken over: it is never closed
  std::string again;                  // the path by which the file is opened once more, whatever the folder is then
  DescriptorPool::Place place;

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { DescriptorPool::of_process().forget(place); }

  bool is_as_before(const FileIdentity& now) const {
    return now.size == identity.size && now.mtime_seconds == identity.mtime_seconds &&
           now.mtime_nanoseconds == identity.mtime_nanoseconds;
  }
};

InputFile::InputFile(const std::string& path) : state_(std::make_shared<State>()) {
  State& state = *state_;
  state.path = path;
  const int descriptor = open_for_reading(path);
  if (descriptor < 0) fail_io(path, "cannot be opened", errno);
  const DescriptorLease lease = DescriptorPool::of_process().keep(state.place, descriptor);
  struct stat status;
  if (retried([&] { return fstat(descriptor, &status); }) != 0) fail_io(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode))
    throw Error(ErrorCode::io, path, path + ": is " + file_type(status.st_mode) + "; give a .safetensors file");
  state.identity = identity_of(status);
  std::error_code error;
  state.again = std::filesystem::absolute(path, error).string();
}

InputFile::InputFile(int descriptor, const std::string& path, uint64_t size) : state_(std::make_shared<State>()) {
  state_->path = path;
  state_->own = std::make_shared<OpenDescriptor>(descriptor);
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

DescriptorLease InputFile::descriptor() const {
  State& state = *state_;
  if (state.own || !is_file()) return state.own;
  DescriptorPool& pool = DescriptorPool::of_process();
  if (DescriptorLease lease = pool.find(state.place)) return lease;
  const int descriptor = open_for_reading(state.again);
  if (descriptor < 0) fail_io(path(), "cannot be opened again", errno);
  DescriptorLease lease = pool.keep(state.place, descriptor);
  struct stat status;
  if (retried([&] { return fstat(lease->number(), &status); }) != 0) fail_io(path(), "cannot be examined", errno);
  if (const FileIdentity now = identity_of(status); !now.same_file(identity()) || !state.is_as_before(now)) {
    pool.forget(state.place);
    fail_changed(path());
  }
  return lease;
}

bool InputFile::is_file() const { return !state_->memory; }

bool InputFile::can_be_shown() const { return is_file() || !state_->memory->read; }

const std::byte* InputFile::address_of(uint64_t offset) const {
  return is_file() || state_->memory->read ? nullptr : reinterpret_cast<const std::byte*>(offset);
}

bool InputFile::in_memory() const {
  if (!is_file()) return can_be_shown();
  struct statfs status;
  return fstatfs(descriptor()->number(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

void InputFile::read_at(uint64_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;
  if (const std::byte* const at = address_of(offset)) {
    std::memcpy(out.data(), at, out.size());
    return;
  }
  if (!is_file()) return state_->memory->read(offset, out);
  const DescriptorLease lease = descriptor();
  for (size_t done = 0; done < out.size();) {
    const ssize_t got = retried([&] {
      return pread(lease->number(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    });
    if (got < 0) fail_io(state_->path, "cannot be read at byte " + std::to_string(offset + done), errno);
    if (got == 0) fail_read(offset + done, EIO);
    done += static_cast<size_t>(got);
  }
}

void InputFile::check_unchanged() const {
  if (!is_file()) return;
  struct stat status;
  const DescriptorLease lease = descriptor();
  if (retried([&] { return fstat(lease->number(), &status); }) != 0) fail_io(state_->path, "cannot be examined", errno);
  const FileIdentity now = identity_of(status);
  if (now.size < size()) fail_read(now.size, EIO);
  if (!state_->is_as_before(now)) fail_changed(path());
}

void InputFile::fail_read(uint64_t offset, int error) const {
  struct stat status;
  const DescriptorLease lease = descriptor();
  if (fstat(lease->number(), &status) == 0 && static_cast<uint64_t>(status.st_size) < size())
    throw Error(ErrorCode::malformed, path(),
                path() + ": was truncated while it was read, from " + std::to_string(size()) + " to " +
                    std::to_string(status.st_size) + " bytes; restore the file and run again");
  std::byte probe;
  if (retried([&] { return pread(lease->number(), &probe, 1, static_cast<off_t>(offset)); }) < 0) error = errno;
  fail_io(path(), "cannot be read at byte " + std::to_string(offset), error);
}

// For what is of no consequence where it fails.
DescriptorLease InputFile::descriptor_if_there() const noexcept try { return descriptor(); } catch (const Error&) {
  return nullptr;
}

void InputFile::will_need(uint64_t begin, uint64_t end) const noexcept {
  if (const DescriptorLease lease = descriptor_if_there())
    posix_fadvise(lease->number(), static_cast<off_t>(begin), static_cast<off_t>(end - begin), POSIX_FADV_WILLNEED);
}

void InputFile::drop_cache(uint64_t begin, uint64_t end) const noexcept {
  const DescriptorLease lease = descriptor_if_there();
  if (!lease) return;
  const uint64_t first = begin & ~(kLargestFolio - 1);
  const uint64_t last = end == size() ? end : end & ~(kSmallestPage - 1);
  if (last > first)
    posix_fadvise(lease->number(), static_cast<off_t>(first), static_cast<off_t>(last - first), POSIX_FADV_DONTNEED);
}

}  // namespace ckmerge
