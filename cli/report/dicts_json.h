// SPDX-License-Identifier: Apache-2.0
// What a PyTorch file holds beside the tensors that were taken, as part of a JSON document.
#pragma once

#include "io/table/checkpoint.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// `dicts`, an array of `key`, `tensors`, `role`, `named`, `taken`; `beside`, an array of texts.
void write_dicts(JsonWriter& json, const Checkpoint& checkpoint);

}  // namespace ckmerge::cli
