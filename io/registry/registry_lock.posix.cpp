// SPDX-License-Identifier: Apache-2.0
#include "io/registry/registry_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/file/output_target.h"
#include "io/file/retry.h"

namespace ckmerge {

// Whoever held the lock before removed its file: then two processes could each lock one of that name, were the name not
// looked at once the lock is held.
RegistryLock::RegistryLock(const std::string& registry) : path_(registry + ".lock") {
  for (;;) {
    descriptor_ = retried([&] { return open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600); });
    if (descriptor_ < 0 || retried([&] { return flock(descriptor_, LOCK_EX); }) != 0) {
      const int error = errno;
      if (descriptor_ >= 0) close(descriptor_);
      fail_output(registry, "its lock " + path_ + " cannot be made", error);
    }
    if (still_named()) return;
    close(descriptor_);
  }
}

RegistryLock::~RegistryLock() {
  unlink(path_.c_str());
  close(descriptor_);
}

bool RegistryLock::still_named() const {
  struct stat mine, named;
  return fstat(descriptor_, &mine) == 0 && lstat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino &&
         mine.st_dev == named.st_dev;
}

}  // namespace ckmerge
