// SPDX-License-Identifier: Apache-2.0
// The lock under which a registry is made, or set aside and made anew: PATH.lock, which is there only while it is held.
#pragma once

#include <string>

namespace ckmerge {

class RegistryLock {
 public:
  /// Waits for whoever holds it. Throws Error(io | resources).
  explicit RegistryLock(const std::string& registry);
  RegistryLock(const RegistryLock&) = delete;
  ~RegistryLock();

 private:
  bool still_named() const;

  std::string path_;
  int descriptor_ = -1;
};

}  // namespace ckmerge
