// SPDX-License-Identifier: Apache-2.0
// The files of an output that is a folder.
#pragma once

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// Of the output: those of its file, or the one of all its files (io/hash/folder_sum). Empty without --hash.
OutputSums sums_of_whole(const MergeFacts& facts, const RunReport& report);

/// A line for each; nothing where the output is one file.
std::string folder_lines(const MergeFacts& facts);

/// As "files", where the output is a folder.
void write_folder(JsonWriter& json, const MergeFacts& facts);

/// The sums of its files, as "files", likewise.
void write_folder_sums(JsonWriter& json, const MergeFacts& facts, const RunReport& report);

}  // namespace ckmerge::cli
