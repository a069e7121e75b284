// SPDX-License-Identifier: Apache-2.0
#include "io/file/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>

#include "io/file/output_target.h"
#include "io/file/retry.h"

namespace ckmerge {
namespace {

// A process that was started without standard streams would otherwise print its messages into the partial file.
int away_from_standard_streams(int descriptor) {
  if (descriptor < 0 || descriptor > STDERR_FILENO) return descriptor;
  const int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  const int error = errno;
  close(descriptor);
  errno = error;
  return moved;
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// What `open` returns; where descriptors ran out, once more when those were given back that nobody needs.
int with_descriptors_given_back(const auto& open) {
  const int descriptor = open();
  if (descriptor >= 0 || (errno != EMFILE && errno != ENFILE)) return descriptor;
  const int error = errno;
  if (DescriptorPool::of_process().close_unused()) return open();
  errno = error;
  return -1;
}

// O_PATH: a folder may be written without being read.
DescriptorLease open_folder_of(const std::string& target) {
  const std::string folder = folder_of(resolve_target(target));
  const int descriptor = with_descriptors_given_back([&] {
    return away_from_standard_streams(retried([&] { return open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC); }));
  });
  if (descriptor < 0) fail_output(target, "the folder " + folder + " cannot be used", errno);
  return std::make_shared<OpenDescriptor>(descriptor);
}

// One for all files that are written in it.
DescriptorLease open_own_folder_of(const std::string& target) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const OpenDescriptor>> folders;
  const std::lock_guard lock(mutex);
  std::erase_if(folders, [](const auto& folder) { return folder.second.expired(); });
  std::weak_ptr<const OpenDescriptor>& known = folders[folder_of(target)];
  DescriptorLease lease = known.lock();
  if (!lease) known = lease = open_folder_of(target);
  return lease;
}

}  // namespace

int sync_file(int descriptor) {
  return retried([&] { return fsync(descriptor); });
}

PartialFile::PartialFile(Names, const std::string& target, uint32_t mode, bool own)
    : target_(target),
      final_(resolve_target(target)),
      path_(partial_path(final_)),
      name_(name_of(path_)),
      final_name_(name_of(final_)),
      mode_(mode),
      in_own_folder_(own),
      folder_(own ? open_own_folder_of(target) : open_folder_of(target)) {}

// Delegating, so that the destructor runs when this one throws.
PartialFile::PartialFile(const std::string& target, std::span<const FileIdentity> inputs, uint32_t mode, bool own)
    : PartialFile(Names(), target, mode, own) {
  for (int attempt = 0; attempt < 100; ++attempt)
    if (make(inputs)) return;
  throw Error(ErrorCode::io, target_,
              target_ + ": its partial file " + path_ + " keeps changing; is another run busy?");
}

PartialFile::~PartialFile() {
  try {
    if (owned_ && still_named()) remove_name();
  } catch (const Error&) {  // it cannot be opened again, and the next run removes it
  }
  let_go();
}

int PartialFile::remove_name() const {
  return retried([&] { return unlinkat(folder_->number(), name_.c_str(), 0); });
}

// What replaces a file is nobody else's to read before it has that file's mode.
uint32_t PartialFile::mode_to_begin_with() const {
  struct stat old;
  return fstatat(folder_->number(), final_name_.c_str(), &old, 0) == 0 ? mode_ & 0600 : mode_;
}

DescriptorLease PartialFile::keep(int descriptor) const {
  if (in_own_folder_) {
    closes_.begin(descriptor);
    return DescriptorPool::of_process().keep(place_, descriptor);
  }
  held_ = std::make_shared<const OpenDescriptor>(descriptor);
  return held_;
}

// What a network filesystem still had of it when it was closed.
void PartialFile::expect_kept() const {
  if (const int error = closes_.error(); error != 0) fail_output(target_, "cannot be written", error);
}

