// SPDX-License-Identifier: Apache-2.0
// A line of a module, a tab and a name: a line with the verdict. tests/pickles/verdicts.py knows what it should be.
#include <iostream>
#include <string>

#include "io/pickle/pickle_globals.h"

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    const std::string_view words = line;
    const size_t tab = words.find('\t');
    if (tab == words.npos) return 1;
    std::cout << ckmerge::name(ckmerge::danger_of(words.substr(0, tab), words.substr(tab + 1))) << '\n';
  }
  return 0;
}
