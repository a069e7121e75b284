// SPDX-License-Identifier: Apache-2.0
// What the files of a folder store, as its configs have to say it.
#pragma once

#include <optional>
#include <string>

#include "core/folders/folder_file.h"
#include "core/plan/plan.h"

namespace ckmerge {

/// Fills FolderFile::dtype and is_plain for file `file` of the plan.
void tell_dtypes(const Plan& plan, size_t file, FolderFile& out);

/// The dtype of floats that takes most bytes in files `first` to `end` of the plan, of equals the widest; none where
/// there is none of 16 bits and more, the only ones that a config can name.
std::optional<Dtype> main_dtype(const Plan& plan, size_t first, size_t end);

/// "bfloat16", as torch calls a dtype of floats.
std::string torch_name(Dtype dtype);

}  // namespace ckmerge