void PartialFile::let_go() {
  held_.reset();
  DescriptorPool::of_process().forget(place_);
  identity_.reset();
}

DescriptorLease PartialFile::descriptor(int flags) const {
  if (held_) return held_;
  if (DescriptorLease lease = DescriptorPool::of_process().find(place_)) return lease;
  expect_kept();
  const int opened = open_at_path(flags, 0);
  if (opened < 0) fail_output(target_, "its partial file " + path_ + " cannot be opened again", errno);
  DescriptorLease lease = keep(opened);
  struct stat now;
  if (retried([&] { return fstat(lease->number(), &now); }) != 0) fail_unexamined();
  if (identity_ && !identity_->same_file({.device = now.st_dev, .inode = now.st_ino}))
    throw Error(ErrorCode::io, target_,
                target_ + ": its partial file " + path_ + " was replaced by another program; run again");
  return lease;
}

int PartialFile::open_at_path(int flags, uint32_t mode) const {
  constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
  return with_descriptors_given_back([&] {
    return away_from_standard_streams(
        retried([&] { return openat(folder_->number(), name_.c_str(), kFlags | flags, mode); }));
  });
}

// Null where it cannot be learned, and errno says why.
const FileIdentity* PartialFile::identity() const {
  struct stat mine;
  if (identity_) return &*identity_;
  if (retried([&] { return fstat(descriptor()->number(), &mine); }) != 0) return nullptr;
  identity_ = {.device = mine.st_dev, .inode = mine.st_ino};
  return &*identity_;
}

// errno says why it is not: 0 where another file, or none, has the name now.
bool PartialFile::still_named() const {
  struct stat named;
  const FileIdentity* const mine = identity();
  if (!mine) return false;
  if (retried([&] { return fstatat(folder_->number(), name_.c_str(), &named, AT_SYMLINK_NOFOLLOW); }) != 0) {
    if (errno == ENOENT) errno = 0;
    return false;
  }
  errno = 0;
  return mine->same_file({.device = named.st_dev, .inode = named.st_ino});
}

void PartialFile::fail_unexamined() const {
  fail_output(target_, "its partial file " + path_ + " cannot be examined", errno);
}

bool PartialFile::is_of_group(uint32_t group) const {
  struct stat mine;
  return fstat(descriptor()->number(), &mine) == 0 && mine.st_gid == group;
}

bool PartialFile::lock() const {
  if (in_own_folder_) return true;
  // Not an EAGAIN that passes: LOCK_NB says so of a lock that another run holds.
  bool taken = false;
  const int result = retried([&] {
    const int attempt = flock(descriptor()->number(), LOCK_EX | LOCK_NB);
    taken = attempt != 0 && errno == EWOULDBLOCK;
    return taken ? 0 : attempt;
  });
  if (taken)
    throw TargetTaken(ErrorCode::io, target_,
                      target_ + ": another run is writing it; wait for that one or give another name");
  return result == 0;  // else a filesystem without locks (some network ones)
}

// A fresh, locked partial file. False: there was one already; it has been dealt with, try again.
bool PartialFile::make(std::span<const FileIdentity> inputs) {
  if (const int made = open_at_path(O_CREAT | O_EXCL, mode_to_begin_with()); made >= 0) {
    keep(made);
    lock();
    owned_ = true;
    if (still_named()) return true;
    if (errno != 0) fail_unexamined();
    owned_ = false;  // another run took it for a killed one's before it was locked
    let_go();
    return false;
  }
  if (errno != EEXIST) fail_output(target_, "its partial file " + path_ + " cannot be made", errno);
  const int there = open_at_path(0, 0);
  if (there < 0 && errno == ENOENT) return false;
  if (there < 0) fail_output(target_, "its partial file " + path_ + " is in the way and cannot be opened", errno);
  keep(there);
  remove_stale(inputs);
  let_go();
  return false;
}

