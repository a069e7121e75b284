// SPDX-License-Identifier: Apache-2.0
// Filters of orthogonal wavelets.
#pragma once

#include <span>
#include <string_view>

namespace ckmerge {

/// The low-pass filter of reconstruction of "db1" to "db10", "sym2" to "sym10" and "coif1" to "coif3"; empty: of none
/// of these. Its high-pass filter is it from behind, with the sign of every second number changed.
std::span<const double> wavelet_filter(std::string_view family);

}  // namespace ckmerge
