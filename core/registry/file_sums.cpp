// SPDX-License-Identifier: Apache-2.0
#include "core/registry/file_sums.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "core/threads/machine.h"
#include "core/threads/thread_pool.h"
#include "io/file/block_reader.h"
#include "io/file_kind.h"
#include "io/hash/crc32.h"
#include "io/hash/hash_cache.h"
#include "io/hash/sha256.h"
#include "io/input_forms.h"

namespace ckmerge {
namespace {

// What was read is still in the L2 cache when it is hashed (io/hash/sha256.cpp has the figures).
constexpr uint64_t kBlockSize = 1 << 20;
// Of one file: two hash, the others read ahead.
constexpr unsigned kThreadsPerFile = 4;

// Where the tensors begin in a file of a form that has a sum of them; none in any other.
std::optional<uint64_t> tensors_begin(const InputFile& file) {
  std::array<std::byte, kFirstBytes> buffer;
  const auto first_bytes = std::span(buffer).first(std::min<uint64_t>(buffer.size(), file.size()));
  file.read_at(0, first_bytes);
  const InputForm& form = input_form(first_bytes);
  if (!form.tensors_begin || !other_file_kind({.first = first_bytes}).empty()) return std::nullopt;
  return form.tensors_begin(first_bytes, file.size());
}

// A sum that takes the blocks in order, from whichever thread has the next.
struct Gate {
  Sha256 sha;
  std::mutex mutex;
  std::condition_variable changed;
  uint64_t next = 0;  // offset of the block whose turn it is
};

class OneFile {
 public:
  OneFile(const InputFile& file, SumKinds kinds, bool drop_cache, ThreadPool& pool)
      : file_(file), reader_(file, drop_cache), with_crc_(kinds == SumKinds::all), pool_(pool) {
    if (kinds == SumKinds::all) tensors_begin_ = tensors_begin(file);
    if (kinds == SumKinds::all) sums_.legacy_hash = legacy_hash(file);
    sums_.file = file.identity();
  }

  // Throws what the first thread threw. `buffer` has room for a block.
  FileSums sums(BlockBuffer& buffer) {
    {
      std::vector<std::jthread> others;
      const uint64_t blocks = file_.size() / kBlockSize + 1;
      try {
        while (others.size() + 1 < std::min<uint64_t>(kThreadsPerFile, blocks)) others.emplace_back([this] { help(); });
      } catch (const std::system_error&) {  // this thread does it alone
      }
      guarded_work(buffer);
    }
    if (first_error_) std::rethrow_exception(first_error_);
    file_.check_unchanged();
    sums_.sha256 = whole_.sha.finish();
    if (tensors_begin_) sums_.tensor_sha256 = tensors_.sha.finish();
    if (with_crc_) sums_.crc32 = crc32_text(crc_);
    return std::move(sums_);
  }

 private:
  // Where there is no memory for another block, those who have one do it.
  void help() noexcept {
    try {
      BlockBuffer buffer(std::min(kBlockSize, std::max<uint64_t>(file_.size(), 1)));
      guarded_work(buffer);
    } catch (const std::bad_alloc&) {
    }
  }

  void guarded_work(BlockBuffer& buffer) noexcept {
    try {
      work(buffer);
    } catch (...) {
      std::lock_guard lock(error_mutex_);
      if (!first_error_) first_error_ = std::current_exception();
      failed_ = true;
    }
  }

  void work(BlockBuffer& buffer) {
    for (uint64_t begin; (begin = next_block_.fetch_add(kBlockSize)) < file_.size();) {
      check();
      const auto bytes = buffer.first(std::min(kBlockSize, file_.size() - begin));
      reader_.read(begin, bytes);
      const uint32_t crc = with_crc_ ? crc32_of(bytes) : 0;
      pass(whole_, begin, bytes.size(), [&] {
        whole_.sha.add(bytes);
        crc_ = joined_crc32(crc_, crc, bytes.size());
      });
      if (tensors_begin_) pass(tensors_, begin, bytes.size(), [&] { tensors_.sha.add(behind_header(begin, bytes)); });
      pool_.add_done(bytes.size());
    }
  }

  std::span<const std::byte> behind_header(uint64_t begin, std::span<const std::byte> bytes) const {
    return bytes.subspan(std::min<uint64_t>(bytes.size(), *tensors_begin_ - std::min(*tensors_begin_, begin)));
  }

  // Nobody else touches the sum of a gate whose turn it is, so hashing needs no lock. Blocks are handed out in order:
  // the one whose turn it is never waits.
  void pass(Gate& gate, uint64_t begin, uint64_t size, const auto& add) {
    constexpr auto kInterval = std::chrono::milliseconds(100);
    {
      std::unique_lock lock(gate.mutex);
      while (!gate.changed.wait_for(lock, kInterval, [&] { return gate.next == begin; })) check();
    }
    add();
    std::lock_guard lock(gate.mutex);
    gate.next = begin + size;
    gate.changed.notify_all();
  }

  void check() const {
    pool_.check();
    if (failed_) throw Error(ErrorCode::io, file_.path(), "another thread failed");  // the first error is reported
  }

  const InputFile& file_;
  const BlockReader reader_;
  const bool with_crc_;
  ThreadPool& pool_;
  std::optional<uint64_t> tensors_begin_;
  FileSums sums_;
  std::atomic<uint64_t> next_block_{0};
  Gate whole_, tensors_;
  uint32_t crc_ = 0;  // of the blocks that passed the first gate
  std::atomic<bool> failed_{false};
  std::mutex error_mutex_;
  std::exception_ptr first_error_;
};

uint64_t size_of_all(std::span<const std::string> paths) {
  uint64_t total = 0;
  for (const std::string& path : paths) try {
      total += InputFile(path).size();
    } catch (const Error&) {
      // Reported when it is read.
    }
  return total;
}

SummedFile summed(size_t index, const std::string& path, SumKinds kinds, bool drop_cache, const RunOptions& options,
                  BlockBuffer& buffer, ThreadPool& pool) {
  SummedFile out{.index = index, .sums = {}, .error = {}};
  try {
    const auto began = std::chrono::system_clock::now();
    const InputFile file(path);
    out.sums = OneFile(file, kinds, drop_cache, pool).sums(buffer);
    if (!options.hash_cache.empty()) keep_sha256(options.hash_cache, file.identity(), out.sums.sha256, began);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::interrupted || error.code() == ErrorCode::resources) throw;
    out.error = error;
  }
  return out;
}

}  // namespace

void sum_files(std::span<const std::string> paths, SumKinds kinds, const RunOptions& options,
               const std::function<void(const SummedFile&)>& on_file) {
  const uint64_t total = size_of_all(paths);
  const bool drop_cache = total > available_memory() / 4;
  const unsigned threads = options.threads ? options.threads : allowed_processors();
  // A file takes two cores at most, one for each sum.
  const auto lanes = static_cast<unsigned>(std::min<size_t>(paths.size(), std::max(1u, threads / 2)));
  ThreadPool pool(options.observer(), Stage::hash, total);
  std::atomic<size_t> next{0};
  std::mutex telling;
  pool.run(lanes, [&] {
    // Before files are opened: mapping one takes of the addresses what there is, and can be done without.
    BlockBuffer buffer(kBlockSize);
    for (size_t i; !pool.stopping() && (i = next++) < paths.size();) {
      const SummedFile file = summed(i, paths[i], kinds, drop_cache, options, buffer, pool);
      std::lock_guard lock(telling);
      on_file(file);
    }
  });
}

}  // namespace ckmerge
