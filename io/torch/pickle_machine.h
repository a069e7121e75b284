// SPDX-License-Identifier: Apache-2.0
// Reads a Python pickle, protocols 2 to 5, as data. It is a machine of stack and memo, as Python's is, so that it sees
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

#include "io/text/error.h"
#include "io/torch/pickle_values.h"

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

  /// Every global that the pickle names, once each, in order; it need not be called to be here.
  struct Name {
    std::string_view module, name;
  };
  std::span<const Name> names() const { return names_; }
  std::span<const PickleRef> persistent() const { return persistent_; }  ///< each mention of a storage

  struct Opcode;  // a row of the table in pickle_opcodes.cpp

 private:
  friend struct PickleOpcodes;

  // Reading.
  uint64_t take_number(size_t bytes);
  std::span<const std::byte> take(uint64_t size);
  PickleRef take_text(uint64_t size);
  PickleRef take_line();
  PickleRef take_long(uint64_t size);

  // The stack. What lies below the last mark is out of reach, as in Python.
  void push(PickleRef ref);
  PickleRef pop();
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
  PickleRef dict_from(std::span<const PickleRef> arguments);
  void append_members(PickleRef dict, PickleRef source);
  void put_items(PickleRef target, std::span<const PickleRef> items, PickleKind expected, const char* opcode);
  [[noreturn]] void fail(const std::string& what) const;

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
};

}  // namespace ckmerge
