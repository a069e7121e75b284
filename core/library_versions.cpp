// SPDX-License-Identifier: Apache-2.0
#include "core/library_versions.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "io/library_versions.h"
#include "io/registry/sqlite.h"

namespace ckmerge {
namespace {

// "10.42 2022-12-11" without the date.
std::string pcre2_version() {
  char text[64] = {};  // the manual asks for 24
  if (pcre2_config(PCRE2_CONFIG_VERSION, text) < 0) return "unknown";
  const std::string version = text;
  return version.substr(0, version.find(' '));
}

}  // namespace

std::vector<LibraryVersion> library_versions() {
  return {{"simdjson", simdjson_version()},
          {"OpenSSL", openssl_version()},
          {"PCRE2", pcre2_version()},
          {"zlib", zlib_library_version()},
          {"SQLite", sqlite_version()}};
}

}  // namespace ckmerge
