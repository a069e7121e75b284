// SPDX-License-Identifier: Apache-2.0
// What stands against adapters that are to be merged with each other or resized: a sentence for each cause, however
// many modules it is true of.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ckmerge {

class CombinationFaults {
 public:
  /// Of a module of the adapter at `path`, or of another `thing` in it. `what` is what it "is ..." or "has ...".
  void add(const std::string& path, std::string_view name, const std::string& what,
           const std::string& thing = "module");
  /// Of the adapter.
  void add(const std::string& path, const std::string& what) { add(path, "", what, ""); }

  bool empty() const { return causes_.empty(); }

  /// Throws Error(mismatch), a line for each cause, if there are any.
  void throw_all() const;

 private:
  struct Cause {
    std::string path, thing, what, first = {};
    std::set<std::string, std::less<>> names = {};
    std::string text() const;
  };
  std::vector<Cause> causes_;
};

}  // namespace ckmerge
