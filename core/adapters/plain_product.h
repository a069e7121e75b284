// SPDX-License-Identifier: Apache-2.0
// Modules that are the product of two factors and nothing else, by which adapters are merged and resized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"

namespace ckmerge {

/// Empty, or why a module's factors have no product that is all of what it adds, from headers alone. What is said of
/// the module: "is LoHa, and adapters are merged where ...".
std::string why_no_product(const Adapter& adapter, const AdapterModule& module);

/// The factors' shapes: (out, rank), (out, rank, 1, 1); (rank, in), (rank, in, 3, 3). Of tucker's three factors the two
/// on the right are one. REQUIRES: why_no_product() is empty.
std::vector<uint64_t> up_shape(const Adapter& adapter, const AdapterModule& module);
std::vector<uint64_t> down_shape(const Adapter& adapter, const AdapterModule& module);

}  // namespace ckmerge
