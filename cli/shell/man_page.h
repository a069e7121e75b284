// SPDX-License-Identifier: Apache-2.0
// The manual page, in man(7) macros, made from the tables and the methods' specs. It bears no date: equal sources
// make equal pages.
#pragma once

#include "cli/options/request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// `ckmerge man`.
void man_command(const Request& request, Caller& caller);

}  // namespace ckmerge::cli
