// SPDX-License-Identifier: Apache-2.0
// The blocks that modules of adapters lie in, by the tables of models (core/blocks/block_table.h, docs/blocks.md):
// kohya's names have underscores where those have dots. And lists of strengths for blocks.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/blocks/block_table.h"

namespace ckmerge {

/// The block of `table` that a module lies in: IN01, M00, D00, L00; BASE where no row of it fits.
std::string module_block(std::string_view name, const BlockTable& table);

/// The table of an adapter's modules: that of its architecture, or, where that is not known (empty) or has none, the
/// one that their names tell.
const BlockTable& table_of_modules(std::span<const std::string_view> names, std::string_view architecture);

/// The blocks of a list of so many strengths, in its order; empty: there is no list of that many. 12 (SDXL), 17 (SD 1),
/// 20 (SDXL), 26 (SD 1) and 61 (Flux). The first counts for what lies in no block, too.
std::vector<std::string> blocks_of_list(size_t count);

/// The strength that `list` has for a module; 1 for blocks that are not in it.
double strength_in_list(std::span<const double> list, std::string_view module);

}  // namespace ckmerge
