// SPDX-License-Identifier: Apache-2.0
// An untrusted tokenizer.json: refused with Error(malformed), or read as tokens that stay what they are when the text is
// written again with more of them, or with fewer.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/vocabulary/written_tokenizer.h"
#include "io/text/error.h"
#include "io/text/json_value.h"

using namespace ckmerge;

namespace {

constexpr std::string_view kNew = "<a token that no input has>";

void expect(bool holds) {
  if (!holds) std::abort();
}

// The strict parser of small documents takes it too.
void expect_json(std::string_view text) {
  try {
    parse_json(text, {.size = size_t{1} << 24, .depth = 102, .values = size_t{1} << 22});
  } catch (const Error& error) {
    // It has numbers of its own to refuse.
    expect(std::string_view(error.what()).find("number") != std::string_view::npos);
  }
}

void check(std::string_view text) {
  TokenTexts texts;
  ModelTokens tokens = read_tokens(text, texts);
  expect(tokens.end <= (1U << 24));
  for (uint32_t number = 0; number < texts.size(); ++number) {
    expect(texts.find(texts[number]) == number);
    expect(tokens.id_of(number) == ModelTokens::kNoId || tokens.id_of(number) < tokens.end);
  }
  add_token(tokens, kNew, texts);
  TokenTexts again;
  const std::string written = written_tokenizer(text, tokens, UINT64_MAX);
  expect_json(written);
  const ModelTokens read = read_tokens(written, again);
  expect(read.added.size() == tokens.added.size() && read.end == tokens.end);
  expect(read.id_of(again.find(kNew)) == tokens.id_of(texts.find(kNew)));
  const uint32_t half = tokens.end / 2;
  leave_out_unused(tokens, half);
  TokenTexts fewer;
  const std::string shorter = written_tokenizer(text, tokens, half);
  expect_json(shorter);
  expect(read_tokens(shorter, fewer).end <= half);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    check({reinterpret_cast<const char*>(data), size});
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::malformed && error.what()[0] != '\0');
  }
  return 0;
}
