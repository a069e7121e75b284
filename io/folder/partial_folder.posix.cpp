// SPDX-License-Identifier: Apache-2.0
#include "io/folder/partial_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "io/file/output_target.h"
#include "io/file/retry.h"
#include "io/folder/pipeline_entries.h"
#include "io/folder/side_files.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

namespace fs = std::filesystem;

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

[[noreturn]] void refuse(const std::string& target, const std::string& why) {
  throw Error(ErrorCode::usage, target, target + ": " + why);
}

bool is_empty_folder(const std::string& path) {
  std::error_code error;
  return fs::is_empty(path, error) && !error;
}

// What a folder is, and what in it is no part of that; empty: nothing.
struct Contents {
  const char* what;
  bool is_there;
  std::string foreign;
};

Contents contents_of(const std::string& path) {
  if (holds_pipeline(path)) return {"a folder of diffusers", true, foreign_entry(path)};
  if (holds_model(path) || !holds_adapter(path)) return {"a model", holds_model(path), foreign_model_entry(path)};
  return {"an adapter", true, foreign_adapter_entry(path)};
}

bool is_replaceable(const std::string& path) {
  const Contents contents = contents_of(path);
  return contents.is_there && contents.foreign.empty();
}

// A home folder and a collection of models are none: all that is in it must be a model's, a pipeline's or an adapter's.
void expect_replaceable(const std::string& target, const std::string& path) {
  const Contents contents = contents_of(path);
  if (!contents.foreign.empty())
    refuse(target, sentence("holds ", contents.foreign, ", which is no part of ", contents.what,
                            ", and would be removed with the rest; give another name, such as ", path, "/NAME"));
  if (!contents.is_there)
    refuse(target, "holds no model's weights, and is not replaced with all that is in it; give another name");
}

bool lies_in(const std::string& file, const std::string& folder) {
  std::error_code error, of_folder;
  const fs::path inside = fs::weakly_canonical(file, error), outside = fs::weakly_canonical(folder, of_folder);
  if (error || of_folder) fail_output(folder, "cannot be compared with " + file, (error ? error : of_folder).value());
  const auto [end, _] = std::ranges::mismatch(outside, inside);
  return end == outside.end();
}

}  // namespace

void check_folder_target(const std::string& target, std::span<const std::string> inputs, bool replace) {
  const std::string path = without_slashes(target);
  struct stat there;
  if (retried([&] { return lstat(path.c_str(), &there); }) != 0) return check_target(path, {}, replace);
  if (S_ISLNK(there.st_mode)) refuse(target, "is a link; give the folder that it leads to, or another name");
  if (!S_ISDIR(there.st_mode)) refuse(target, "is a file, and the result is a folder; give another name");
  check_target(path + ".ckmerge-new", {}, true);  // whether a name can be made beside it
  if (is_empty_folder(path)) return;
  if (!replace && is_replaceable(path))
    throw TargetTaken(ErrorCode::usage, target, target + ": already exists and is not empty; use -f to replace it");
  if (!replace)
    refuse(target,
           sentence("already exists and is not empty, and the result is a folder of its own; give another name, "
                    "such as ",
                    path, "/NAME"));
  expect_replaceable(target, path);
  std::error_code error;
  for (const std::string& input : inputs) {
    if (lies_in(input, path)) refuse(target, "holds the input " + input + "; give the output another name");
    if (fs::is_directory(input, error) && lies_in(path, input))
      refuse(target, "is in the input " + input + ", and would be replaced; give the output another name");
  }
}

PartialFolder::PartialFolder(const std::string& target, bool replace, bool sync)
    : target_(without_slashes(target)), path_(partial_path(target_)), replace_(replace), sync_(sync) {}

// Delegating, so that the destructor runs when this one throws. Looked at twice: another run may have ended in between.
PartialFolder::PartialFolder(const std::string& target, std::span<const std::string> inputs, bool replace, bool sync)
    : PartialFolder(target, replace, sync) {
  check_folder_target(target_, inputs, replace);
  make();
  check_folder_target(target_, inputs, replace);
}

