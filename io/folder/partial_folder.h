// SPDX-License-Identifier: Apache-2.0
// A folder that is there as a whole or not at all (invariant I4): it is filled beside its name, hidden and locked, and
// gets the name in one step. What a killed run left is removed by the next run to the same name.
#pragma once

#include <span>
#include <string>

#include "io/file/input_file.h"

namespace ckmerge {

/// Refuses a target that is something else than a folder, a folder that is not empty (TargetTaken without `replace`,
/// and with it where it holds no component of a pipeline or one of `inputs`,
/// or lies in one), a place that cannot be written. Throws
/// Error(usage | io).
void check_folder_target(const std::string& target, std::span<const std::string> inputs, bool replace);

class PartialFolder {
 public:
  /// Makes the hidden folder. Throws TargetTaken where another run is filling it, else as check_folder_target() and
  /// Error(io).
  PartialFolder(const std::string& target, std::span<const std::string> inputs, bool replace, bool sync);
  PartialFolder(const PartialFolder&) = delete;
  PartialFolder& operator=(const PartialFolder&) = delete;
  ~PartialFolder();  ///< removed with all that is in it, unless put_in_place() has returned

  /// Where files are to be written until it is in place.
  const std::string& path() const { return path_; }
  /// Makes the folders in front of `file`, which is relative. Throws Error(io).
  void make_room_for(const std::string& file) const;

  /// Makes what is in it durable and, in one step, becomes the target; what was there is removed afterwards. Throws
  /// Error(usage) where a folder appeared that may not be replaced, Error(io).
  void put_in_place();

 private:
  PartialFolder(const std::string& target, bool replace, bool sync);
  void make();
  void sync_tree() const;
  void sync_path(const std::string& path, const std::string& fault) const;

  std::string target_, path_;
  bool replace_, sync_, owned_ = false;
  int descriptor_ = -1;
};

}  // namespace ckmerge