// What a killed run left. Anything else of that name is another program's file.
void PartialFile::remove_stale(std::span<const FileIdentity> inputs) const {
  struct stat mine;
  if (retried([&] { return fstat(descriptor()->number(), &mine); }) != 0) fail_unexamined();
  const FileIdentity identity{.device = mine.st_dev, .inode = mine.st_ino};
  const std::string name = "its partial file would be " + path_;
  for (const FileIdentity& input : inputs)
    if (identity.same_file(input))
      throw Error(ErrorCode::usage, target_, target_ + ": " + name + ", which is an input; give another name");
  if (!S_ISREG(mine.st_mode))
    throw Error(ErrorCode::usage, target_, target_ + ": " + name + ", which is no regular file; give another name");
  if (!lock())
    throw Error(
        ErrorCode::io, target_,
        target_ + ": " + path_ + " is there and cannot be locked here; remove it if no other run is writing it");
  if (!still_named()) {
    if (errno != 0) fail_unexamined();
    return;
  }
  if (remove_name() != 0 && errno != ENOENT)
    fail_output(target_, "its stale partial file " + path_ + " cannot be removed", errno);
}

void PartialFile::take_over_mode() const {
  struct stat old;
  if (retried([&] { return fstatat(folder_->number(), final_name_.c_str(), &old, 0); }) != 0) {
    if (errno == ENOENT) return;
    fail_output(target_, "its mode cannot be learned", errno);
  }
  // A run that is not root's may not give files away; the mode alone is kept then, and what the old group might do is
  // not allowed to another one.
  const DescriptorLease lease = descriptor();
  const bool same_group = fchown(lease->number(), old.st_uid, old.st_gid) == 0 ||
                          fchown(lease->number(), static_cast<uid_t>(-1), old.st_gid) == 0 || is_of_group(old.st_gid);
  const mode_t others = old.st_mode & 07, group = same_group ? old.st_mode & 070 : old.st_mode & 070 & others << 3;
  const mode_t wide = (old.st_mode & 07707) | group;
  if (retried([&] { return fchmod(lease->number(), wide & (07111 | mode_)); }) != 0)
    fail_output(target_, "its mode cannot be set", errno);
}

void PartialFile::put_in_place(bool replace) {
  if (!still_named()) {
    if (errno != 0) fail_unexamined();
    throw Error(ErrorCode::io, target_,
                target_ + ": its partial file " + path_ + " was removed by another program; run again");
  }
  expect_kept();
  const auto appeared = [&] {
    throw Error(ErrorCode::usage, target_, target_ + ": appeared while the merge ran; use -f to replace it");
  };
  bool refusing = !replace;  // until the filesystem turns out not to know how
  if (refusing && retried([&] {
                    return renameat2(folder_->number(), name_.c_str(), folder_->number(), final_name_.c_str(),
                                     RENAME_NOREPLACE);
                  }) != 0) {
    if (errno == EEXIST) appeared();
    if (errno != EINVAL && errno != ENOSYS) fail_output(target_, "cannot be put in place", errno);
    refusing = false;
    struct stat there;
    if (fstatat(folder_->number(), final_name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) appeared();
  }
  if (!refusing &&
      retried([&] { return renameat(folder_->number(), name_.c_str(), folder_->number(), final_name_.c_str()); }) != 0)
    fail_output(target_, "cannot be put in place", errno);
  owned_ = false;
}

void PartialFile::sync_folder() const {
  constexpr const char* kWarning =
      "is complete, but its folder cannot be synced, so that it may not survive a power loss";
  const int descriptor = retried([&] { return openat(folder_->number(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0 && errno == EACCES) return;  // a folder that may be written but not read cannot be synced
  if (descriptor < 0) fail_output(target_, kWarning, errno);
  const int error = sync_file(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error != 0 && error != EINVAL) fail_output(target_, kWarning, error);  // EINVAL: folders cannot be synced here
}

}  // namespace ckmerge
