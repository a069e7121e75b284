// SPDX-License-Identifier: Apache-2.0
// Leave to compute. More workers run than may compute at once: the others read, write or wait, which keeps the disk
// busy. A permit is held while bytes are computed or hashed, never while its holder waits for another worker.
#pragma once

#include <semaphore>

namespace ckmerge {

class Permit {
 public:
  explicit Permit(std::counting_semaphore<>& permits) : permits_(permits) { permits_.acquire(); }
  Permit(const Permit&) = delete;
  ~Permit() { permits_.release(); }

 private:
  std::counting_semaphore<>& permits_;
};

}  // namespace ckmerge
