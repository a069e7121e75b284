// SPDX-License-Identifier: Apache-2.0
// What the registry knows of a checkpoint, told to people and programs. `ckmerge list` and `ckmerge show` share it.
#pragma once

#include <string>

#include "core/recipe/lineage.h"
#include "io/registry/presence.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// "sdxl checkpoint, F16, 6.94 GB", and what is wrong with it.
std::string what_text(const RegisteredFile& file, Presence presence);

/// Fields of an object that is begun and ended by the caller.
void write_file(JsonWriter& json, const RegisteredFile& file, Presence presence);

/// A line for each file of the tree, those of one generation below each other.
std::string lineage_text(const Lineage& lineage);
void write_lineage(JsonWriter& json, const Lineage& lineage);

}  // namespace ckmerge::cli
