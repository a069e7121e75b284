// SPDX-License-Identifier: Apache-2.0
// A counting semaphore held for a scope: the one that bounds how many threads compute at once. More workers run than
// that; the others read, write or wait, which keeps the disk busy. It is held while bytes are computed, hashed or
// copied, never while its holder waits for another worker or for a device.
#pragma once

#include "core/threads/semaphore.h"

namespace ckmerge {

class SemaphoreLock {
 public:
  explicit SemaphoreLock(Semaphore& semaphore) : semaphore_(semaphore) { semaphore_.acquire(); }
  SemaphoreLock(const SemaphoreLock&) = delete;
  SemaphoreLock& operator=(const SemaphoreLock&) = delete;
  ~SemaphoreLock() { semaphore_.release(); }

  /// Gives the semaphore up for as long as this lives: its holder waits.
  class Pause {
   public:
    explicit Pause(SemaphoreLock& computing) : semaphore_(computing.semaphore_) { semaphore_.release(); }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause() { semaphore_.acquire(); }

   private:
    Semaphore& semaphore_;
  };

 private:
  Semaphore& semaphore_;
};

}  // namespace ckmerge
