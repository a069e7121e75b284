// SPDX-License-Identifier: Apache-2.0
#include "io/file/folder_info.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "io/file/output_file.h"

namespace ckmerge {
namespace {

// Paths in mountinfo have spaces, tabs, line ends and backslashes as \ooo.
std::string unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size();
    out += escape ? static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8)) : text[i];
    if (escape) i += 3;
  }
  return out;
}

bool lies_in(const std::string& path, const std::string& folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

// The type of the mount that `path`, free of links, lies in: the last one of the longest mount point.
std::string filesystem_of(const std::string& path) {
  std::ifstream file("/proc/self/mountinfo");
  std::string type;
  size_t longest = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string skipped, point, word;
    fields >> skipped >> skipped >> skipped >> skipped >> point;
    while (fields >> word && word != "-") continue;
    point = unescaped(point);
    if (!(fields >> word) || !lies_in(path, point) || point.size() < longest) continue;
    longest = point.size();
    type = word;
  }
  return type;
}

std::string real_path(const std::string& path) {
  char* const real = realpath(path.c_str(), nullptr);
  std::string result = real ? real : "";
  std::free(real);
  return result;
}

// A whole block from an aligned buffer, as a tile writes it: some filesystems take the flag for direct I/O, but not the
// write.
std::string way_of_writing(const std::string& target) {
  alignas(OutputFile::kAlignment) static constexpr std::byte kBlock[OutputFile::kAlignment] = {};
  OutputFile file(target, sizeof kBlock, {}, {.replace = false, .sync = false});
  file.write_at(0, kBlock);
  return file.description();
}

std::string why_not(const std::string& folder) {
  struct stat status;
  if (stat(folder.c_str(), &status) != 0) return folder + " cannot be used: " + std::strerror(errno);
  if (!S_ISDIR(status.st_mode)) return folder + " is not a folder";
  if (access(folder.c_str(), W_OK | X_OK) != 0) return folder + " cannot be written: " + std::strerror(errno);
  return "";
}

}  // namespace

FolderInfo examine_folder(const std::string& folder, const std::string& probe) {
  FolderInfo facts;
  struct statvfs status;
  if (statvfs(folder.c_str(), &status) == 0) {
    facts.size = status.f_blocks * status.f_frsize;
    facts.free = status.f_bavail * status.f_frsize;
  }
  const std::string target = folder + "/" + probe;
  facts.trouble = why_not(folder);
  if (const std::string real = real_path(folder); !real.empty()) facts.filesystem = filesystem_of(real);
  facts.in_memory = target_in_memory(target);
  try {
    if (facts.trouble.empty()) facts.writes = way_of_writing(target);
  } catch (const Error& e) {
    facts.trouble = e.what();
  }
  return facts;
}

bool file_can_be_written(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) == 0) return S_ISREG(status.st_mode) && access(path.c_str(), W_OK) == 0;
  for (std::string folder = path; errno == ENOENT;) {
    const size_t slash = folder.rfind('/');
    folder = slash == folder.npos ? "." : slash == 0 ? "/" : folder.substr(0, slash);
    errno = 0;
    if (stat(folder.c_str(), &status) == 0) return S_ISDIR(status.st_mode) && access(folder.c_str(), W_OK | X_OK) == 0;
    if (folder == "." || folder == "/") return false;
  }
  return false;
}

}  // namespace ckmerge
