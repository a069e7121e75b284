// SPDX-License-Identifier: Apache-2.0
#include "core/engine/read_back.h"

#include <algorithm>
#include <atomic>

#include "core/read/staging.h"
#include "core/threads/semaphore.h"
#include "core/threads/thread_pool.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {

void read_back(OutputFile& output, const std::string& target, uint64_t file_size, const TileSizing& sizing,
               RangeChecksums* checksums, OutputDigest* digest, const Seals* seals, const RunOptions& options) {
  output.begin_read_back();
  ThreadPool pool(options.observer(), checksums ? Stage::verify : Stage::hash, file_size);
  Semaphore semaphore(sizing.threads);
  std::atomic<uint64_t> next{0};
  pool.run(sizing.tiles_in_flight, [&] {
    Staging staging(sizing.tile_size);
    for (uint64_t begin; !pool.stopping() && (begin = next.fetch_add(sizing.tile_size)) < file_size;) {
      const ByteRange tile{begin, std::min(begin + sizing.tile_size, file_size)};
      const std::span<std::byte> bytes = staging.first(tile.size());
      output.read_back(tile.begin, bytes);
      if (digest) digest->add(tile, bytes, pool, semaphore);
      if (checksums && seals) seals->take_out(tile, bytes);
      if (checksums) checksums->note_read(tile, bytes);
      pool.add_done(tile.size());
    }
  });
  const std::optional<ByteRange> difference = checksums ? checksums->difference() : std::nullopt;
  if (!difference) return;
  throw Error(ErrorCode::difference, target,
              sentence(target, ": what is read back of bytes ", difference->begin, " to ", difference->end - 1,
                       " is not what was written; check the disk and the memory, then run again (nothing was put in"
                       " place)"));
}

}  // namespace ckmerge
