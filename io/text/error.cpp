// SPDX-License-Identifier: Apache-2.0
#include "io/text/error.h"

namespace ckmerge {

const char* name(ErrorCode code) {
  switch (code) {
    case ErrorCode::io: return "io";
    case ErrorCode::usage: return "usage";
    case ErrorCode::malformed: return "malformed";
    case ErrorCode::mismatch: return "mismatch";
    case ErrorCode::resources: return "resources";
    case ErrorCode::difference: return "difference";
    case ErrorCode::interrupted: return "interrupted";
  }
  return "unknown";
}

std::string without_nul(std::string text) {
  for (size_t at = text.find('\0'); at != std::string::npos; at = text.find('\0', at)) text.replace(at, 1, "\\0");
  return text;
}

}  // namespace ckmerge
