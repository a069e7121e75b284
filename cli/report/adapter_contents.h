// SPDX-License-Identifier: Apache-2.0
// What `inspect` says of an adapter beyond its tensors: who made it, of which kind its modules are, for which model,
// with which ranks and scales, where it is strong, and what in it cannot be merged and why.
#pragma once

#include <string>

#include "io/table/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

struct AdapterContentsOptions {
  bool all_modules = false;  ///< not the first kListed alone
  bool strengths = false;    ///< those of blocks, for which the factors are read
};

/// Empty of a checkpoint that is no adapter.
std::string adapter_lines(const Checkpoint& checkpoint, const AdapterContentsOptions& options);

/// A member "adapter_modules": an object, or null of what is no adapter.
void write_adapter(JsonWriter& json, const Checkpoint& checkpoint, bool strengths);

}  // namespace ckmerge::cli
