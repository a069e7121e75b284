// SPDX-License-Identifier: Apache-2.0
#include "io/file/output_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "io/file/partial_file.h"
#include "io/file/retry.h"
#include "io/text/error.h"

namespace ckmerge {
namespace {

// Buffered writes are pushed to the disk at once and waited for this far behind, so that dirty pages stay few: the last
// fsync is short, and an interrupt is answered within a second.
constexpr uint64_t kDirtyWindow = 64ull << 20;

constexpr size_t kAlignment = OutputFile::kAlignment;
constexpr size_t kBeginning = 256;  // bytes that are compared at the end; thousands of files may be written at once

uint64_t padded(uint64_t count) {
  return (count + OutputFile::kAlignment - 1) / OutputFile::kAlignment * OutputFile::kAlignment;
}

}  // namespace

struct OutputFile::State {
  std::string target;
  uint64_t size;
  OutputOptions options;
  PartialFile partial;
  bool reserved = false;
  std::atomic<bool> direct{false};
  std::vector<std::byte> beginning;  // as it was written last

  State(const std::string& path, uint64_t bytes, std::span<const FileIdentity> inputs, OutputOptions how)
      : target(path),
        size(bytes),
        options(std::move(how)),  // Who makes the rename durable has the folder for itself.
        partial(path, inputs, options.mode, !options.sync_folder) {}

  DescriptorLease descriptor() const { return partial.descriptor(direct ? O_DIRECT : 0); }

  void set_size() const {
    if (retried([&] { return ftruncate(descriptor()->number(), static_cast<off_t>(size)); }) != 0)
      fail_output(target, "its size cannot be set", errno);
  }

  // In steps, because some filesystems take long over each and an interrupt wants an answer.
  void reserve() {
    constexpr uint64_t kStep = 256ull << 20;
    // A tmpfs allocates every page to reserve it, on one thread, before any work: 0.2 s of 0.6 s for 1 GiB. Its free
    // space was looked at; should it run out all the same, a write says so and nothing is left.
    reserved = !target_in_memory(target);
    for (uint64_t begin = 0; begin < size && reserved; begin += kStep) {
      if (options.stopped && options.stopped())
        throw Error(ErrorCode::interrupted, "", "interrupted; nothing was written");
      reserved = reserve_range(begin, std::min(kStep, size - begin));
    }
    if (!reserved) set_size();
  }

