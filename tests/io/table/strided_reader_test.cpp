// SPDX-License-Identifier: Apache-2.0
#include "io/table/strided_reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "tests/core/checkpoint_files.h"

using namespace ckmerge;
using ckmerge::test::TempFolder;

namespace {

struct View {
  std::vector<uint64_t> shape, strides;
  uint64_t offset = 0, count = 1;
};

// Any strides whose last element lies in `elements`.
View random_view(std::mt19937_64& rng, uint64_t elements) {
  View view;
  const auto below = [&](uint64_t limit) { return limit == 0 ? 0 : rng() % limit; };
  uint64_t reach = elements - 1;
  for (uint64_t rank = below(6); rank > 0; --rank) {
    const uint64_t count = 1 + below(9);
    const uint64_t stride = count == 1 ? below(1000) : below(reach / (count - 1) + 1);
    if (count > 1) reach -= (count - 1) * stride;
    view.shape.push_back(count);
    view.strides.push_back(stride);
    view.count *= count;
  }
  view.offset = below(reach + 1);
  return view;
}

std::string gathered(const std::string& storage, const View& view, uint64_t size) {
  std::string out;
  for (uint64_t i = 0; i < view.count; ++i) {
    uint64_t at = view.offset, rest = i;
    for (size_t d = view.shape.size(); d-- > 0; rest /= view.shape[d]) at += rest % view.shape[d] * view.strides[d];
    out += storage.substr(at * size, size);
  }
  return out;
}

std::string random_bytes(std::mt19937_64& rng, size_t size) {
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(rng());
  return bytes;
}

std::string read(StridedReader& reader, const InputFile& file, const View& view, Dtype dtype, uint64_t skipped,
                 uint64_t first, uint64_t end) {
  const uint64_t size = element_size(dtype);
  const Piece piece{
      .count = view.count, .offset = skipped + view.offset * size, .shape = view.shape, .strides = view.strides};
  std::string out((end - first) * size, '\0');
  reader.read(file, dtype, piece, first, end, reinterpret_cast<std::byte*>(out.data()));
  return out;
}

}  // namespace

TEST_CASE("any part of any view is what one element at a time gives") {
  TempFolder folder;
  std::mt19937_64 rng(7);
  StridedReader reader;  // one for all: it must not remember
  for (const Dtype dtype : {Dtype::U8, Dtype::BF16, Dtype::F32, Dtype::F64}) {
    const uint64_t size = element_size(dtype), elements = 100'000, skipped = 13;
    const std::string storage = random_bytes(rng, elements * size), path = folder / info(dtype).name;
    std::ofstream(path, std::ios::binary) << std::string(skipped, 'x') << storage;
    const InputFile file(path);
    for (int round = 0; round < 300; ++round) {
      const View view = random_view(rng, elements);
      const std::string whole = gathered(storage, view, size);
      const uint64_t first = rng() % view.count, end = first + 1 + rng() % (view.count - first);
      CAPTURE(round);
      REQUIRE(read(reader, file, view, dtype, skipped, 0, view.count) == whole);
      REQUIRE(read(reader, file, view, dtype, skipped, first, end) == whole.substr(first * size, (end - first) * size));
    }
  }
}

TEST_CASE("the range around elements of a view holds them all and ends with the last") {
  std::mt19937_64 rng(9);
  for (int round = 0; round < 2000; ++round) {
    const View view = random_view(rng, 5000);
    const Piece piece{.count = view.count, .offset = 7 + view.offset * 2, .shape = view.shape, .strides = view.strides};
    const uint64_t first = rng() % view.count, end = first + 1 + rng() % (view.count - first);
    const ByteRange range = range_around(piece, 2, first, end);
    uint64_t lowest = UINT64_MAX, highest = 0;
    for (uint64_t i = first; i < end; ++i) {
      uint64_t at = view.offset, rest = i;
      for (size_t d = view.shape.size(); d-- > 0; rest /= view.shape[d]) at += rest % view.shape[d] * view.strides[d];
      lowest = std::min(lowest, at);
      highest = std::max(highest, at);
    }
    CAPTURE(round);
    CHECK(range.begin <= 7 + lowest * 2);
    CHECK(range.end >= 7 + (highest + 1) * 2);
    if (first == 0 && end == view.count) CHECK(range.end == 7 + (highest + 1) * 2);
  }
}

TEST_CASE("views larger than a window: transposed, overlapping, repeated, far apart") {
  TempFolder folder;
  std::mt19937_64 rng(8);
  const std::string storage = random_bytes(rng, 600 * 900 * 2), path = folder / "storage";
  std::ofstream(path, std::ios::binary) << storage;
  const InputFile file(path);
  StridedReader reader;
  const View views[] = {
      {.shape = {900, 600}, .strides = {1, 900}, .count = 540'000},
      {.shape = {2, 200'000}, .strides = {100, 1}, .offset = 3, .count = 400'000},  // windows that go back
      {.shape = {100, 5000}, .strides = {0, 100}, .count = 500'000},
      {.shape = {5000, 100}, .strides = {100, 0}, .count = 500'000},
      {.shape = {3, 7, 4}, .strides = {170'000, 11, 40'001}, .offset = 5, .count = 84},  // each in a window of its own
      {.shape = {540'000}, .strides = {1}, .count = 540'000},
  };
  for (const View& view : views) {
    const std::string whole = gathered(storage, view, 2);
    CAPTURE(view.strides[0]);
    CHECK(read(reader, file, view, Dtype::F16, 0, 0, view.count) == whole);
    for (uint64_t at = 0; at < view.count; at += 77'777) {
      const uint64_t end = std::min(view.count, at + 77'777);
      CHECK(read(reader, file, view, Dtype::F16, 0, at, end) == whole.substr(at * 2, (end - at) * 2));
    }
  }
}
