// SPDX-License-Identifier: Apache-2.0
#include "core/engine/seals.h"

#include <algorithm>

#include "core/read/staging.h"
#include "core/threads/thread_pool.h"
#include "io/hash/crc32.h"

namespace ckmerge {
namespace {

constexpr uint64_t kBlock = OutputFile::kAlignment;

uint64_t round_down(uint64_t value) { return value / kBlock * kBlock; }
uint64_t round_up(uint64_t value) { return round_down(value + kBlock - 1); }

}  // namespace

Seals::Seals(const Plan& plan, const PlannedFile& file)
    : plan_(plan), file_(file), frame_(*file.frame), shares_(file.end_step - file.first_step) {}

void Seals::add(ByteRange tile, std::span<const std::byte> bytes) {
  for (size_t i = first_step_after(plan_, tile.begin); i < file_.end_step; ++i) {
    const Step& step = plan_.steps[i];
    if (step.offset >= tile.end) break;
    const uint64_t begin = std::max(tile.begin, step.offset), end = std::min(tile.end, step.offset + step.size);
    if (begin >= end) continue;
    const uint32_t crc = crc32_of(bytes.subspan(begin - tile.begin, end - begin));
    shares_[i - file_.first_step] ^= crc32_share(crc, step.offset + step.size - end);
  }
}

void Seals::write(OutputFile& output, std::string_view header, const TileSizing& sizing, const RunOptions& options) {
  std::vector<uint32_t> tensors;
  tensors.reserve(shares_.size());
  for (size_t i = 0; i < shares_.size(); ++i)
    if (plan_.owner(file_.first_step + i) == file_.first_step + i) tensors.push_back(shares_[i]);
  sums_ = frame_.sums(tensors, header);
  ThreadPool pool(options.observer(), Stage::seal, file_.size());
  std::atomic<uint64_t> next{0};
  pool.run(sizing.tiles_in_flight, [&] {
    Staging staging(sizing.tile_size);
    for (uint64_t begin; !pool.stopping() && (begin = next.fetch_add(sizing.tile_size)) < file_.size();) {
      const ByteRange range{begin, std::min(begin + sizing.tile_size, file_.size())};
      write_range(output, range, staging.first(sizing.tile_size));
      pool.add_done(range.size());
    }
  });
}

// Blocks next to each other that have seals are read and written at once.
void Seals::write_range(OutputFile& output, ByteRange range, std::span<std::byte> buffer) const {
  ByteRange run;
  const auto write_run = [&] {
    if (run.size() == 0) return;
    const std::span<std::byte> bytes = buffer.first(run.size());
    output.read_back(run.begin, bytes);
    frame_.fill(run.begin, bytes, sums_);
    output.write_at(run.begin, bytes);
  };
  frame_.for_each_seal(range.begin, range.end, [&](uint64_t begin, uint64_t end) {
    const ByteRange blocks{round_down(begin), std::min(round_up(end), range.end)};
    const bool joins = run.size() > 0 && blocks.begin <= run.end;
    if (!joins) write_run();
    run = {joins ? run.begin : blocks.begin, blocks.end};
  });
  write_run();
}

void Seals::take_out(ByteRange inside, std::span<std::byte> bytes) const {
  if (frame_.matches(inside.begin, bytes, sums_)) frame_.fill(inside.begin, bytes, {});
}

}  // namespace ckmerge
