// SPDX-License-Identifier: Apache-2.0
#include "core/names/name_pattern.h"

#include <re2/re2.h>

#include <cstdint>

#include "core/names/name_pattern_fault.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kLongestPattern = 65536;  // bytes
constexpr int kLargestProgram = 5'000;     // instructions: some 40 us a byte of a name, at the very worst

// Of a pattern's program, and of the states that RE2 makes of it as names need them. Fewer bytes, and programs of the
// permitted size would leave too little for states; RE2 then walks the whole program for each byte of a name.
constexpr int64_t kMostMemory = 64 << 20;

RE2::Options options() {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMostMemory);
  options.set_never_capture(true);
  return options;
}

}  // namespace

NamePattern::NamePattern(std::string where, std::string pattern) : where_(std::move(where)), text_(std::move(pattern)) {
  if (text_.size() > kLongestPattern)
    throw Error(ErrorCode::usage, where_,
                sentence(where_, ": a pattern of ", text_.size(), " bytes; the most is ", kLongestPattern));
  compiled_ = std::make_unique<RE2>(text_, options());
  if (compiled_->ok() && compiled_->ProgramSize() <= kLargestProgram) return;
  throw Error(ErrorCode::usage, where_, sentence(where_, " ", pattern_fault(*compiled_)));
}
NamePattern::NamePattern(NamePattern&&) noexcept = default;
NamePattern& NamePattern::operator=(NamePattern&&) noexcept = default;
NamePattern::~NamePattern() = default;

bool NamePattern::matches(std::string_view name) const { return RE2::PartialMatch(name, *compiled_); }

}  // namespace ckmerge
