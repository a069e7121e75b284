// SPDX-License-Identifier: Apache-2.0
// An untrusted formula over the checkpoints that its first byte counts, all of which may be left out. It is refused
// with Error(usage) at a place within it, or read: then its canonical text reads back as the same graph and text.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/formula/read_formula.h"
#include "io/text/error.h"

using namespace ckmerge;

namespace {

constexpr size_t kMostInputs = 8;

void expect(bool holds) {
  if (!holds) std::abort();
}

Formula formula_of(size_t inputs, std::string text) {
  Formula formula{.text = std::move(text)};
  for (size_t k = 0; k < inputs; ++k) formula.names.emplace_back(1, static_cast<char>('A' + k));
  return formula;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t inputs = data[0] % (kMostInputs + 1);
  try {
    const ReadFormula once = read_formula(formula_of(inputs, {reinterpret_cast<const char*>(data) + 1, size - 1}));
    const ReadFormula again = read_formula(formula_of(inputs, once.text));
    expect(again.text == once.text && again.graph.result() == once.graph.result());
    expect(std::ranges::equal(again.graph.terms(), once.graph.terms()));
    expect(once.graph[once.graph.result()].type == TermType::checkpoint);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::usage && error.what()[0] != '\0');
    expect(error.details().empty() || error.details().size() == 2);
  }
  return 0;
}
