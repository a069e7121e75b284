// SPDX-License-Identifier: Apache-2.0
// Loads are exact, for every code there is; nothing is written past n, at any alignment and length.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/kernels/stores.h"
#include "tests/sanitized.h"

namespace ckmerge {
namespace {

using oracle::bits_as;

// The same number, the same zero, or both a NaN.
bool same(double x, double y) { return std::isnan(x) ? std::isnan(y) : bits_as<uint64_t>(x) == bits_as<uint64_t>(y); }

void load(const BlockKernels& kernels, Dtype dtype, const void* src, float* dst, size_t n) {
  kernels.load32[static_cast<size_t>(dtype)](src, dst, n);
}
void load(const BlockKernels& kernels, Dtype dtype, const void* src, double* dst, size_t n) {
  kernels.load64[static_cast<size_t>(dtype)](src, dst, n);
}

// How many codes of `dtype` load as something else than their value.
template <typename T>
size_t wrong_loads(const BlockKernels& kernels, Dtype dtype) {
  const uint32_t size = static_cast<uint32_t>(element_size(dtype)), count = 1u << (8 * size);
  std::vector<unsigned char> codes(count * size);
  for (uint32_t code = 0; code < count; ++code) std::memcpy(&codes[code * size], &code, size);
  size_t wrong = 0;
  for (uint32_t first = 0; first < count; first += kBlockElements) {
    const size_t n = std::min<size_t>(kBlockElements, count - first);
    T values[kBlockElements];
    load(kernels, dtype, &codes[first * size], values, n);
    for (uint32_t i = 0; i < n; ++i) wrong += !same(values[i], oracle::decode(dtype, first + i));
  }
  return wrong;
}

// Loads and stores n elements at `offset` from a cache line: every element as the oracle says, no byte beside touched.
template <typename T>
bool round_trips(const BlockKernels& kernels, Dtype dtype, size_t offset, size_t n) {
  const size_t size = element_size(dtype);
  alignas(64) unsigned char in[64 + kBlockElements * 8 + 64] = {}, out[64 + kBlockElements * 8 + 64];
  T values[kBlockElements + 1];
  StoreCounts counts;
  std::memset(out, 0xa5, sizeof(out));
  for (size_t i = 0; i < n; ++i)
    oracle::write(dtype, 0.25 * static_cast<double>(i % 57) - 4, in + offset + i * size, counts);
  values[n] = 12345;
  load(kernels, dtype, in + offset, values, n);
  bool good = values[n] == 12345;
  for (size_t i = 0; i < n; ++i) good &= same(values[i], oracle::read(dtype, in + offset + i * size));
  store(kernels, dtype, values, out + offset, n, &counts);
  good &= std::memcmp(out + offset, in + offset, n * size) == 0;
  for (size_t i = 0; i < sizeof(out); ++i) good &= (i >= offset && i < offset + n * size) || out[i] == 0xa5;
  return good;
}

}  // namespace

TEST_CASE("every 8- and 16-bit code loads as its value, in f32 and in f64") {
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : oracle::kSmall) {
      CHECK(wrong_loads<float>(*kernels, dtype) == 0);
      CHECK(wrong_loads<double>(*kernels, dtype) == 0);
    }
}

TEST_CASE("every 8- and 16-bit code that is a number survives a load and a store") {
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : oracle::kSmall) {
      const uint32_t size = static_cast<uint32_t>(element_size(dtype));
      size_t wrong = 0;
      for (uint32_t code = 0; code < 1u << (8 * size); ++code) {
        uint32_t back32 = 0, back64 = 0;
        float value32;
        double value64;
        StoreCounts counts;
        load(*kernels, dtype, &code, &value32, 1);
        load(*kernels, dtype, &code, &value64, 1);
        store(*kernels, dtype, &value32, &back32, 1, &counts);
        store(*kernels, dtype, &value64, &back64, 1, &counts);
        const uint32_t expected = oracle::encode(dtype, oracle::decode(dtype, code), counts);
        wrong += back32 != expected || back64 != expected;
        CHECK((std::isnan(value32) || expected == code));
      }
      CHECK(wrong == 0);
    }
}

TEST_CASE("any alignment, any length, and not a byte more") {
  for (const BlockKernels* kernels : available_kernels())
    for (const Dtype dtype : oracle::kReal)
      for (size_t offset = 0; offset < 64; offset += test::kSanitized ? 5 : 1) {
        bool good = round_trips<float>(*kernels, dtype, offset, kBlockElements) &&
                    round_trips<double>(*kernels, dtype, offset, kBlockElements);
        for (size_t n = 0; n <= 70; n += test::kSanitized ? 7 : 1)
          good &= round_trips<float>(*kernels, dtype, offset, n) && round_trips<double>(*kernels, dtype, offset, n);
        CHECK_MESSAGE(good, kernels->isa << " " << info(dtype).name << " at offset " << offset);
      }
}

TEST_CASE("F32 and F64 load as they are, in the other width too") {
  const float floats[] = {1.5f, -0.0f, 0x1p-149f, 3e38f, -INFINITY};
  const double doubles[] = {1.5, -0.0, 0x1p-1074, 1e308, INFINITY, 0.1};
  for (const BlockKernels* kernels : available_kernels()) {
    float f[8];
    double d[8];
    load(*kernels, Dtype::F32, floats, d, 5);
    for (int i = 0; i < 5; ++i) CHECK(same(d[i], floats[i]));
    load(*kernels, Dtype::F64, doubles, f, 6);
    for (int i = 0; i < 6; ++i) CHECK(same(f[i], static_cast<float>(doubles[i])));
  }
}

}  // namespace ckmerge
