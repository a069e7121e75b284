// SPDX-License-Identifier: Apache-2.0
// Reading, stack and memo; what each opcode does with them is in pickle_opcodes.cpp.
#include "io/pickle/pickle_machine.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "io/pickle/pickle_globals.h"
#include "io/pickle/pickle_members.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

// A number of the memo takes at least two bytes of file to give, so no honest one is larger than the file, and the memo
// is no larger than four times the file.
constexpr uint64_t kLargestMemo = 1 << 24;

// Python writes a thousand members at a time; others all of a dict.
constexpr size_t kDeepestStack = 1 << 24;

// A checkpoint names some dozen, which are copied.
constexpr size_t kMostNames = 10'000, kLongestName = 1000;

}  // namespace

PickleMachine::PickleMachine(std::span<const std::byte> bytes) : bytes_(bytes), values_(bytes) {}

void PickleMachine::fail(const std::string& what) const {
  throw Error(ErrorCode::malformed, "", sentence("its pickle is damaged at byte ", at_, ": ", what));
}

// ---- reading

std::span<const std::byte> PickleMachine::take(uint64_t size) {
  if (size > bytes_.size() - at_)
    throw PickleEndsEarly(ErrorCode::malformed, "",
                          sentence("its pickle ends early: at byte ", at_, " it promises ", size, " more, there are ",
                                   bytes_.size() - at_));
  const auto taken = bytes_.subspan(at_, size);
  at_ += size;
  return taken;
}

uint64_t PickleMachine::take_number(size_t bytes) {
  uint64_t number = 0;
  const auto taken = take(bytes);
  for (size_t i = bytes; i-- > 0;) number = number << 8 | std::to_integer<uint64_t>(taken[i]);
  return number;
}

PickleRef PickleMachine::take_text(uint64_t size) {
  const uint64_t begin = at_;
  take(size);
  return values_.add_text(begin, size);
}

// Without its end.
std::string_view PickleMachine::take_line(size_t longest) {
  const size_t begin = at_;
  while (take(1)[0] != std::byte{'\n'})
    if (at_ - begin > longest) fail("a line longer than any");
  return {reinterpret_cast<const char*>(bytes_.data()) + begin, at_ - begin - 1};
}

PickleRef PickleMachine::take_name() {
  const size_t begin = at_;
  const size_t size = take_line(kLongestName).size();
  return values_.add_text(begin, size);
}

// A number in digits, as protocol 0 has them; what 64 bits do not hold counts nothing that we look at.
PickleRef PickleMachine::take_decimal() {
  std::string_view line = take_line(kLongestName);
  if (line.ends_with('L')) line.remove_suffix(1);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  if (end != line.data() + line.size() || error == std::errc::invalid_argument) fail("an integer that is none");
  return error == std::errc() ? values_.add_integer(value) : values_.add_opaque();
}

uint64_t PickleMachine::take_memo_number() {
  const PickleRef number = take_decimal();
  if (values_.kind(number) != PickleKind::integer || values_.integer(number) < 0)
    fail("a number of the memo that is none");
  return static_cast<uint64_t>(values_.integer(number));
}

// Two's complement, any number of bytes; what 64 bits do not hold counts nothing that we look at.
PickleRef PickleMachine::take_long(uint64_t size) {
  if (size > 8) {
    take(size);
    return values_.add_opaque();
  }
  if (size == 0) return values_.add_integer(0);
  const int unused = static_cast<int>(64 - 8 * size);
  return values_.add_integer(static_cast<int64_t>(take_number(size) << unused) >> unused);
}

// ---- stack

void PickleMachine::push(PickleRef ref) {
  if (stack_.size() >= kDeepestStack) fail("more values at once than any program writes");
  stack_.push_back(ref);
}

size_t PickleMachine::last_mark() const { return marks_.empty() ? 0 : marks_.back(); }

void PickleMachine::expect(size_t values) const {
  if (stack_.size() - last_mark() < values) fail("an operation on more values than there are");
}

PickleRef PickleMachine::pop() {
  const PickleRef ref = pop_called();
  refuse_getattr_as({&ref, 1});
  return ref;
}

PickleRef PickleMachine::pop_called() {
  expect(1);
  const PickleRef ref = stack_.back();
  stack_.pop_back();
  return ref;
}

PickleRef PickleMachine::top() const {
  expect(1);
  return stack_.back();
}

