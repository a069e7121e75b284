// SPDX-License-Identifier: Apache-2.0
// What planning leaves on the heap (invariant I3), operands that are made beside the inputs included: what
// Plan::memory() tells, and what nobody tells.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include "core/orders/made_orders.h"
#include "core/plan/plan.h"
#include "core/recipe/method_defaults.h"
#include "tests/core/merge_runs.h"
#include "tests/core/plan/planned.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// Bytes that are allocated; 0 where the C library does not tell.
uint64_t heap_in_use() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const struct mallinfo2 heap = mallinfo2();
  return heap.uordblks + heap.hblkhd;
#else
  return 0;
#endif
}

// A sanitizer has a heap of its own.
bool heap_is_told() {
  const uint64_t before = heap_in_use();
  const std::vector<char> more(1 << 20);
  return heap_in_use() >= before + more.size();
}

}  // namespace

TEST_CASE(
    "a plan takes a few bytes for each tensor of a further checkpoint, and of an operand that is made beside it") {
  constexpr uint64_t kTensors = 2000, kFurther = 7, kName = 22;
  std::vector<FileTensor> tensors;
  for (uint64_t i = 0; i < kTensors; ++i)
    tensors.push_back(f32("some.layer.name." + std::to_string(100000 + i), {1, 1}, {1}));
  Opened files;
  for (uint64_t k = 0; k <= kFurther; ++k) files.add(tensors);
  struct Row {
    const char* method;
    MethodParameters parameters;
    size_t made;       // operands
    uint64_t further;  // bytes for each tensor of a further checkpoint, whose own table is there before
  };
  for (const Row& row : {Row{"linear", {}, 0, 8},
                         {"della", {{"density", {0.5}}}, kFurther, 24},
                         {"della", {{"density", {0.5}}, {"mergekit_masks", {1}}}, 2 * kFurther, 24},
                         {"dare_ties", {{"density", {0.5}}, {"mergekit_masks", {1}}}, kFurther, 24},
                         {"ties", {{"density", {0.5}}, {"mergekit_order", {1}}}, kFurther, 24},
                         {"sce", {{"select_topk", {0.5}}, {"mergekit_order", {1}}}, 1, 24}}) {
    CAPTURE(std::string(row.method));
    const Recipe recipe = plain({.method = row.method, .parameters = row.parameters});
    std::vector<Checkpoint> checkpoints = files.checkpoints;
    checkpoints.reserve(4 * checkpoints.size());
    const uint64_t before = heap_in_use();
    add_orders(recipe, checkpoints);
    const Plan plan = make_plan(recipe, checkpoints);
    const uint64_t taken = heap_in_use() - before;
    const uint64_t bound = kTensors * (300 + kName + row.further * kFurther);
    CHECK(checkpoints.size() == 1 + kFurther + row.made);
    CHECK(plan.memory() <= bound);
    if (heap_is_told()) CHECK(taken <= bound);
  }
}
