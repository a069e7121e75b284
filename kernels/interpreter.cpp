// SPDX-License-Identifier: Apache-2.0
// Tile programs, run and stored. The two commonest have a loop of their own where all operands are stored alike
// (FusedRun).
#include "kernels/interpreter.h"

#include <algorithm>

#include "kernels/fused_run.h"

namespace ckmerge {
namespace {

// As run(), stored stochastically.
template <typename Compute>
void run_drawn(const BlockKernels& kernels, const Program& program, const Operand* operands, uint64_t first,
               uint64_t count, unsigned char* out, Dtype out_dtype, StoreCounts& counts, const Places& places,
               uint64_t key) {
  Interpreter<Compute> interpreter(kernels, program, operands, places);
  const uint64_t out_size = element_size(out_dtype);
  uint32_t words[kBlockElements];
  for (uint64_t done = 0; done < count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(interpreter.length(), count - done));
    const uint64_t non_finite = counts.non_finite;
    const auto* results = interpreter.block(first + done, n);
    for_each_run(places, first + done, n,
                 [&](size_t at, uint64_t place, size_t part) { kernels.words(words + at, key, place, part); });
    Compute::draw(kernels, out_dtype)(results, words, out + done * out_size, n, &counts);
    if (counts.non_finite != non_finite) [[unlikely]]
      interpreter.find_origins(first + done, n, results, out + done * out_size, out_dtype, counts);
    done += n;
  }
}

template <typename Compute>
void run(const BlockKernels& kernels, const Program& program, const Operand* operands, uint64_t first, uint64_t count,
         unsigned char* out, Dtype out_dtype, StoreCounts& counts, const Places& places, const Rounding& rounding) {
  if (rounding.stochastic && Compute::draw(kernels, out_dtype))
    return run_drawn<Compute>(kernels, program, operands, first, count, out, out_dtype, counts, places, rounding.key);
  const FusedRun fused(kernels, program, operands, out_dtype);
  Interpreter<Compute> interpreter(kernels, program, operands, places);
  const auto store = Compute::store(kernels, out_dtype);
  const uint64_t out_size = element_size(out_dtype);
  for (uint64_t done = 0; done < count;) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(interpreter.length(), count - done));
    if (fused.store(first + done, n, out + done * out_size)) {
      done += n;
      continue;
    }
    const uint64_t non_finite = counts.non_finite;
    const auto* results = interpreter.block(first + done, n);
    store(results, out + done * out_size, n, &counts);
    if (counts.non_finite != non_finite) [[unlikely]]
      interpreter.find_origins(first + done, n, results, out + done * out_size, out_dtype, counts);
    done += n;
  }
}

}  // namespace

void run_program(const BlockKernels& kernels, const Program& program, const Operand* operands, uint64_t first,
                 uint64_t count, void* out, Dtype out_dtype, StoreCounts& counts, const Places& places,
                 const Rounding& rounding) noexcept {
  auto* bytes = static_cast<unsigned char*>(out);
  if (program.compute == Dtype::F64)
    run<InF64>(kernels, program, operands, first, count, bytes, out_dtype, counts, places, rounding);
  else
    run<InF32>(kernels, program, operands, first, count, bytes, out_dtype, counts, places, rounding);
}

}  // namespace ckmerge
