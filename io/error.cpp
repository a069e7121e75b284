// SPDX-License-Identifier: Apache-2.0
#include "io/error.h"

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

}  // namespace ckmerge
