// SPDX-License-Identifier: Apache-2.0
#include "io/file/folder_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "io/file/retry.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .size = static_cast<uint64_t>(status.st_size),
          .mtime_seconds = status.st_mtim.tv_sec,
          .mtime_nanoseconds = status.st_mtim.tv_nsec};
}

// A link to nowhere, or in a circle, is no file.
bool means_nowhere(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP; }

class Walk {
 public:
  explicit Walk(const std::function<bool(std::string_view)>& wanted) : wanted_(wanted) {}

  FolderWalk run(const std::string& folder) {
    waiting_.push_back(folder);
    bool first = true;
    // Links to folders wait until all that can be reached without them was.
    while (!waiting_.empty() || !linked_.empty()) {
      if (waiting_.empty()) {
        std::ranges::sort(linked_);
        waiting_.push_back(linked_.front());
        linked_.erase(linked_.begin());
      }
      const std::string next = std::move(waiting_.back());
      waiting_.pop_back();
      const std::string trouble = visit(next);
      if (!trouble.empty() && first) throw Error(ErrorCode::io, folder, trouble);
      if (!trouble.empty()) out_.troubles.push_back(trouble);
      first = false;
    }
    std::ranges::sort(out_.files, {}, &FoundFile::path);
    return std::move(out_);
  }

 private:
  // Empty, or why the folder cannot be read.
  std::string visit(const std::string& path) {
    const int descriptor = retried([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    struct stat status;
    std::unique_ptr<DIR, CloseFolder> folder(descriptor >= 0 ? fdopendir(descriptor) : nullptr);
    if (!folder) {
      const int error = errno;
      if (descriptor >= 0) close(descriptor);
      return sentence(path, ": cannot be searched: ", strerror(error));
    }
    if (fstat(descriptor, &status) == 0 && !visited_.insert({status.st_dev, status.st_ino}).second) return "";
    const std::string before = path.ends_with('/') ? path : path + "/";
    errno = 0;
    while (const dirent* const entry = readdir(folder.get())) {
      if (entry->d_name[0] != '.') take(descriptor, *entry, before);
      errno = 0;
    }
    return errno == 0 ? "" : sentence(path, ": cannot be searched to its end: ", strerror(errno));
  }

  void take(int folder, const dirent& entry, const std::string& before) {
    const bool is_link = entry.d_type == DT_LNK, is_wanted = wanted_(entry.d_name);
    if (entry.d_type == DT_DIR) waiting_.push_back(before + entry.d_name);
    if (entry.d_type == DT_DIR || (entry.d_type == DT_REG && !is_wanted)) return;
    struct stat status;
    if (retried([&] { return fstatat(folder, entry.d_name, &status, 0); }) != 0) {
      if (!means_nowhere(errno))
        out_.troubles.push_back(sentence(before, entry.d_name, ": cannot be examined: ", strerror(errno)));
      return;
    }
    if (S_ISDIR(status.st_mode)) (is_link ? linked_ : waiting_).push_back(before + entry.d_name);
    if (S_ISREG(status.st_mode) && is_wanted) out_.files.push_back({before + entry.d_name, identity_of(status)});
  }

  const std::function<bool(std::string_view)>& wanted_;
  std::vector<std::string> waiting_, linked_;
  std::set<std::pair<dev_t, ino_t>> visited_;
  FolderWalk out_;
};

struct FreeText {
  void operator()(char* text) const { free(text); }
};

}  // namespace

FolderWalk walk_folder(const std::string& folder, const std::function<bool(std::string_view)>& wanted) {
  return Walk(wanted).run(folder);
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, FreeText> found(realpath(path.c_str(), nullptr));
  if (!found) throw Error(ErrorCode::io, path, sentence(path, ": cannot be found: ", strerror(errno)));
  return found.get();
}

bool look_up_file(const std::string& path, FileIdentity& state) {
  struct stat status;
  if (retried([&] { return stat(path.c_str(), &status); }) != 0 || !S_ISREG(status.st_mode)) return false;
  state = identity_of(status);
  return true;
}

bool is_gone(const std::string& path) {
  struct stat status;
  if (retried([&] { return stat(path.c_str(), &status); }) != 0) return means_nowhere(errno);
  return !S_ISREG(status.st_mode);
}

}  // namespace ckmerge
