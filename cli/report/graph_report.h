// SPDX-License-Identifier: Apache-2.0
// What a merge computes, term by term, told to people and programs.
#pragma once

#include <string>

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// A line for each term of a formula, and with -v of a method; else nothing.
std::string graph_lines(const MergeFacts& facts);

/// `graph`: all terms, null where checkpoints are put together.
void write_graph(JsonWriter& json, const MergeFacts& facts);

}  // namespace ckmerge::cli
