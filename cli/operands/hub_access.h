// SPDX-License-Identifier: Apache-2.0
// Models that are called as Hugging Face calls them, "org/name@revision", and lie in its cache.
#pragma once

#include <string>

#include "cli/options/request.h"
#include "cli/report/caller.h"

namespace ckmerge::cli {

/// `request` with the folder of a snapshot in place of each word that names a model and no path that is there. Throws
/// Error(io) with the line that downloads it for a model that is in no cache.
Request with_hub_paths(const Request& asked, const Environment& environment);

/// Whether `word` would be looked up there: it is called as a model is, and not as a file of weights or a recipe is.
bool may_be_hub_name(const std::string& word);

}  // namespace ckmerge::cli
