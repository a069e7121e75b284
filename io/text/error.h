// SPDX-License-Identifier: Apache-2.0
// The one error type. It is thrown where a fault is known and caught once, in cli/ (or by the library's user). Its code
// says what kind of fault it is and is the program's exit status, so scripts and tests check kinds, never prose.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace ckmerge {

/// Values are exit statuses (README, "Exit codes") and never change.
enum class ErrorCode : int {
  io = 1,             ///< run-time: I/O, file missing, target locked
  usage = 2,          ///< a bad parameter, target exists, output is an input
  malformed = 3,      ///< an input is malformed, unsafe, truncated, or changed during the run
  mismatch = 4,       ///< the checkpoints do not fit together
  resources = 5,      ///< not enough disk, memory or GPU
  difference = 6,     ///< a verification or comparison found a difference
  interrupted = 130,  ///< the stop flag was raised
};

/// "usage", "malformed", ...: the code's name in JSON.
const char* name(ErrorCode code);

/// `text` with \0 in place of each NUL byte: what() is a C string, and a name with a NUL would end the sentence there.
std::string without_nul(std::string text);

/// what() is one sentence: what is wrong, where, and how to mend it. `where` is the path, tensor or option meant,
/// alone, for programs. `details` are further lines, one per fault of the same kind (every tensor whose shape differs).
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string where, const std::string& sentence, std::vector<std::string> details = {})
      : std::runtime_error(without_nul(sentence)),
        code_(code),
        where_(std::move(where)),
        details_(std::move(details)) {}

  ErrorCode code() const { return code_; }
  const std::string& where() const { return where_; }
  const std::vector<std::string>& details() const { return details_; }

 private:
  ErrorCode code_;
  std::string where_;
  std::vector<std::string> details_;
};

}  // namespace ckmerge
