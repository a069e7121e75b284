// SPDX-License-Identifier: Apache-2.0
// Leave to compute. More workers run than may compute at once: the others read, write or wait, which keeps the disk
// busy. A permit is held while bytes are computed, hashed or copied, never while its holder waits for another worker or
// for a device.
#pragma once

#include <semaphore>

namespace ckmerge {

class Permit {
 public:
  explicit Permit(std::counting_semaphore<>& permits) : permits_(permits) { permits_.acquire(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() { permits_.release(); }

  /// Without the permit for as long as this lives: its holder waits.
  class Pause {
   public:
    explicit Pause(Permit& permit) : permits_(permit.permits_) { permits_.release(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause() { permits_.acquire(); }

   private:
    std::counting_semaphore<>& permits_;
  };

 private:
  std::counting_semaphore<>& permits_;
};

}  // namespace ckmerge
