// SPDX-License-Identifier: Apache-2.0
// A request as JSON (docs/request.schema.json): a command, its operands and its options under the names of the table,
// which are what a command line has.
#pragma once

#include <string_view>

#include "cli/options/request.h"

namespace ckmerge::cli {

/// Throws Error(usage) for what is no request at all; what is wrong with its parts is in `refused`, in front of what
/// their readers refuse. It asks for a document (Settings::json).
Request read_request_json(std::string_view text);

}  // namespace ckmerge::cli
