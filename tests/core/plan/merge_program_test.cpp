// SPDX-License-Identifier: Apache-2.0
#include "core/plan/merge_program.h"

#include <doctest/doctest.h>

#include "tests/core/failure.h"

using namespace ckmerge;
using ckmerge::test::failure;

namespace {

// x(0) - (x(1) - (x(2) - ...)): every operand waits for the last.
Symbol nested(const Tracing& in, size_t k = 0) { return k + 1 == in.inputs() ? in.x(k) : in.x(k) - nested(in, k + 1); }

constexpr MethodSpec kSpec{
    .name = "nest", .summary = "", .formula = "", .min_inputs = 1, .max_inputs = 0, .source = ""};

}  // namespace

TEST_CASE("a formula that needs more registers than there are is refused, with the number of checkpoints") {
  Method method{};
  method.spec = &kSpec;
  method.trace = [](const Tracing& in) { return nested(in); };
  CHECK(failure([&] { MergePrograms(method, 8, {}); }).code == ErrorCode{});
  const auto fault = failure([&] { MergePrograms(method, 100, {}); });
  CHECK(fault.code == ErrorCode::usage);
  CHECK(fault.text == "nest needs more than the 8 registers there are for 100 checkpoints; give it fewer");
}
