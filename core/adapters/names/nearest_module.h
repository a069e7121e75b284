// SPDX-License-Identifier: Apache-2.0
// The module of a checkpoint that an adapter's was meant to be.
#pragma once

#include <string>
#include <string_view>

#include "io/table/tensor_table.h"

namespace ckmerge {

/// The tensor of whose module `module`, a name that no tensor's module has, is a misspelling, whatever stands in front
/// of either and whether dots or underscores join them; empty: there is none. Linear in the names.
std::string nearest_module(std::string_view module, const TensorTable& tensors);

}  // namespace ckmerge
