// SPDX-License-Identifier: Apache-2.0
// The files below a folder, with their states. Links are followed, as A1111 and ComfyUI follow them, yet no folder is
// visited twice: real folders first, then those that only links lead to.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file/input_file.h"

namespace ckmerge {

struct FoundFile {
  std::string path;
  FileIdentity state;
};

struct FolderWalk {
  std::vector<FoundFile> files;  ///< sorted by path
  std::vector<std::string>
      troubles;  ///< a sentence for each folder that cannot be read, and each file that may be there
};

/// `wanted` is asked about base names. What begins with a dot is left out, folders too. Throws Error(io) when
/// `folder` itself cannot be read.
FolderWalk walk_folder(const std::string& folder, const std::function<bool(std::string_view)>& wanted);

/// `path` from the root, without links, `.`, `..` and slashes at its end. Throws Error(io) when it is not
/// there.
std::string real_path(const std::string& path);

/// The state of the file at `path`, its links followed; false when there is no regular file, or it cannot be told.
bool look_up_file(const std::string& path, FileIdentity& state);

/// Whether it is certain that no regular file is at `path`. A disk that fails for the moment leaves that open.
bool is_gone(const std::string& path);

}  // namespace ckmerge
