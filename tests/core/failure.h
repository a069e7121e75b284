// SPDX-License-Identifier: Apache-2.0
// What a call fails with, as a value that tests can look at.
#pragma once

#include <string>
#include <vector>

#include "io/text/error.h"

namespace ckmerge::test {

struct Failure {
  ErrorCode code{};  ///< 0: it did not fail
  std::string text, where;
  std::vector<std::string> details;
};

Failure failure(const auto& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what(), error.where(), error.details()};
  }
  return {};
}

}  // namespace ckmerge::test
