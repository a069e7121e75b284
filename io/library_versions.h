// SPDX-License-Identifier: Apache-2.0
// Versions of the libraries that this folder uses.
#pragma once

#include <string>

namespace ckmerge {

std::string simdjson_version();      ///< that was compiled in
std::string openssl_version();       ///< that was loaded
std::string zlib_library_version();  ///< that was loaded

}  // namespace ckmerge
