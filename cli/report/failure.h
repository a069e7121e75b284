// SPDX-License-Identifier: Apache-2.0
// The one place that tells a failure: a sentence on stderr, or a JSON document or event for programs.
#pragma once

#include <exception>
#include <string>
#include <vector>

#include "cli/options/command_line.h"
#include "cli/system/system.h"
#include "io/text/error.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {

struct Failure {
  std::string code;  ///< the kind's name in JSON
  int exit = 1;
  std::string where, message;
  std::vector<std::string> details;
  std::vector<bool> nested = {};  ///< for each of details, whether it belongs to the one before; may be empty
};

Failure failure_of(const Error& error);
/// Of what is no Error: memory that ran out, and what should not be.
Failure failure_of(const std::exception& exception);

/// The document that --json prints.
JsonWriter failure_json(const Failure& failure);

/// Tells `failure` on the terminal and returns the exit status: of an interrupted run, by the signal that came.
int tell(Failure failure, const ErrorStyle& style, const Environment& environment) noexcept;

}  // namespace ckmerge::cli
