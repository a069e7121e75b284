// SPDX-License-Identifier: Apache-2.0
#include "core/engine/differing_copies.h"

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

Tensor named_by(const Step& step, std::span<const Checkpoint> checkpoints) {
  return checkpoints[step.named.checkpoint].tensors[step.named.tensor];
}

}  // namespace

void check_equal_copies(const Plan& plan, std::span<const Checkpoint> checkpoints, const StepReport& step_report) {
  std::vector<std::string> lines;
  for (const uint32_t index : step_report.differing) {
    const Step& step = plan.steps[index];
    if (step.action != Action::copy_opaque) continue;
    const DtypeInfo& dtype = info(step.dtype);
    lines.push_back(sentence(named_by(step, checkpoints).name, ": is ", dtype.name,
                             " and not the same in all inputs: ", dtype.reason));
  }
  if (lines.empty()) return;
  const std::string all =
      sentence("the checkpoints do not fit together: ", counted(lines.size(), "tensor"),
               lines.size() == 1 ? " differs and has" : " differ and have",
               " no arithmetic; --exclude copies the first checkpoint's, --discard leaves them out");
  throw Error(ErrorCode::mismatch, "", all, std::move(lines));
}

std::vector<std::string> integer_warnings(const Plan& plan, std::span<const Checkpoint> checkpoints,
                                          std::span<const uint32_t> differing) {
  constexpr uint64_t kFew = 1000;  // elements
  constexpr size_t kExamples = 3, kLongest = 200;
  size_t count = 0, codes = 0;
  std::string examples, code;
  for (const uint32_t index : differing) {
    const Step& step = plan.steps[index];
    const Tensor tensor = named_by(step, checkpoints);
    if (step.action == Action::copy_codes && tensor.count > kFew && codes++ == 0)
      code = tensor.name.substr(0, kLongest);
    if (step.action != Action::copy_integer || tensor.count <= kFew) continue;
    if (count++ >= kExamples) continue;
    examples += sentence(count > 1 ? ", " : "", tensor.name.substr(0, kLongest), " (", info(tensor.dtype).name, ")");
  }
  std::vector<std::string> warnings;
  if (codes > 0)
    warnings.push_back(sentence(counted(codes, "tensor"), " of codes ", codes == 1 ? "differs" : "differ",
                                " between the inputs, and the quantized layers are A's, with nothing of the others "
                                "(--copy-codes): ",
                                code, codes > 1 ? ", ..." : ""));
  if (count == 0) return warnings;
  warnings.push_back(sentence(counted(count, "tensor"), " of more than ", kFew, " integers ",
                              count == 1 ? "differs" : "differ", " between the inputs and ", count == 1 ? "is" : "are",
                              " A's: ", examples, count > kExamples ? ", ..." : "",
                              "; if they are codes or a routing table, what was merged beside them does not fit them"));
  return warnings;
}

}  // namespace ckmerge
