// SPDX-License-Identifier: Apache-2.0
// Which components a checkpoint holds, told by their names, and where their tensors lie.
#pragma once

#include <string>

#include "io/table/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// For people: what it is of, a line for each component, the files of a folder. Nothing of what is not known.
std::string component_lines(const Checkpoint& checkpoint);

/// "guess", "components", "parts", and "shards" of a folder.
void write_components(JsonWriter& json, const Checkpoint& checkpoint);

}  // namespace ckmerge::cli
