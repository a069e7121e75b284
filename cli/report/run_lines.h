// SPDX-License-Identifier: Apache-2.0
// What only a run could know, told to people.
#pragma once

#include <string>

#include "cli/report/report.h"

namespace ckmerge::cli {

/// Tensors copied from A that another checkpoint holds otherwise.
/// "95.31 %": two digits, as people compare.
std::string percent(double share);

std::string differing_lines(const MergeFacts& facts, const RunReport& report);

/// Tensors whose values did not all survive storing.
std::string loss_lines(const MergeFacts& facts, const RunReport& report);

/// With --hash: the sums of the inputs; of the output.
std::string input_hash_lines(const RunReport& report);
std::string output_hash_lines(const MergeFacts& facts, const RunReport& report);

/// Seconds, bytes and memory.
std::string speed_line(const RunReport& report);

/// For -v.
std::string how_lines(const RunReport& report);

/// "2 tensors  ..." with the count in a column of its own.
std::string count_line(uint64_t count, const std::string& phrase);

}  // namespace ckmerge::cli
