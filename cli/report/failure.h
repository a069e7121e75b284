// SPDX-License-Identifier: Apache-2.0
// How a failure is told, once: a sentence on stderr, or a document for programs.
#pragma once

#include <string>
#include <vector>

#include "cli/options/command_line.h"
#include "cli/system/system.h"
#include "io/text/error.h"

namespace ckmerge::cli {

struct Failure {
  std::string code;  ///< the kind's name in JSON
  int exit = 1;
  std::string where, message;
  std::vector<std::string> details;
  std::vector<bool> nested = {};  ///< of details: those that belong to the one before; empty where none does
};

Failure failure_of(const Error& error);

/// Tells `failure` and returns the exit status.
int tell(const Failure& failure, const ErrorStyle& style, const Environment& environment) noexcept;

}  // namespace ckmerge::cli
