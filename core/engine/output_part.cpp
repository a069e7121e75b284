// SPDX-License-Identifier: Apache-2.0
#include "core/engine/output_part.h"

#include <algorithm>
#include <cstring>

#include "core/engine/read_back.h"
#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"

namespace ckmerge {
namespace {

uint64_t whole_tiles(uint64_t size, uint64_t tile_size) { return (size + tile_size - 1) / tile_size * tile_size; }

}  // namespace

void OutputPart::prepare(const OutputWants& wants, uint64_t tile_size) {
  tile_size_ = tile_size;
  if (planned_.frame && planned_.frame->has_seals()) seals_.emplace(plan_, planned_);
  if (wants.hash) digest_.emplace(has_tensor_sum() ? planned_.header.size() : planned_.size());
  digest_later_ = wants.header_last || seals_;
  if (wants.verify) checksums_.emplace(planned_.size(), tile_size);
  if (!wants.header_last) return;
  held_size_ = whole_tiles(planned_.header.size(), tile_size);
  held_.emplace(held_size_);
}

void OutputPart::take(ByteRange tile, std::span<std::byte> bytes, const ThreadPool& pool, Semaphore& semaphore) {
  if (planned_.frame) add_frame(tile, bytes, semaphore);
  const ByteRange inside = planned_.inside(tile);
  if (inside.begin < held_size_)
    std::memcpy(held_->first(held_size_).data() + inside.begin, bytes.data(), bytes.size());
  else
    write(inside, bytes, pool, semaphore);
}

// What a tile program does not know of: the bytes between and behind the tensors.
void OutputPart::add_frame(ByteRange tile, std::span<std::byte> bytes, Semaphore& semaphore) {
  const SemaphoreLock computing(semaphore);
  planned_.frame->fill(planned_.inside(tile).begin, bytes, {});
  if (seals_) seals_->add(tile, bytes);
}

void OutputPart::write(ByteRange inside, std::span<std::byte> bytes, const ThreadPool& pool, Semaphore& semaphore) {
  clear_room_behind(bytes);
  file_.write_at(inside.begin, bytes);
  if (checksums_) checksums_->note_written(inside, bytes);
  if (digest_ && !digest_later_) digest_->add(inside, bytes, pool, semaphore);
}

void OutputPart::write_held(std::string_view header, const ThreadPool& pool, Semaphore& semaphore) {
  const uint64_t end = std::min(held_size_, planned_.size());
  const std::span<std::byte> bytes = held_->first(end);
  std::memcpy(bytes.data(), header.data(), std::min(header.size(), bytes.size()));
  for (uint64_t begin = 0; begin < end; begin += tile_size_)
    write({begin, std::min(begin + tile_size_, end)}, bytes.subspan(begin, std::min(tile_size_, end - begin)), pool,
          semaphore);
}

void OutputPart::finish(std::string_view header, const TileSizing& sizing, const RunOptions& options) {
  OutputDigest* const digest = digest_ && digest_later_ ? &*digest_ : nullptr;
  if (seals_) seals_->write(file_, header, sizing, options);
  if (checksums_ || digest)
    read_back(file_, target_, planned_.size(), sizing, checksums_ ? &*checksums_ : nullptr, digest,
              seals_ ? &*seals_ : nullptr, options);
}

OutputSums OutputPart::sums() {
  return {.sha256 = digest_->file_sha256(), .tensor_sha256 = has_tensor_sum() ? digest_->tensor_sha256() : ""};
}

}  // namespace ckmerge
