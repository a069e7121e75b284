// SPDX-License-Identifier: Apache-2.0
#include "core/verify_stage.h"

#include <algorithm>
#include <atomic>

#include "core/crew.h"
#include "core/staging.h"
#include "io/error.h"
#include "io/sentence.h"

namespace ckmerge {

void verify_output(OutputFile& output, const std::string& target, uint64_t file_size, const TileSizing& sizing,
                   RangeChecksums& checksums, const RunOptions& options) {
  output.begin_read_back();
  Crew crew(options, Stage::verify, file_size);
  std::atomic<uint64_t> next{0};
  crew.run(sizing.tiles_in_flight, [&] {
    Staging staging(sizing.tile_size);
    for (uint64_t begin; !crew.stopping() && (begin = next.fetch_add(sizing.tile_size)) < file_size;) {
      const ByteRange tile{begin, std::min(begin + sizing.tile_size, file_size)};
      const std::span<std::byte> bytes = staging.first(tile.size());
      output.read_back(tile.begin, bytes);
      checksums.note_read(tile, bytes);
      crew.add_done(tile.size());
    }
  });
  const std::optional<ByteRange> difference = checksums.difference();
  if (!difference) return;
  throw Error(ErrorCode::difference, target,
              sentence(target, ": what the disk gives back of bytes ", difference->begin, " to ", difference->end - 1,
                       " is not what was written; check the disk and the memory, then run again (nothing was put in"
                       " place)"));
}

}  // namespace ckmerge
