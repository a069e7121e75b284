// SPDX-License-Identifier: Apache-2.0
#include "io/folder/path_status.h"

#include <filesystem>
#include <system_error>

#include "io/text/error.h"

namespace ckmerge {
namespace {

constexpr int kMostAttempts = 1000;  // as in io/file/retry

}  // namespace

PathStatus path_status(const std::string& path) {
  std::error_code error;
  std::filesystem::file_status status;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    status = std::filesystem::status(path, error);
    if (error != std::errc::interrupted) break;
  }
  switch (status.type()) {
    case std::filesystem::file_type::not_found: return PathStatus::nothing;
    case std::filesystem::file_type::directory: return PathStatus::folder;
    case std::filesystem::file_type::none:
      throw Error(ErrorCode::io, path, path + ": cannot be opened: " + error.message());
    default: return PathStatus::other;
  }
}

}  // namespace ckmerge
