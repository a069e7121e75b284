// SPDX-License-Identifier: Apache-2.0
#include "io/torch/zip_end.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include "io/torch/zip_bytes.h"

namespace ckmerge {
namespace {

using namespace std::string_view_literals;

constexpr uint64_t kEndSize = 22, kEnd64Size = 56, kLocatorSize = 20, kLongestComment = 0xffff;
constexpr uint32_t kEnd64Mark = 0x06064b50, kLocatorMark = 0x07064b50, kLocalMark = 0x04034b50;
constexpr std::string_view kEndMark = "PK\5\6"sv;

using EndRecord = std::array<unsigned char, kEndSize>;

// Where the last end record of the file begins, whose comment is all the rest of the file: what every reader finds that
// looks from behind, as they all do.
std::optional<uint64_t> find_record(const InputFile& file) {
  if (file.size() < kEndSize) return std::nullopt;
  const auto looked_at = [&](uint64_t size) -> std::optional<uint64_t> {
    std::vector<char> bytes(std::min(size, file.size()));
    file.read_at(file.size() - bytes.size(), std::as_writable_bytes(std::span(bytes)));
    const std::string_view text(bytes.data(), bytes.size());
    const size_t at = text.rfind(kEndMark, text.size() - kEndSize);
    if (at == text.npos) return std::nullopt;
    const auto* const record = reinterpret_cast<const unsigned char*>(bytes.data()) + at;
    if (at + kEndSize + zip_number(record + 20, 2) != text.size()) return std::nullopt;
    return file.size() - bytes.size() + at;
  };
  if (const auto at = looked_at(kEndSize)) return at;  // no comment, as almost always
  return looked_at(kEndSize + kLongestComment);
}

// A number of the classic record: that of the zip64 record, or all ones where it does not fit.
void expect_same(uint64_t classic, size_t bytes, uint64_t value, const char* what) {
  const uint64_t most = bytes == 2 ? 0xffff : 0xffffffff;
  if (classic != value && classic != most) fail_zip("its two ends disagree about ", what);
}

// torch's distributed checkpoints: one archive behind another, each with offsets of its own. `behind` bytes lie before
// the last.
bool is_last_of_several(const InputFile& file, uint64_t behind) {
  const auto local = read_zip_bytes<4>(file, behind);
  if (behind < kEndSize || zip_number(local.data(), 4) != kLocalMark) return false;
  const auto end = read_zip_bytes<4>(file, behind - kEndSize);
  return std::string_view(reinterpret_cast<const char*>(end.data()), 4) == kEndMark;
}

ZipEnd read_end64(const InputFile& file, uint64_t locator, const EndRecord& end) {
  const auto bytes = read_zip_bytes<kLocatorSize>(file, locator);
  const uint64_t at = zip_number(&bytes[8], 8);
  if (zip_number(&bytes[4], 4) != 0 || zip_number(&bytes[16], 4) > 1) fail_zip("it is one part of several");
  if (locator >= kEnd64Size && at < locator - kEnd64Size && is_last_of_several(file, locator - kEnd64Size - at))
    throw Error(ErrorCode::malformed, "", kDistributedShard);
  if (locator < kEnd64Size || at != locator - kEnd64Size) fail_zip("its zip64 end is not where it should be");
  const auto record = read_zip_bytes<kEnd64Size>(file, at);
  if (zip_number(&record[0], 4) != kEnd64Mark || zip_number(&record[4], 8) != kEnd64Size - 12)
    fail_zip("its zip64 end is none");
  if (zip_number(&record[16], 4) != 0 || zip_number(&record[20], 4) != 0) fail_zip("it is one part of several");
  const uint64_t entries = zip_number(&record[32], 8), size = zip_number(&record[40], 8),
                 begin = zip_number(&record[48], 8);
  if (zip_number(&record[24], 8) != entries) fail_zip("it is one part of several");
  expect_same(zip_number(&end[8], 2), 2, entries, "the number of entries");
  expect_same(zip_number(&end[10], 2), 2, entries, "the number of entries");
  expect_same(zip_number(&end[12], 4), 4, size, "the directory's size");
  expect_same(zip_number(&end[16], 4), 4, begin, "the directory's place");
  if (begin > at || size != at - begin) fail_zip("its directory does not end where the end begins");
  return {begin, at, entries};
}

}  // namespace

ZipEnd find_zip_end(const InputFile& file) {
  if (file.size() < kEndSize)
    throw Error(ErrorCode::malformed, "", "download incomplete: a zip archive without its end");
  const std::optional<uint64_t> found = find_record(file);
  if (!found)
    throw Error(ErrorCode::malformed, "",
                "download incomplete, or changed after it was written: a zip archive whose end is not at the end of "
                "the file");
  const uint64_t at = *found;
  const EndRecord end = read_zip_bytes<kEndSize>(file, at);
  if (zip_number(&end[4], 2) != 0 || zip_number(&end[6], 2) != 0) fail_zip("it is one part of several");
  if (at >= kLocatorSize && zip_number(read_zip_bytes<4>(file, at - kLocatorSize).data(), 4) == kLocatorMark)
    return read_end64(file, at - kLocatorSize, end);
  const uint64_t entries = zip_number(&end[10], 2), size = zip_number(&end[12], 4), begin = zip_number(&end[16], 4);
  if (zip_number(&end[8], 2) != entries) fail_zip("it is one part of several");
  if (begin > at || size != at - begin) fail_zip("its directory does not end where the end begins");
  return {begin, at, entries};
}

bool ends_as_zip(const InputFile& file) {
  const std::optional<uint64_t> at = find_record(file);
  if (!at) return false;
  const EndRecord end = read_zip_bytes<kEndSize>(file, *at);
  return zip_number(&end[16], 4) + zip_number(&end[12], 4) <= *at;
}

}  // namespace ckmerge
