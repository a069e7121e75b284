// SPDX-License-Identifier: Apache-2.0
// PCRE2 has the translated pattern as machine code where it can (its JIT), and every limit that it knows: neither a
// pattern nor a name may take the program down or make it wait for ever.
#include "core/name_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "core/name_pattern_syntax.h"
#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

constexpr size_t kLongestPattern = 65536;  // bytes
constexpr size_t kLongestName = 2048;      // bytes; patterns that are literals have no limit
constexpr size_t kLongestShown = 200;      // bytes of a pattern or name in a sentence

// PCRE2 counts the steps of each beginning of a match by itself, and not the characters that a step passes over. Both
// can be as many as the name is long, so that steps x length^2 is the bound. The most, 2^35, may take half a minute; a
// name of up to 185 bytes may take a million steps from each of its characters, one of 2048 8192.
constexpr uint64_t kMostWork = 1ull << 35;
constexpr uint32_t kMostSteps = 1'000'000;

// PCRE2_UTF without PCRE2_UCP, for \w and the like are never handed on. PCRE2_NO_AUTO_POSSESS, for 10.42 takes a* in
// a*(?>|b)a for something that need give nothing back.
constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_AUTO_POSSESS;

// Always true, and in the way of one of PCRE2's optimisations: the JIT of 10.42 remembers where a repeat at the
// pattern's beginning failed, also when it is no longer the same place, and does not find (?: |) *[^b]a in " a".
// PCRE2_NO_START_OPTIMIZE would mend it too, and make the search four times slower.
constexpr const char* kNoEarlyFailure = "(?<=)";

constexpr size_t kFirstJitStack = 32 << 10, kLargestJitStack = 1 << 20;  // bytes
constexpr uint32_t kMostHeap = 64 << 10;                                 // KiB, where there is no JIT
constexpr uint32_t kDeepestNesting = 2000;  // parentheses, of which the translation adds some to the user's 200

template <auto Free>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <typename T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

template <typename Pointer>
Pointer require(Pointer object) {
  if (!object) throw Error(ErrorCode::resources, "PCRE2", "there is no memory for a pattern; free some");
  return object;
}

std::string shown(std::string_view text) {
  if (text.size() <= kLongestShown) return std::string(text);
  size_t end = kLongestShown;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // no character is cut
  return std::string(text.substr(0, end)) + "...";
}

std::string message_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

pcre2_code* compile(const std::string& where, const std::string& pattern, const std::string& translated) {
  const Owned<pcre2_compile_context, pcre2_compile_context_free> context(
      require(pcre2_compile_context_create(nullptr)));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), kDeepestNesting);
  int error = 0;
  size_t at = 0;
  pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(), kOptions, &error,
                                   &at, context.get());
  if (code == nullptr)
    throw Error(ErrorCode::usage, where,
                sentence(where, " '", shown(pattern), "': is more than PCRE2 can take (", message_of(error),
                         "); write it shorter, or as several patterns"));
  return code;
}

TranslatedPattern translate(const std::string& where, const std::string& pattern) {
  if (pattern.size() > kLongestPattern)
    throw Error(ErrorCode::usage, where,
                sentence(where, ": a pattern of ", pattern.size(), " bytes; the most is ", kLongestPattern));
  try {
    return translate_pattern(pattern);
  } catch (const PatternFault& fault) {
    throw Error(ErrorCode::usage, where,
                sentence(where, " '", shown(pattern), "': character ", fault.at + 1, " ", fault.clause));
  }
}

}  // namespace

struct NamePattern::State {
  std::string where, text;
  TranslatedPattern translated;
  Owned<pcre2_code, pcre2_code_free> code;
  Owned<pcre2_match_data, pcre2_match_data_free> data;
  Owned<pcre2_match_context, pcre2_match_context_free> context;
  Owned<pcre2_jit_stack, pcre2_jit_stack_free> stack;

  void prepare();
  int match(std::string_view name);
};

void NamePattern::State::prepare() {
  code.reset(compile(where, text, kNoEarlyFailure + translated.text));
  data.reset(require(pcre2_match_data_create(1, nullptr)));
  context.reset(require(pcre2_match_context_create(nullptr)));
  pcre2_set_heap_limit(context.get(), kMostHeap);
  if (pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE) != 0) return;  // not on this CPU, or memory may not be executed
  stack.reset(require(pcre2_jit_stack_create(kFirstJitStack, kLargestJitStack, nullptr)));
  pcre2_jit_stack_assign(context.get(), nullptr, stack.get());
}

int NamePattern::State::match(std::string_view name) {
  const uint64_t work_per_step = std::max<uint64_t>(1, name.size() * name.size());
  pcre2_set_match_limit(context.get(),
                        static_cast<uint32_t>(std::min<uint64_t>(kMostSteps, kMostWork / work_per_step)));
  const auto subject = reinterpret_cast<PCRE2_SPTR>(name.data());
  int result = PCRE2_ERROR_JIT_STACKLIMIT;
  if (stack) result = pcre2_jit_match(code.get(), subject, name.size(), 0, 0, data.get(), context.get());
  if (result != PCRE2_ERROR_JIT_STACKLIMIT) return result;
  return pcre2_match(code.get(), subject, name.size(), 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data.get(), context.get());
}

NamePattern::NamePattern(const std::string& where, const std::string& pattern) : state_(std::make_unique<State>()) {
  state_->where = where;
  state_->text = pattern;
  state_->translated = translate(where, pattern);
  if (!state_->translated.is_literal) state_->prepare();
}
NamePattern::NamePattern(NamePattern&&) noexcept = default;
NamePattern& NamePattern::operator=(NamePattern&&) noexcept = default;
NamePattern::~NamePattern() = default;

bool NamePattern::matches(std::string_view name) const {
  const TranslatedPattern& pattern = state_->translated;
  if (pattern.is_literal)
    return pattern.at_beginning ? name.starts_with(pattern.literal) : name.find(pattern.literal) != name.npos;
  const std::string& where = state_->where;
  if (name.size() > kLongestName)
    throw Error(
        ErrorCode::usage, where,
        sentence(where, " '", shown(state_->text), "': a name has ", name.size(), " bytes, and only patterns without ",
                 "special characters are tried on more than ", kLongestName, ": ", shown(name)));
  const int result = state_->match(name);
  if (result >= 0) return true;
  if (result == PCRE2_ERROR_NOMATCH) return false;
  if (result == PCRE2_ERROR_NOMEMORY) require<void*>(nullptr);
  throw Error(ErrorCode::usage, where,
              sentence(where, " '", shown(state_->text), "': takes too many steps (", message_of(result),
                       ") on the name ", name, "; repeat fewer things inside each other"));
}

const std::string& NamePattern::text() const { return state_->text; }
const std::string& NamePattern::where() const { return state_->where; }

}  // namespace ckmerge
