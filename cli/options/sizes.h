// SPDX-License-Identifier: Apache-2.0
// Sizes, durations and rates. CLI11's size reader is not used: it takes `5B` for 5 bytes where other merge tools mean
// billions, and K for 1024.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ckmerge::cli {

/// Bytes: `4096`, `512M`, `1.5G`, `2GiB`. KiB, MiB, GiB, TiB are powers of 1024; K, M, G, T, with or without B, are
/// powers of 1000. Case does not matter. Throws Error(usage) that names `option`.
uint64_t parse_size(std::string_view option, std::string_view text);

/// Files: three digits and a decimal unit: "812 B", "1.15 MB", "34.0 GB".
std::string size_text(uint64_t bytes);

/// Memory, in the binary units that --memory defaults to: "128 MiB".
std::string memory_text(uint64_t bytes);

/// "12.3 ms", "4.56 s", "3 min 5 s", "2 h 7 min".
std::string duration_text(double seconds);

/// "1.52 GB/s", or "-" while nothing can be said.
std::string rate_text(double bytes, double seconds);

}  // namespace ckmerge::cli
