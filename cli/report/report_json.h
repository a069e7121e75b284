// SPDX-License-Identifier: Apache-2.0
// Plans, results and errors told to programs: one JSON document each, with every entry that the human reports shorten.
// The forms are documented in docs/cli.md; names once given do not change.
#pragma once

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

JsonWriter plan_json(const MergeFacts& facts);
JsonWriter run_json(const MergeFacts& facts, const RunReport& report);

/// Parts of documents: the inputs; what a plan or a result says, `with_inputs` or without; how the work was done.
void write_inputs(JsonWriter& json, const MergeFacts& facts);
void write_plan(JsonWriter& json, const MergeFacts& facts, bool with_inputs);
void write_result(JsonWriter& json, const MergeFacts& facts, const RunReport& report, bool with_inputs);
void write_run(JsonWriter& json, const RunReport& report);

}  // namespace ckmerge::cli
