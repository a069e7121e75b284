// SPDX-License-Identifier: Apache-2.0
// Checkpoints whose tensors are codes, recognised by their names and dtypes: fp8 with scales beside it, nf4, GPTQ and
// their kin. Such codes look like numbers and average like numbers, and the result is noise.
#pragma once

#include <string>

#include "io/table/metadata.h"
#include "io/table/tensor_table.h"

namespace ckmerge {

/// "scaled fp8 (the scale of x.weight is x.scale_weight)", or empty where the tensors are the numbers that they seem to
/// be; a plain cast to fp8 is. REQUIRES: `tensors` are sorted by name.
std::string quantized_kind(const TensorTable& tensors, const Metadata& metadata);

}  // namespace ckmerge