PartialFolder::~PartialFolder() {
  std::error_code error;
  if (owned_) fs::remove_all(path_, error);
  if (descriptor_ >= 0) close(descriptor_);
}

// A run that makes the folder between another's making and locking it finds it empty and unlocked, and takes it over:
// the other sees that by its inode and begins again.
void PartialFolder::make() {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (retried([&] { return mkdir(path_.c_str(), 0777); }) != 0 && errno != EEXIST)
      fail_output(target_, "its partial folder " + path_ + " cannot be made", errno);
    descriptor_ = retried([&] { return open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC); });
    if (descriptor_ < 0 && errno == ENOENT) continue;
    if (descriptor_ < 0) fail_output(target_, "its partial folder " + path_ + " is in the way", errno);
    if (retried([&] { return flock(descriptor_, LOCK_EX | LOCK_NB); }) != 0 && errno == EWOULDBLOCK) {
      close(descriptor_);
      descriptor_ = -1;
      throw TargetTaken(ErrorCode::io, target_,
                        target_ + ": another run is writing it; wait for that one or give another name");
    }
    struct stat mine, named;
    if (fstat(descriptor_, &mine) == 0 && lstat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino) {
      std::error_code error;
      for (const fs::directory_entry& left : fs::directory_iterator(path_, error))
        if (!error) fs::remove_all(left.path(), error);
      if (error) fail_output(target_, "what a killed run left in " + path_ + " cannot be removed", error.value());
      owned_ = true;
      return;
    }
    close(descriptor_);
    descriptor_ = -1;
  }
  throw Error(ErrorCode::io, target_,
              target_ + ": its partial folder " + path_ + " keeps changing; is another run busy?");
}

void PartialFolder::make_room_for(const std::string& file) const {
  std::error_code error;
  const fs::path folder = (fs::path(path_) / file).parent_path();
  fs::create_directories(folder, error);
  if (error) fail_output(target_, folder.string() + " cannot be made", error.value());
}

void PartialFolder::put_in_place() {
  sync_tree();
  const auto moved = [&](unsigned flags) {
    return retried([&] { return renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), flags); }) == 0;
  };
  // A folder takes the place of an empty one in one step; one that is full changes places with it.
  if (moved(0)) {
    owned_ = false;
  } else if (errno != ENOTEMPTY && errno != EEXIST) {
    fail_output(target_, "cannot be put in place", errno);
  } else if (!replace_) {
    throw Error(ErrorCode::usage, target_, target_ + ": appeared while the merge ran; use -f to replace it");
  } else if (expect_replaceable(target_, target_); !moved(RENAME_EXCHANGE)) {
    fail_output(target_, "cannot be replaced in one step on this filesystem; remove it first", errno);
  }
  sync_path(fs::path(target_).has_parent_path() ? fs::path(target_).parent_path().string() : ".",
            "is complete, but its folder cannot be synced, so that it may not survive a power loss");
}

// Names in it are durable with their folders.
void PartialFolder::sync_tree() const {
  if (!sync_) return;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error))
    if (entry->is_directory(error)) sync_path(entry->path().string(), "cannot be synced");
  if (error) fail_output(target_, "cannot be synced", error.value());
  sync_path(path_, "cannot be synced");
}

void PartialFolder::sync_path(const std::string& path, const std::string& fault) const {
  if (!sync_) return;
  const int descriptor = retried([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (descriptor < 0 && errno == EACCES) return;  // a folder that may be written but not read cannot be synced
  if (descriptor < 0) fail_output(target_, fault, errno);
  const int error = retried([&] { return fsync(descriptor); }) == 0 ? 0 : errno;
  close(descriptor);
  if (error != 0 && error != EINVAL) fail_output(target_, fault, error);
}

}  // namespace ckmerge
