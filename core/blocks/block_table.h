// SPDX-License-Identifier: Apache-2.0
// Which names are of which block, per architecture, and in which order lists of numbers go over blocks: data. The names
// of blocks are supermerger's for Stable Diffusion and Flux.1, model-mixer's for SD 3 (docs/blocks.md).
#pragma once

#include <span>
#include <string_view>

namespace ckmerge {

/// Names that begin with `path`. The first row of a table that fits holds.
struct BlockRow {
  /// What a name begins with behind the prefix of a network (`model.diffusion_model.`); each # is a number. With "*" in
  /// front: what stands anywhere in the name at the beginning of a component.
  std::string_view path;
  std::string_view group;  ///< the letters of the block's name: "IN"
  int number = kOfPath;    ///< the number in the block's name, or one of these
  /// kOfPath: first * (first number of the path) + second * (second one) + offset.
  int first = 1, second = 0, offset = 0;

  static constexpr int kOfPath = -1;
  static constexpr int kNone = -2;     ///< the block's name has no number
  static constexpr int kLastOut = -3;  ///< BlockTable::last_out
};

/// A list of as many numbers as `blocks` has words.
struct BlockList {
  size_t count;
  /// Blocks and ranges, as selectors (core/blocks/block_selector.h); "-" takes a number that counts for nothing, and
  /// X=0 takes none: X has the number 0.
  std::string_view blocks;
};

/// Another spelling of the letters of blocks.
struct BlockAlias {
  std::string_view spelling, group;
};

struct BlockTable {
  std::string_view name;                            ///< for people
  std::span<const std::string_view> architectures;  ///< as guessed (core/names/architecture.h); empty: all others
  std::span<const BlockRow> rows;                   ///< in the order of the blocks
  std::span<const BlockList> lists = {};
  std::span<const BlockAlias> aliases = {};
  int last_out = 0;  ///< the number of the last output block of a U-Net
};

/// What no row is of.
inline constexpr std::string_view kBaseGroup = "BASE";

/// The table of an architecture; never one that is missing.
const BlockTable& block_table(std::string_view architecture);
/// That of names of layers alone.
const BlockTable& generic_block_table();

/// All of them, the generic one last.
std::span<const BlockTable> block_tables();

}  // namespace ckmerge
