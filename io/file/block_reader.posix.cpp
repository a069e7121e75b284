// SPDX-License-Identifier: Apache-2.0
#include "io/file/block_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <new>
#include <string>

#include "io/file/retry.h"

namespace ckmerge {

BlockBuffer::BlockBuffer(uint64_t size) {
  constexpr uint64_t kHugePage = 2 << 20;
  const uint64_t page = size * 2 < kHugePage ? BlockReader::kAlignment : kHugePage;
  const uint64_t whole = std::max(page, (size + page - 1) & ~(page - 1));
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page, whole)));
  if (!memory_) throw std::bad_alloc();
  if (page == kHugePage) madvise(memory_.get(), whole, MADV_HUGEPAGE);  // advice: no matter whether it is taken
}

BlockReader::BlockReader(const InputFile& file, bool drop_cache) : file_(file), drop_cache_(drop_cache) {
  if (file.size() == 0 || file.in_memory()) return;
  const DescriptorLease lease = file.descriptor();
  // Through /proc it is the same file, whatever its name means by now.
  const std::string again = "/proc/self/fd/" + std::to_string(lease->number());
  direct_ = retried([&] { return open(again.c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC); });
  if (direct_ < 0) return;
  void* const map = mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, lease->number(), 0);
  if (map != MAP_FAILED) map_ = map;
}

BlockReader::~BlockReader() {
  if (direct_ >= 0) close(direct_);
  if (map_) munmap(map_, file_.size());
}

void BlockReader::read(uint64_t offset, std::span<std::byte> out) const {
  assert(offset % kAlignment == 0);
  const bool cached = is_cached(offset, out.size());
  if (!cached && read_directly(offset, out)) return;
  file_.read_at(offset, out);
  if (drop_cache_ && !cached) file_.drop_cache(offset, offset + out.size());
}

// Whether most of it is. Of files that are neither ours nor writable the kernel does not say, and answers yes.
bool BlockReader::is_cached(uint64_t offset, uint64_t size) const {
  if (!map_) return false;
  std::array<unsigned char, 4096> pages{};
  const uint64_t count = std::min<uint64_t>((size + kAlignment - 1) / kAlignment, pages.size());
  if (mincore(static_cast<std::byte*>(map_) + offset, size, pages.data()) != 0) return false;
  const auto there = std::count_if(pages.begin(), pages.begin() + static_cast<std::ptrdiff_t>(count),
                                   [](unsigned char page) { return (page & 1) != 0; });
  return static_cast<uint64_t>(there) * 2 > count;
}

// False where the page cache has to be asked after all: it knows what is wrong.
bool BlockReader::read_directly(uint64_t offset, std::span<std::byte> out) const {
  const uint64_t whole = (out.size() + kAlignment - 1) & ~(kAlignment - 1);
  for (uint64_t done = 0; direct_ >= 0 && done < out.size();) {
    const ssize_t got =
        retried([&] { return pread(direct_, out.data() + done, whole - done, static_cast<off_t>(offset + done)); });
    if (got <= 0 || (got % static_cast<ssize_t>(kAlignment) != 0 && done + static_cast<uint64_t>(got) < out.size()))
      return false;
    done += static_cast<uint64_t>(got);
  }
  return direct_ >= 0;
}

}  // namespace ckmerge
