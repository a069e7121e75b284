// SPDX-License-Identifier: Apache-2.0
#include "core/engine/input_digest.h"

#include <algorithm>
#include <utility>

#include "core/threads/semaphore.h"
#include "core/threads/semaphore_lock.h"

namespace ckmerge {
namespace {

constexpr uint64_t kReadSize = 1 << 20;

}  // namespace

std::vector<bool> shards_in_order(const Plan& plan, std::span<const Checkpoint> checkpoints, uint32_t k) {
  const TensorTable& tensors = checkpoints[k].tensors;
  std::vector<bool> in_order(checkpoints[k].shards.size(), !plan.accumulates);
  if (plan.accumulates) return in_order;
  std::vector<uint64_t> last(in_order.size());
  const auto read = [&](uint32_t shard, uint64_t offset) {
    if (std::exchange(last[shard], offset) > offset) in_order[shard] = false;
  };
  for (const Step& step : plan.steps)
    for (uint32_t s = 0; s < step.source_count; ++s) {
      const Source source = plan.source(step, s);
      if (source.checkpoint != k) continue;
      const Tensor tensor = tensors[source.tensor];
      if (!tensor.joined)
        read(tensor.shard, tensor.offset);
      else
        for (const Piece& piece : tensors.pieces(source.tensor)) read(piece.shard, piece.offset);
    }
  return in_order;
}

InputDigest::InputDigest(std::span<const InputFile* const> files, bool drop_cache) : drop_cache_(drop_cache) {
  for (const InputFile* file : files) {
    gates_.push_back(std::make_unique<Gate>());
    gates_.back()->file = file;
  }
}

void InputDigest::add(ByteRange batch, const WindowBatch& windows, bool last, const ThreadPool& pool,
                      Semaphore& semaphore) {
  for (const auto& gate : gates_) {
    {
      std::unique_lock lock(gate->mutex);
      pool.wait(lock, gate->changed, [&] { return gate->turn == batch.begin; });
    }
    pass(*gate, windows, last, pool, semaphore);
    std::lock_guard lock(gate->mutex);
    gate->turn = batch.end;
    gate->changed.notify_all();
  }
}

// Nobody else touches a gate's sum during a turn, so hashing needs no lock.
void InputDigest::pass(Gate& gate, const WindowBatch& windows, bool last, const ThreadPool& pool,
                       Semaphore& semaphore) const {
  for (const WindowBatch::Window& window : windows.windows()) {
    if (window.file != gate.file || window.end <= gate.next) continue;
    read_up_to(gate, window.begin, pool, semaphore);
    const SemaphoreLock computing(semaphore);
    gate.sha.add({window.bytes + (gate.next - window.begin), window.end - gate.next});
    gate.next = window.end;
  }
  if (last) read_up_to(gate, gate.file->size(), pool, semaphore);
}

// What lies between windows: the header, tensors that are not merged.
void InputDigest::read_up_to(Gate& gate, uint64_t end, const ThreadPool& pool, Semaphore& semaphore) const {
  if (gate.next >= end) return;
  std::vector<std::byte> buffer(std::min(end - gate.next, kReadSize));
  while (gate.next < end) {
    pool.check();
    const auto piece = std::span(buffer).first(std::min<uint64_t>(end - gate.next, buffer.size()));
    gate.file->read_at(gate.next, piece);
    if (drop_cache_) gate.file->drop_cache(gate.next, gate.next + piece.size());
    const SemaphoreLock computing(semaphore);
    gate.sha.add(piece);
    gate.next += piece.size();
  }
}

std::vector<std::string> InputDigest::finish() {
  std::vector<std::string> sums;
  for (const auto& gate : gates_) sums.push_back(gate->sha.finish());
  return sums;
}

}  // namespace ckmerge
