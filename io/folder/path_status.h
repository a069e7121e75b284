// SPDX-License-Identifier: Apache-2.0
// What is at a path. A disk that fails for the moment is no file that is missing.
#pragma once

#include <cstdint>
#include <string>

namespace ckmerge {

enum class PathStatus : uint8_t { nothing, folder, other };

/// Links are followed. Throws Error(io) where the system cannot say.
PathStatus path_status(const std::string& path);

}  // namespace ckmerge
