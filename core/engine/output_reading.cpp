// SPDX-License-Identifier: Apache-2.0
#include "core/engine/output_reading.h"

#include <algorithm>

#include "io/checkpoint.h"
#include "io/text/error.h"
#include "io/text/sentence.h"
#include "io/text/utf8.h"

namespace ckmerge {
namespace {

[[noreturn]] void fail(const std::string& target, const std::string& what) {
  throw Error(ErrorCode::difference, target,
              sentence(target, ": what is read back is not what was written: ", what,
                       "; check the disk and the memory, then run again (nothing was put in place)"));
}

Checkpoint opened(const OutputFile& output, const std::string& target) {
  try {
    return open_checkpoint(output.as_input(), target, {.as_stored = true});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::malformed && error.code() != ErrorCode::mismatch) throw;
    fail(target, error.what());
  }
}

}  // namespace

void check_readable(const OutputFile& output, const std::string& target, const Plan& plan, const PlannedFile& planned,
                    std::span<const Checkpoint> checkpoints) {
  const Checkpoint seen = opened(output, target);
  const std::span<const Step> steps = plan.steps_of(planned);
  if (seen.tensors.size() != steps.size())
    fail(target, sentence("it has ", seen.tensors.size(), " tensors, ", steps.size(), " were planned"));
  for (size_t i = planned.first_step; i < planned.end_step; ++i) {
    const Step &step = plan.steps[i], &bytes = plan.steps[plan.owner(i)];
    const Tensor named = checkpoints[step.named.checkpoint].tensors[step.named.tensor];
    const std::string_view written = planned.name_in_file(named.name);
    const size_t row = seen.tensors.find(written);
    const std::string name = valid_utf8(written.substr(0, 200));
    if (row == TensorTable::npos) fail(target, sentence("tensor '", name, "' is not in it"));
    const Tensor found = seen.tensors[row];
    const bool same = found.dtype == step.dtype && std::ranges::equal(found.shape, named.shape) &&
                      found.offset == bytes.offset - planned.place.begin && found.size == bytes.size;
    if (!same) fail(target, sentence("tensor '", name, "' has another dtype, shape or place in it"));
  }
}

}  // namespace ckmerge
