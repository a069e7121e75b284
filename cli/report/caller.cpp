// SPDX-License-Identifier: Apache-2.0
#include "cli/report/caller.h"

#include "io/text/error.h"

namespace ckmerge::cli {

Checkpoint Caller::open(const std::string& path, const OpenOptions& how) {
  if (names_memory(path))
    throw Error(ErrorCode::usage, path,
                path + ": no checkpoint in memory of this name is handed over; a file that is called so is ./" + path);
  return open_checkpoint(path, how);
}

}  // namespace ckmerge::cli
