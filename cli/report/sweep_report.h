// SPDX-License-Identifier: Apache-2.0
// A merge of several outputs, told to people and to programs: what they have in common once, the rest by output.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cli/report/report.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

struct SweepFacts {
  const std::string& folder;             ///< with a slash behind; empty: a plan without one
  std::vector<MergeFacts> outputs = {};  ///< at least one
  std::span<const Sweep> sweeps = {};
};

std::string sweep_plan_report(const SweepFacts& facts);
std::string sweep_run_report(const SweepFacts& facts, std::span<const RunReport> reports);
JsonWriter sweep_plan_json(const SweepFacts& facts);
JsonWriter sweep_run_json(const SweepFacts& facts, std::span<const RunReport> reports);

}  // namespace ckmerge::cli
