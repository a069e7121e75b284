// SPDX-License-Identifier: Apache-2.0
// What there is, for bindings that make themselves: the tables of commands, options, methods, dtypes, architectures,
// forms and exit codes as one document (docs/capi.md).
#pragma once

#include "io/text/json_writer.h"

namespace ckmerge::cli {

JsonWriter describe();

}  // namespace ckmerge::cli
