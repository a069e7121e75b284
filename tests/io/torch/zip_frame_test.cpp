// SPDX-License-Identifier: Apache-2.0
// The frame of a .ckpt, field by field as the zip specification has them, beyond 4 GiB and 65,535 entries too. Files
// that Python and torch read are made in tests/cli/commands/ckpt.py.
#include "io/torch/zip_frame.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "io/hash/crc32.h"

using namespace ckmerge;

namespace {

std::string bytes_of(const ZipFrame& frame, uint64_t begin, uint64_t end, ZipFrame::Sums sums = {}) {
  std::string out(end - begin, '.');
  frame.fill(begin, std::as_writable_bytes(std::span(out)), sums);
  return out;
}

std::string operator""_x(const char* text, size_t size) {
  std::string out;
  for (size_t i = 0; i + 1 < size; ++i) {
    if (text[i] == ' ') continue;
    out += static_cast<char>(std::stoi(std::string(text + i++, 2), nullptr, 16));
  }
  return out;
}

}  // namespace

TEST_CASE("a small archive, every byte") {
  const ZipFrame frame(10, std::vector<uint64_t>{5});
  CHECK(frame.pickle_offset() == 64);
  CHECK(frame.storage_offset(0) == 128);
  const std::vector<uint32_t> sums{0x11223344, 0x55667788, ZipFrame::version_crc()};
  CHECK(frame.sums(std::vector<uint32_t>{0x55667788}, std::string(64, '.') + "123456789") ==
        std::vector<uint32_t>{0xcbf43926, 0x55667788, ZipFrame::version_crc()});
  CHECK(frame.first_header(0x11223344) == "504b0304 1400 0008 0000 0000 2100 44332211 0a000000 0a000000 1000 1200"_x +
                                              "archive/data.pkl" + "4642 0e00"_x + std::string(14, 'Z'));
  const std::string local = "504b0304 1400 0008 0000 0000 2100 88776655 05000000 05000000 0e00 0a00"_x +
                            "archive/data/0" + "4642 0600"_x + std::string(6, 'Z');
  CHECK(bytes_of(frame, 74, 128, sums) == local);
  const std::string version = "504b0304 1400 0008 0000 0000 2100"_x + "d19e6755 02000000 02000000 0f00 0e00"_x +
                              "archive/version" + "4642 0a00"_x + std::string(10, 'Z') + "3\n";
  CHECK(bytes_of(frame, 133, 194, sums) == version);
  const std::string directory =
      "504b0102 2d00 1400 0008 0000 0000 2100 44332211 0a000000 0a000000 1000 0000 0000 0000 0000 00000000 00000000"_x +
      "archive/data.pkl" +
      "504b0102 2d00 1400 0008 0000 0000 2100 88776655 05000000 05000000 0e00 0000 0000 0000 0000 00000000 4a000000"_x +
      "archive/data/0" +
      "504b0102 2d00 1400 0008 0000 0000 2100 d19e6755 02000000 02000000 0f00 0000 0000 0000 0000 00000000 85000000"_x +
      "archive/version";
  const std::string end = "504b0606 2c00000000000000 2d00 2d00 00000000 00000000 0300000000000000 0300000000000000"_x +
                          "b700000000000000 c200000000000000"_x + "504b0607 00000000 7901000000000000 01000000"_x +
                          "504b0506 0000 0000 0300 0300 b7000000 c2000000 0000"_x;
  CHECK(bytes_of(frame, 194, frame.file_size(), sums) == directory + end);
}

TEST_CASE("any cut gives the bytes of the whole, and touches nothing else") {
  const ZipFrame frame(1000, std::vector<uint64_t>{5, 0, 4096, 64, 1});
  const std::vector<uint32_t> sums{1, 2, 3, 4, 5, 6, 7};
  const std::string whole = bytes_of(frame, 0, frame.file_size(), sums);
  CHECK(whole.substr(0, 64) == std::string(64, '.'));  // the first header and the pickle are not the frame's
  for (const uint64_t step : {1u, 7u, 64u, 1000u}) {
    std::string joined;
    for (uint64_t at = 0; at < frame.file_size(); at += step)
      joined += bytes_of(frame, at, std::min(at + step, frame.file_size()), sums);
    CHECK(joined == whole);
  }
  CHECK(frame.matches(0, std::as_bytes(std::span(whole)), sums));
  std::string changed = whole;
  changed[frame.storage_offset(2) - 1] ^= 1;
  CHECK_FALSE(frame.matches(0, std::as_bytes(std::span(changed)), sums));
}

