// SPDX-License-Identifier: Apache-2.0
#include "core/threads/ending.h"

#include <utility>

namespace ckmerge {
namespace {

thread_local const std::atomic<bool>* ends_by = nullptr;

}  // namespace

WorkEnds::WorkEnds(const std::atomic<bool>* flag) : before_(std::exchange(ends_by, flag)) {}

WorkEnds::~WorkEnds() { ends_by = before_; }

const std::atomic<bool>* WorkEnds::flag() { return ends_by; }

}  // namespace ckmerge
