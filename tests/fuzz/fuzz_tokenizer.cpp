// SPDX-License-Identifier: Apache-2.0
// An untrusted tokenizer.json: refused with Error(malformed), or read as tokens that stay what they are when the text
// is written again with more of them, or with fewer.
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

// Returns one more than the largest id of what is read again.
uint32_t check_written(std::string_view text, const ModelTokens& tokens, uint64_t rows) {
  std::string written;
  try {
    written = written_tokenizer(text, tokens, rows);
  } catch (const Error& error) {
    expect(error.code() == ErrorCode::mismatch);  // ids with gaps
    return 0;
  }
  expect_json(written);
  TokenTexts again;
  const ModelTokens read = read_tokens(written, again);
  expect(read.moved.empty() && read.added.size() == tokens.added.size());
  for (size_t i = 0; i < read.added.size(); ++i)
    expect(read.added[i].id == tokens.added[i].id && read.added[i].content == tokens.added[i].content);
  return read.end;
}

void check(std::string_view text) {
  TokenTexts texts;
  ModelTokens tokens = read_tokens(text, texts);
  expect(tokens.end <= (1U << 24));
  for (uint32_t number = 0; number < texts.size(); ++number) {
    expect(texts.find(texts[number]) == number);
    expect(tokens.id_of(number) == ModelTokens::kNoId || tokens.id_of(number) < tokens.end);
  }
  const uint32_t half = tokens.end / 2;
  ModelTokens fewer = tokens;
  add_token(tokens, kNew, texts);
  check_written(text, tokens, UINT64_MAX);
  leave_out_unused(fewer, half);
  expect(check_written(text, fewer, half) <= half);
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
