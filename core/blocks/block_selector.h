// SPDX-License-Identifier: Apache-2.0
// What somebody means by a block, a range or wildcard of blocks, a pattern, or what names begin with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/blocks/block_map.h"

namespace ckmerge {

/// Names that lie in one of `blocks` and that `pattern` fits.
struct BlockSelection {
  bool everywhere = true;            ///< of any block; `blocks` is empty
  std::vector<BlockId> blocks = {};  ///< sorted
  std::string pattern = {};          ///< core/names/name_pattern.h; empty: any name
  bool unless = false;               ///< what `pattern` does not fit
};

/// A checkpoint as selectors see it.
struct Selectable {
  const BlockMap& blocks;
  const TensorTable& tensors;
};

/// `IN04`, `IN00..IN08`, `OUT*`, `/regex/`, a part (unet, te, vae), or what names begin with, the network's prefix left
/// out or not: `input_blocks.4.`. Throws Error(usage) of `where` for what selects nothing, with what there is.
BlockSelection select_names(std::string_view selector, const Selectable& of, const std::string& where);

/// Throws Error(usage) of `where` for a `/regex/` that cannot be understood; what needs no checkpoint to be told.
void check_selector(std::string_view selector, const std::string& where);

/// supermerger's two lists, separated by blanks: blocks and ranges (`OUT03-OUT06`), empty for all; parts of names, of
/// which one must be in a name, empty for all; NOT in front of a list turns it round. Throws as select_names() does.
BlockSelection select_elements(std::string_view blocks, std::string_view elements, const Selectable& of,
                               const std::string& where);

}  // namespace ckmerge
