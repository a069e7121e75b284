// SPDX-License-Identifier: Apache-2.0
// Several checks whose failures are told all at once (invariant I1): nobody should have to start a merge five times to
// learn five things that were wrong from the beginning.
#pragma once

#include <functional>
#include <vector>

#include "io/text/error.h"

namespace ckmerge::cli {

/// Several errors in one. Its details are their sentences, each followed by its own details, which are `nested`.
class GatheredFaults : public Error {
 public:
  GatheredFaults(const Error& first, const std::string& sentence, std::vector<std::string> lines,
                 std::vector<bool> nested)
      : Error(first.code(), first.where(), sentence, std::move(lines)), nested_(std::move(nested)) {}
  const std::vector<bool>& nested() const { return nested_; }  ///< for each of details()

 private:
  std::vector<bool> nested_;
};

class Faults {
 public:
  /// Runs `check` and keeps the Error it throws, if any.
  void check(const std::function<void()>& check);

  /// What others kept comes behind what was kept here.
  void add(const Faults& others);

  bool empty() const { return errors_.empty(); }

  /// Throws what was kept: one error as it is, several as one with the first one's code and a line for each.
  void raise() const;

 private:
  std::vector<Error> errors_;
};

}  // namespace ckmerge::cli
