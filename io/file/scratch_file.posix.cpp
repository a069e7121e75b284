// SPDX-License-Identifier: Apache-2.0
#include "io/file/scratch_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/file/output_target.h"
#include "io/file/retry.h"

namespace ckmerge {
namespace {

constexpr const char* kWhat = "the scratch file beside it cannot be ";

[[noreturn]] void fail_scratch(const std::string& target, const char* done, int error) {
  fail_output(target, std::string(kWhat) + done, error);
}

// Where a filesystem has no files without names, one whose name is taken away at once.
int open_unnamed(const std::string& folder) {
  const int unnamed = retried([&] { return open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR); });
  if (unnamed >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)) return unnamed;
  std::string path = folder + "/.ckmerge-scratch-XXXXXX";
  const int named = mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) unlink(path.c_str());
  return named;
}

}  // namespace

void ScratchFile::open_it() {
  const int descriptor = open_unnamed(folder_of(resolve_target(target_)));
  if (descriptor < 0) fail_scratch(target_, "made", errno);
  file_.emplace(descriptor);
}

// Reserved, so that a disk that is too small is known before the work; where a filesystem cannot, a write will say it.
uint64_t ScratchFile::take(uint64_t size) {
  if (!file_) open_it();
  const uint64_t offset = size_;
  const auto reserve = [&] {
    return fallocate(file_->number(), 0, static_cast<off_t>(offset), static_cast<off_t>(size));
  };
  if (size > 0 && retried(reserve) != 0) {
    if (errno != EOPNOTSUPP && errno != ENOSYS) fail_scratch(target_, "made larger", errno);
    if (retried([&] { return ftruncate(file_->number(), static_cast<off_t>(offset + size)); }) != 0)
      fail_scratch(target_, "made larger", errno);
  }
  size_ = offset + size;
  return offset;
}

void ScratchFile::give_back(uint64_t offset, uint64_t size) noexcept {
  if (size == 0) return;
  fallocate(file_->number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
            static_cast<off_t>(size));
}

void ScratchFile::read(uint64_t offset, std::span<std::byte> into) const {
  for (size_t done = 0; done < into.size();) {
    const ssize_t got = retried([&] {
      return pread(file_->number(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    });
    if (got <= 0) fail_scratch(target_, "read", got == 0 ? EIO : errno);
    done += static_cast<size_t>(got);
  }
}

void ScratchFile::write(uint64_t offset, std::span<const std::byte> bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t wrote = retried([&] {
      return pwrite(file_->number(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    });
    if (wrote <= 0) fail_scratch(target_, "written", wrote == 0 ? ENOSPC : errno);
    done += static_cast<size_t>(wrote);
  }
}

}  // namespace ckmerge
