// SPDX-License-Identifier: Apache-2.0
// The opcodes whose arguments are lines of text: all of protocol 0's, of which protocol 1 has integers and booleans.
#pragma once

#include "io/pickle/pickle_machine.h"

namespace ckmerge {

struct PickleLines {
  static void integer_line(PickleMachine& m);  ///< or a boolean: 00 and 01
  static void long_line(PickleMachine& m);
  static void float_line(PickleMachine& m);
  static void unicode_line(PickleMachine& m);
  static void string_line(PickleMachine& m);
  static void put_line(PickleMachine& m);
  static void get_line(PickleMachine& m);
  [[noreturn]] static void persid(PickleMachine& m);

 private:
  static void push_line(PickleMachine& m, size_t begin, std::string_view text);
};

}  // namespace ckmerge
