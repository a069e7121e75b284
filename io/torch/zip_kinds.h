// SPDX-License-Identifier: Apache-2.0
// Zip archives that are no checkpoint of torch.save: what they are, by the names of their entries, and the way to use
// them.
#pragma once

#include <string>

#include "io/torch/zip_directory.h"

namespace ckmerge {

/// One clause for a person, or empty: nothing that is known.
std::string other_zip_kind(const ZipDirectory& zip);

}  // namespace ckmerge
