// SPDX-License-Identifier: Apache-2.0
// Reads a Python pickle, protocols 0 to 5, as data. It is a machine of stack and memo, as Python's is, so that it sees
// what Python would see, but no name is resolved and nothing is called: whatever a file holds, reading it does nothing
// but fill PickleValues. What torch's writers never emit is refused, not guessed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "io/pickle/pickle_values.h"
#include "io/text/error.h"

namespace ckmerge {

/// The bytes ended before the pickle did.
class PickleEndsEarly : public Error {
 public:
  using Error::Error;
};

class PickleMachine {
 public:
  /// `bytes` begins with a pickle and must outlive this.
  explicit PickleMachine(std::span<const std::byte> bytes);

  /// Runs to STOP and returns the result. Once only. Throws Error(malformed); names() then has what was seen before.
  PickleRef run();

  size_t size() const { return at_; }  ///< bytes of the pickle, after run()
  const PickleValues& values() const { return values_; }

  /// Every global that the pickle names, once each, in order; it need not be called to be here. A member that `getattr`
  /// looks up in a global is one too, named with a dot: Python before protocol 4 has no other word for nested classes,
  /// methods and, at times, members of an Enum.
  struct Name {
    std::string module, name;
  };
  std::span<const Name> names() const { return names_; }

  /// Whether `getattr` does anything but that, or what it looked up is called or changed.
  bool misuses_getattr() const { return misuses_getattr_; }
  std::span<const PickleRef> persistent() const { return persistent_; }  ///< each mention of a storage

  struct Opcode;  // a row of the table in pickle_opcodes.cpp

 private:
  friend struct PickleOpcodes;
  friend struct PickleLines;

  // Reading.
  uint64_t take_number(size_t bytes);
  std::span<const std::byte> take(uint64_t size);
  PickleRef take_text(uint64_t size);
  std::string_view take_line(size_t longest);
  PickleRef take_name();
  PickleRef take_decimal();
  uint64_t take_memo_number();
  PickleRef take_long(uint64_t size);

  // The stack. What lies below the last mark is out of reach, as in Python.
  void push(PickleRef ref);
  PickleRef pop();
  PickleRef pop_called();
  PickleRef top() const;
  void expect(size_t values) const;
  size_t last_mark() const;
  std::span<const PickleRef> pop_to_mark();  ///< good until the next
  void pop_into_tuple(size_t count);

  // The memo.
  void memoize(uint64_t number);
  PickleRef remembered(uint64_t number) const;

  // Values.
  void push_global(PickleRef module, PickleRef name);
  void push_call(PickleRef called, PickleRef arguments);
  void note_name(std::string_view module, std::string_view name);
  PickleRef dict_from(std::span<const PickleRef> arguments);
  void append_members(PickleRef dict, PickleRef source);
  void put_items(PickleRef target, std::span<const PickleRef> items, PickleKind expected, const char* opcode);
  [[noreturn]] void fail(const std::string& what) const;

  // Members that getattr looks up.
  bool is_getattr(PickleRef value) const;
  bool is_member(PickleRef value) const;
  void note_member(PickleRef arguments);
  void refuse_member_given(PickleRef called, PickleRef arguments);
  void refuse_getattr_as(std::span<const PickleRef> values);
  void refuse_change_of(PickleRef value);

  std::span<const std::byte> bytes_;
  size_t at_ = 0;
  bool stopped_ = false;
  PickleValues values_;
  std::vector<PickleRef> stack_;
  std::vector<uint32_t> marks_;  // sizes of the stack
  std::vector<PickleRef> popped_;
  std::vector<PickleRef> memo_;
  uint64_t memo_count_ = 0;
  std::vector<Name> names_;
  std::unordered_set<std::string> known_names_;
  std::vector<PickleRef> persistent_;
  bool names_getattr_ = false, misuses_getattr_ = false;
};

}  // namespace ckmerge
