// SPDX-License-Identifier: Apache-2.0
// What the name of an output says to the programs that will look for it: they go by its extension.
#pragma once

#include <string>

#include "io/output_forms.h"

namespace ckmerge::cli {

/// Throws Error(usage) where `-o OUTPUT` is `-`, or promises a format that is not written.
void expect_checkpoint_name(const std::string& output);

/// A sentence where the extension is none that programs take for a checkpoint of `form`, or none at all; else empty.
/// REQUIRES: expect_checkpoint_name(); `output` is no folder.
std::string extension_warning(const std::string& output, const OutputForm& form);

}  // namespace ckmerge::cli