TEST_CASE("seals are where sums make a difference") {
  const ZipFrame frame(1000, std::vector<uint64_t>{5, 0, 4096});
  const std::vector<uint32_t> ones(5, 0xffffffff);
  const std::string with = bytes_of(frame, 0, frame.file_size(), ones), without = bytes_of(frame, 0, frame.file_size());
  std::string marks(frame.file_size(), ' ');
  for (uint64_t at = 0; at < frame.file_size(); at += 100)
    frame.for_each_seal(at, std::min(at + 100, frame.file_size()), [&](uint64_t begin, uint64_t end) {
      for (uint64_t i = begin; i < end; ++i) marks[i] = 'x';
    });
  for (size_t i = 0; i < with.size(); ++i)
    if (with[i] != without[i]) CHECK_MESSAGE(marks[i] == 'x', i);
  const size_t last_header = frame.storage_offset(2) + 4096;
  CHECK(marks.substr(last_header, 20) == std::string(14, ' ') + "xxxx  ");
}

TEST_CASE("what does not fit 32 bits is in zip64 fields, in each record what it needs") {
  constexpr uint64_t kHuge = uint64_t{5} << 30;
  const ZipFrame frame(10, std::vector<uint64_t>{8, kHuge, 8, 0xffffffff});
  const uint64_t huge = frame.storage_offset(1);
  CHECK(huge % 64 == 0);
  const std::string name = "archive/data/1";
  const std::string local = bytes_of(frame, frame.storage_offset(0) + 8, huge);
  CHECK(local.substr(4, 2) == "2d00"_x);
  CHECK(local.substr(18, 8) == "ffffffff ffffffff"_x);
  CHECK(local.substr(30 + name.size(), 20) == "0100 1000 0000004001000000 0000004001000000"_x);

  const std::string tail = bytes_of(frame, frame.storage_offset(3) + 0xffffffff, frame.file_size());
  const auto record = [&](const std::string& entry) {
    const size_t at = tail.find("archive/" + entry, tail.find("PK\x01\x02"));
    return tail.substr(at - 46, 46 + 8 + entry.size() + 28);
  };
  CHECK(record("data/0").substr(30, 2) == "0000"_x);
  CHECK(record("data/1").substr(30, 2) == "1400"_x);  // sizes, its header is near the front
  CHECK(record("data/1").substr(20, 8) == "ffffffff ffffffff"_x);
  CHECK(record("data/2").substr(30, 2) == "0c00"_x);  // the offset
  CHECK(record("data/2").substr(42, 4) == "ffffffff"_x);
  CHECK(record("data/3").substr(30, 2) == "1c00"_x);  // all three
  CHECK(record("data/3").substr(60, 20) == "0100 1800 ffffffff00000000 ffffffff00000000"_x);
  CHECK(tail.substr(tail.size() - 22) ==
        "504b0506 0000 0000 0600 0600"_x + tail.substr(tail.size() - 10, 4) + "ffffffff 0000"_x);
}

TEST_CASE("more entries than 16 bits count") {
  const ZipFrame frame(10, std::vector<uint64_t>(70000, 4));
  const std::string end = bytes_of(frame, frame.file_size() - 98, frame.file_size());
  CHECK(end.substr(24, 16) == "7211010000000000 7211010000000000"_x);
  CHECK(end.substr(84, 4) == "ffff ffff"_x);
  CHECK(frame.entry_count() == 70002);
}

TEST_CASE("sums of parts, in any order, make the sum of the whole") {
  const std::string text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(crc32_of(bytes) == 0xcbf43926);  // the check value of the polynomial
  for (size_t a = 0; a <= 9; ++a)
    for (size_t b = a; b <= 9; ++b) {
      const uint32_t last = crc32_share(crc32_of(bytes.subspan(b)), 0),
                     first = crc32_share(crc32_of(bytes.first(a)), 9 - a);
      CHECK((last ^ first ^ crc32_share(crc32_of(bytes.subspan(a, b - a)), 9 - b)) == 0xcbf43926);
    }
}
