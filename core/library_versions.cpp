// SPDX-License-Identifier: Apache-2.0
#include "core/library_versions.h"

#include "io/library_versions.h"
#include "io/registry/sqlite.h"

namespace ckmerge {

std::vector<LibraryVersion> library_versions() {
  return {{"simdjson", simdjson_version()},
          {"OpenSSL", openssl_version()},
          {"zlib", zlib_library_version()},
          {"SQLite", sqlite_version()}};
}

}  // namespace ckmerge