std::span<const PickleRef> PickleMachine::pop_to_mark() {
  if (marks_.empty()) fail("an operation on a mark that is not there");
  popped_.assign(stack_.begin() + marks_.back(), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  refuse_getattr_as(popped_);
  return popped_;
}

void PickleMachine::pop_into_tuple(size_t count) {
  expect(count);
  refuse_getattr_as(std::span(stack_).last(count));
  const PickleRef tuple = values_.add_tuple(std::span(stack_).last(count));
  stack_.resize(stack_.size() - count);
  push(tuple);
}

// ---- memo

void PickleMachine::memoize(uint64_t number) {
  const PickleRef value = top();
  if (number >= std::min<uint64_t>(kLargestMemo, bytes_.size())) fail(sentence("the memo's number ", number));
  if (number >= memo_.size()) memo_.resize(std::max<size_t>(number + 1, memo_.size() * 2), PickleValues::kNone);
  memo_count_ += memo_[number] == PickleValues::kNone;
  memo_[number] = value;
}

PickleRef PickleMachine::remembered(uint64_t number) const {
  if (number >= memo_.size() || memo_[number] == PickleValues::kNone)
    fail(sentence("the memo's number ", number, ", which nothing has"));
  return memo_[number];
}

// ---- values

void PickleMachine::push_global(PickleRef module, PickleRef name) {
  if (values_.kind(module) != PickleKind::text || values_.kind(name) != PickleKind::text)
    fail("a global whose name is not a text");
  note_name(values_.text(module), values_.text(name));
  names_getattr_ = names_getattr_ || looks_up_members(values_.text(module), values_.text(name));
  push(values_.add_global(module, name));
}

void PickleMachine::note_name(std::string_view module, std::string_view name) {
  if (module.size() > kLongestName || name.size() > kLongestName)
    fail(sentence("a class or function whose name has more than ", kLongestName, " bytes"));
  if (known_names_.insert(sentence(module, "\n", name)).second)
    names_.push_back({std::string(module), std::string(name)});
  if (names_.size() > kMostNames) fail(sentence("more than ", kMostNames, " classes and functions"));
}

// Dicts by another name are dicts; all else that is called is kept as it stands.
void PickleMachine::push_call(PickleRef called, PickleRef arguments) {
  const PickleKind kind = values_.kind(called);
  if (kind != PickleKind::global && kind != PickleKind::call) fail("a call of something that is no function");
  if (values_.kind(arguments) != PickleKind::tuple) fail("a call with something that is no tuple");
  if (is_getattr(called)) note_member(arguments);
  refuse_member_given(called, arguments);
  if (kind == PickleKind::global && values_.is_text(values_.global_module(called), "collections")) {
    const std::string_view name = values_.text(values_.global_name(called));
    const std::span<const PickleRef> all = values_.tuple(arguments);
    if (name == "OrderedDict" || name == "Counter") return push(dict_from(all));
    if (name == "defaultdict") return push(dict_from(all.subspan(std::min<size_t>(1, all.size()))));
  }
  push(values_.add_call(called, arguments));
}

// OrderedDict(), or of a dict, or of a list of pairs, which Python 2 wrote. The spans are of arrays that grow.
PickleRef PickleMachine::dict_from(std::span<const PickleRef> arguments) {
  const PickleRef source = arguments.empty() ? PickleValues::kNone : arguments[0];
  const PickleRef dict = values_.add_container(PickleKind::dict);
  if (source != PickleValues::kNone) append_members(dict, source);
  return dict;
}

void PickleMachine::append_members(PickleRef dict, PickleRef source) {
  std::vector<PickleRef> members;
  if (values_.kind(source) == PickleKind::dict) {
    values_.for_each_member(source, [&](PickleRef key, PickleRef value) {
      members.insert(members.end(), {key, value});
    });
  } else if (values_.kind(source) == PickleKind::list) {
    values_.for_each_item(source, [&](PickleRef pair) {
      std::vector<PickleRef> parts;
      if (values_.kind(pair) == PickleKind::list)
        values_.for_each_item(pair, [&](PickleRef part) { parts.push_back(part); });
      else if (values_.kind(pair) == PickleKind::tuple)
        parts.assign(values_.tuple(pair).begin(), values_.tuple(pair).end());
      if (parts.size() != 2) fail("a dict made of something that is no pair");
      members.insert(members.end(), parts.begin(), parts.end());
    });
  }
  values_.append(dict, members);
}

// Unknown objects take what they are given, unseen.
void PickleMachine::put_items(PickleRef target, std::span<const PickleRef> items, PickleKind expected,
                              const char* opcode) {
  const PickleKind kind = values_.kind(target);
  refuse_change_of(target);
  if (expected == PickleKind::dict && items.size() % 2 != 0) fail(sentence(opcode, " with a key that has no value"));
  if (kind == expected && kind != PickleKind::opaque) return values_.append(target, items);
  if (kind != PickleKind::call && kind != PickleKind::opaque) fail(sentence(opcode, " on a value that takes none"));
}

// ---- members

bool PickleMachine::is_getattr(PickleRef value) const { return names_getattr_ && ckmerge::is_getattr(values_, value); }

bool PickleMachine::is_member(PickleRef value) const { return names_getattr_ && ckmerge::is_member(values_, value); }

// getattr(CLASS, 'NAME'), and that of such a member: of an object or of a text it may be anything.
void PickleMachine::note_member(PickleRef arguments) {
  const std::optional<DottedName> found = looked_up(values_, arguments);
  if (found)
    note_name(found->module, found->name);
  else
    misuses_getattr_ = true;
}

// Who calls what it is given calls a member unseen. It may be told to call another of its kind, no deeper than this.
void PickleMachine::refuse_member_given(PickleRef called, PickleRef arguments) {
  constexpr int kDeepest = 8;
  for (int depth = 0; names_getattr_ && values_.kind(called) == PickleKind::global; ++depth) {
    const PickleCaller* const caller =
        caller_of(values_.text(values_.global_module(called)), values_.text(values_.global_name(called)));
    if (!caller) return;
    if (depth == kDeepest || values_.kind(arguments) != PickleKind::tuple) {
      misuses_getattr_ = true;
      return;
    }
    const std::span<const PickleRef> all = values_.tuple(arguments);
    for (const PickleRef given : all.first(std::min(caller->called, all.size()))) refuse_change_of(given);
    if (caller->arguments == 0 || caller->arguments >= all.size()) return;
    called = all[0];
    arguments = all[caller->arguments];
  }
}

// It is there to be called; who gets it as a value calls it unseen.
void PickleMachine::refuse_getattr_as(std::span<const PickleRef> values) {
  if (names_getattr_ && std::ranges::any_of(values, [&](PickleRef value) { return is_getattr(value); }))
    misuses_getattr_ = true;
}

void PickleMachine::refuse_change_of(PickleRef value) { misuses_getattr_ = misuses_getattr_ || is_member(value); }

}  // namespace ckmerge
