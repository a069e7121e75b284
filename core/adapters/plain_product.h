// SPDX-License-Identifier: Apache-2.0
// Modules that are the product of two factors and nothing else, by which adapters are merged and resized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/adapters/adapter.h"

namespace ckmerge {

/// Empty, or why a module's factors have no product, or one for each of several experts, that is all of what it adds,
/// from headers alone. What is said of
/// the module: "is LoHa, and adapters are merged where ...".
std::string why_no_product(const Adapter& adapter, const AdapterModule& module);

/// How many matrices of experts the module changes, of each of which its factors hold a product: the rows of A have a
/// block for each, and in the columns of B the expert runs fastest. 1: it is a product. REQUIRES: why_no_product() is
/// empty.
uint64_t experts_of(const Adapter& adapter, const AdapterModule& module);

/// How many blocks of a block-diagonal matrix a factor holds below each other (BD-LoRA); 1: it is the matrix itself.
uint64_t diagonal_blocks(const Adapter& adapter, const AdapterModule& module, std::string_view factor);

/// The factors' shapes: (out, rank), (out, rank, 1, 1); (rank, in), (rank, in, 3, 3). Of tucker's three factors the two
/// on the right are one, and blocks on a diagonal are the whole matrix. REQUIRES: why_no_product() is empty.
std::vector<uint64_t> up_shape(const Adapter& adapter, const AdapterModule& module);
std::vector<uint64_t> down_shape(const Adapter& adapter, const AdapterModule& module);

}  // namespace ckmerge