  // False: the filesystem cannot.
  bool reserve_range(uint64_t begin, uint64_t count) const {
    const int result = retried(
        [&] { return fallocate(descriptor()->number(), 0, static_cast<off_t>(begin), static_cast<off_t>(count)); });
    if (result != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
      fail_output(target, "its space of " + std::to_string(size) + " bytes cannot be reserved", errno);
    return result == 0;
  }

  void set_direct(bool on, const OpenDescriptor& open) {
    const int flags = fcntl(open.number(), F_GETFL);
    direct = flags >= 0 && fcntl(open.number(), F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
  }

  // Whether a call failed because the filesystem takes the flag but not the call, or wants a larger alignment; then the
  // flag is gone. `was_direct` is from before the call: another thread may have given the flag up since.
  bool give_up_direct(bool was_direct, const OpenDescriptor& open) {
    if (errno != EINVAL || !was_direct) return false;
    set_direct(false, open);
    return true;
  }

  // Direct I/O writes whole blocks: a last one is padded, and cut to size by commit().
  void write_all(uint64_t offset, const std::byte* bytes, uint64_t count) {
    const DescriptorLease lease = descriptor();
    for (uint64_t done = 0; done < count;) {
      const bool is_direct = direct;
      const uint64_t rest = (is_direct ? padded(count) : count) - done;
      const ssize_t wrote =
          retried([&] { return pwrite(lease->number(), bytes + done, rest, static_cast<off_t>(offset + done)); });
      if (wrote > 0)
        done += static_cast<uint64_t>(wrote);
      else if (wrote == 0 || !give_up_direct(is_direct, *lease))
        fail_output(target, "cannot be written", wrote == 0 ? ENOSPC : errno);
    }
  }

  // A direct read asks for whole blocks, and gets those that the last write padded or the end of the file.
  void read_all(uint64_t offset, std::byte* bytes, uint64_t count) {
    const DescriptorLease lease = descriptor();
    for (uint64_t done = 0; done < count;) {
      const bool is_direct = direct;
      const uint64_t rest = (is_direct ? padded(count) : count) - done;
      const ssize_t got =
          retried([&] { return pread(lease->number(), bytes + done, rest, static_cast<off_t>(offset + done)); });
      if (got > 0)
        done += static_cast<uint64_t>(got);
      else if (got == 0 || !give_up_direct(is_direct, *lease))
        fail_read_back(offset + done, got == 0 ? 0 : errno);
    }
  }

  [[noreturn]] void fail_read_back(uint64_t offset, int error) const {
    const std::string what = "cannot be read back at byte " + std::to_string(offset);
    if (error != 0) fail_output(target, what, error);
    throw Error(ErrorCode::io, target, target + ": " + what + ": another program has cut it short; run again");
  }

  // Speed and page cache only, so failures do not matter: commit() syncs with its result checked.
  void push_out(uint64_t offset, uint64_t count) {
    if (direct || !(options.sync || options.drop_cache)) return;
    const DescriptorLease lease = descriptor();
    sync_file_range(lease->number(), static_cast<off_t>(offset), static_cast<off_t>(count), SYNC_FILE_RANGE_WRITE);
    if (offset < kDirtyWindow) return;
    const auto behind = static_cast<off_t>(offset - kDirtyWindow);
    sync_file_range(lease->number(), behind, static_cast<off_t>(count),
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    if (options.drop_cache) posix_fadvise(lease->number(), behind, static_cast<off_t>(count), POSIX_FADV_DONTNEED);
  }

  void keep_beginning(uint64_t offset, std::span<const std::byte> bytes) {
    if (offset == 0)
      beginning.assign(bytes.begin(), bytes.begin() + std::min<ptrdiff_t>(std::ssize(bytes), kBeginning));
  }

  [[noreturn]] void fail_cut_short() const {
    throw Error(ErrorCode::io, target,
                target + ": another program has cut its partial file short, and nothing was put in place; run again");
  }

  // A file that was cut short and written on has a hole, where the filesystem says so and has none of its own accord.
  bool has_hole() const {
    struct statfs status;
    if (fstatfs(descriptor()->number(), &status) != 0) return false;
    constexpr decltype(status.f_type) kTrusted[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, TMPFS_MAGIC};
    if (std::ranges::find(kTrusted, status.f_type) == std::end(kTrusted)) return false;
    const off_t hole = lseek(descriptor()->number(), 0, SEEK_HOLE);
    return hole >= 0 && static_cast<uint64_t>(hole) < size;
  }

  // Before the size is set: that would hide a cut.
  void check_size() const {
    struct stat status;
    if (retried([&] { return fstat(descriptor()->number(), &status); }) != 0)
      fail_output(target, "cannot be examined", errno);
    if (static_cast<uint64_t>(status.st_size) < size) fail_cut_short();
  }

  void check_beginning() {
    alignas(kAlignment) std::byte buffer[kAlignment];
    const uint64_t count = std::min<uint64_t>(beginning.size(), size);
    if (count > 0) read_all(0, buffer, count);
    if (!std::equal(beginning.begin(), beginning.begin() + static_cast<ptrdiff_t>(count), buffer)) fail_cut_short();
  }

  void sync_data() const {
    if (sync_file(descriptor()->number()) != 0) fail_output(target, "cannot be made durable", errno);
  }

  // Some network filesystems tell of a full disk only when a file is closed, fsync or not.
  void flush() const {
    if (options.sync) sync_data();
    const int copy = dup(descriptor()->number());
    if (copy >= 0 && close(copy) != 0 && errno != EINTR) fail_output(target, "cannot be written", errno);
  }

  // What lies in the page cache only could not be read from the disk, so that buffered writes are synced even where
  // nobody asked for durability.
  void let_go_of_cache() {
    if (options.sync || !direct) sync_data();
    posix_fadvise(descriptor()->number(), 0, 0, POSIX_FADV_DONTNEED);
  }
};

OutputFile::OutputFile(const std::string& target, uint64_t size, std::span<const FileIdentity> inputs,
                       OutputOptions options) {
  check_target(target, inputs, options.replace);
  const bool replace = options.replace;
  state_ = std::make_unique<State>(target, size, inputs, std::move(options));
  check_target(target, inputs, replace);  // between the first look and the lock, another run may have committed
  check_space(target, size);              // now that a killed run's leftover has given its own back
  state_->reserve();
  state_->set_direct(true, *state_->descriptor());
}

OutputFile::OutputFile() = default;

OutputFile::~OutputFile() = default;

void OutputFile::write_at(uint64_t offset, std::span<const std::byte> bytes) {
  if (!state_) return;
  state_->write_all(offset, bytes.data(), bytes.size());
  state_->keep_beginning(offset, bytes);
  state_->push_out(offset, bytes.size());
}

void OutputFile::begin_read_back() { state_->let_go_of_cache(); }

void OutputFile::read_back(uint64_t offset, std::span<std::byte> out) const {
  state_->read_all(offset, out.data(), out.size());
}

// Direct I/O, which the descriptor may be in, reads whole blocks only.
InputFile OutputFile::as_input() const {
  const int descriptor = retried([&] { return fcntl(state_->descriptor()->number(), F_DUPFD_CLOEXEC, 0); });
  if (descriptor < 0) fail_output(state_->target, "cannot be read back", errno);
  InputFile file(descriptor, state_->target, state_->size);
  const int flags = fcntl(descriptor, F_GETFL);
  if (flags < 0 || fcntl(descriptor, F_SETFL, flags & ~O_DIRECT) != 0)
    fail_output(state_->target, "cannot be read back", errno);
  return file;
}

void OutputFile::commit() {
  if (!state_) return;
  State& state = *state_;
  state.check_size();
  state.set_size();
  state.partial.take_over_mode();
  state.flush();
  state.check_beginning();
  if (state.has_hole()) state.fail_cut_short();
  state.partial.put_in_place(state.options.replace);
  if (state.options.sync && state.options.sync_folder) state.partial.sync_folder();
}

std::string OutputFile::description() const {
  if (!state_) return "output discarded";
  return std::string(state_->direct ? "direct writes" : "buffered writes") +
         (state_->reserved ? ", space reserved" : ", space not reserved");
}

}  // namespace ckmerge
