// SPDX-License-Identifier: Apache-2.0
// The first bytes of a registry's file. Most of them are the same in every registry, so that each that is another is
// damage, and can be put back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ckmerge {

inline constexpr size_t kRegistryHeaderSize = 100;

/// Whether the application id is the registry's.
bool says_it_is_a_registry(std::string_view bytes);

bool begins_as_database(std::string_view bytes);

/// Whether all is there that SQLite reads of the header and that is the same in every registry.
bool has_a_header_of_ours(std::string_view bytes);

/// Puts back what is the same in every registry. The page's size is not; where it is none, that of new databases is
/// put. REQUIRES: header.size() == kRegistryHeaderSize.
void mend_header(std::string& header);

}  // namespace ckmerge
