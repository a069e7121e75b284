// SPDX-License-Identifier: Apache-2.0
#include "io/file/output_target.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "io/file/retry.h"

namespace ckmerge {
namespace {

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

// Filesystems of the kernel, which hold what it shows and nothing else: access() knows of permissions alone.
bool is_of_kernel(const std::string& folder) {
  constexpr auto kMagic = std::to_array<unsigned long>({PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
                                                        SECURITYFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC});
  struct statfs filesystem;
  return statfs(folder.c_str(), &filesystem) == 0 &&
         std::ranges::find(kMagic, static_cast<unsigned long>(filesystem.f_type)) != kMagic.end();
}

void check_folder(const std::string& target, const std::string& folder) {
  struct stat status;
  if (retried([&] { return stat(folder.c_str(), &status); }) != 0) {
    if (errno == ENOENT)
      throw Error(ErrorCode::io, target, target + ": the folder " + folder + " does not exist; make it first");
    fail_output(target, "the folder " + folder + " cannot be used", errno);
  }
  if (!S_ISDIR(status.st_mode)) fail_output(target, folder + " is not a folder", ENOTDIR);
  if (access(folder.c_str(), W_OK | X_OK) != 0)
    fail_output(target, "the folder " + folder + " cannot be written", errno);
  if (is_of_kernel(folder))
    throw Error(ErrorCode::io, target,
                target + ": " + folder + " is of the kernel's own files, and takes no others; choose another folder");
}

// What is there, and not a link that leads nowhere.
void check_existing(const std::string& target, const struct stat& file, std::span<const FileIdentity> inputs,
                    bool replace) {
  const FileIdentity identity{.device = file.st_dev, .inode = file.st_ino};
  for (const FileIdentity& input : inputs)
    if (identity.same_file(input)) refuse(target, "is one of the inputs; give the output another name");
  if (S_ISDIR(file.st_mode)) refuse(target, "is a folder; give a file name");
  if (!S_ISREG(file.st_mode)) refuse(target, "is a pipe, device or socket; the output must be a regular file");
  if (!replace) throw TargetTaken(ErrorCode::usage, target, target + ": already exists; use -f to replace it");
}

// What the system would say when all is done and the new file is to take the old one's name.
void check_replaceable(const std::string& target, const std::string& resolved, const struct stat& file) {
  const auto refuse_to_replace = [&](const std::string& why) {
    throw Error(ErrorCode::io, target, target + ": cannot be replaced: " + why + "; give another name");
  };
  struct statx facts;
  if (statx(AT_FDCWD, resolved.c_str(), 0, STATX_BASIC_STATS, &facts) == 0) {
    const uint64_t known = facts.stx_attributes & facts.stx_attributes_mask;
    if (known & STATX_ATTR_MOUNT_ROOT) refuse_to_replace("it is a mount point");
    if (known & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) refuse_to_replace("it may not be changed (lsattr)");
  }
  struct stat folder;
  const uid_t me = geteuid();
  if (stat(folder_of(resolved).c_str(), &folder) != 0 || !(folder.st_mode & S_ISVTX) || me == 0) return;
  if (file.st_uid != me && folder.st_uid != me)
    refuse_to_replace("it is somebody else's, and in its folder only owners may (the sticky bit)");
}

uint64_t size_on_disk(const struct stat& status) {
  constexpr uint64_t kBlock = 512;  // of st_blocks, whatever the filesystem's
  return static_cast<uint64_t>(status.st_blocks) * kBlock;
}

uint64_t size_with_all_in_it(const std::string& path) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return 0;
  uint64_t size = size_on_disk(status);
  if (!S_ISDIR(status.st_mode)) return size;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error))
    if (lstat(entry->path().c_str(), &status) == 0) size += size_on_disk(status);
  return size;
}

std::string to_gigabytes(uint64_t size) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GB", static_cast<double>(size) / 1e9);
  return text;
}

}  // namespace

void fail_output(const std::string& target, const std::string& what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  throw Error(
      full || error == EFBIG ? ErrorCode::resources : ErrorCode::io, target,
      target + ": " + what + ": " + std::strerror(error) + (full ? "; free some space or choose another folder" : ""));
}

std::string folder_of(const std::string& path) { return split(path).folder; }

// Names have at most 255 bytes on every common filesystem.
std::string partial_path(const std::string& resolved) {
  static constexpr const char* kSuffix = ".ckmerge-partial";
  auto [folder, name] = split(resolved);
  if (name.size() > 230) {
    uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: the same target always gets the same partial file
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
    name = text;
  }
  return folder + "/." + name + kSuffix;
}

// What replaces a link is what it points to, as with any program that writes to a path.
std::string resolve_target(const std::string& target) {
  char* real = realpath(target.c_str(), nullptr);
  const bool nothing_there = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
  if (!real && !nothing_there) fail_output(target, "cannot be followed to the file it means", errno);
  if (!real) return target;
  std::string result = real;
  std::free(real);
  return result;
}

void check_target(const std::string& target, std::span<const FileIdentity> inputs, bool replace) {
  const Split path = split(target);
  if (path.name.empty() || path.name == "." || path.name == "..") refuse(target, "is a folder; give a file name");
  struct stat link, file;
  const bool exists = retried([&] { return lstat(target.c_str(), &link); }) == 0;
  if (!exists && errno != ENOENT) fail_output(target, "cannot be examined", errno);
  const bool reaches = exists && retried([&] { return stat(target.c_str(), &file); }) == 0;
  if (exists && !reaches && errno != ENOENT) fail_output(target, "cannot be examined", errno);
  if (exists && !reaches) refuse(target, "is a link that leads nowhere; remove it or give another name");
  if (reaches) check_existing(target, file, inputs, replace);
  const std::string resolved = reaches ? resolve_target(target) : target;
  check_folder(target, folder_of(resolved));
  if (reaches) check_replaceable(target, resolved, file);
}

// Root may use the blocks that a filesystem reserves for it.
void check_space(const std::string& target, uint64_t size) {
  const std::string resolved = resolve_target(target), folder = folder_of(resolved);
  struct statvfs status;
  if (statvfs(folder.c_str(), &status) != 0 || status.f_blocks == 0) return;  // some network filesystems do not know
  uint64_t free = (geteuid() == 0 ? status.f_bfree : status.f_bavail) * status.f_frsize;
  free += size_with_all_in_it(partial_path(resolved));  // what a killed run left will be removed
  if (free >= size) return;
  throw Error(ErrorCode::resources, target,
              target + ": needs " + to_gigabytes(size) + " (" + std::to_string(size) + " bytes), but only " +
                  to_gigabytes(free) + " (" + std::to_string(free) + " bytes) are free in " + folder +
                  "; free some space or choose another folder");
}

bool target_in_memory(const std::string& target) {
  struct statfs status;
  return statfs(folder_of(resolve_target(target)).c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

}  // namespace ckmerge
