// SPDX-License-Identifier: Apache-2.0
#include "io/library_versions.h"

#include <openssl/crypto.h>
#include <zlib.h>

namespace ckmerge {

// From the build: simdjson.h takes seconds to compile.
std::string simdjson_version() { return CKMERGE_SIMDJSON_VERSION; }

std::string openssl_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

std::string zlib_library_version() { return zlibVersion(); }

}  // namespace ckmerge
