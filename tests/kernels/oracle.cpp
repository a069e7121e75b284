// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ckmerge::oracle {
namespace {

struct Format {
  int bits, mantissa, bias;
  uint32_t nan;
  bool has_inf, saturates;
};

Format format(Dtype dtype) {
  switch (dtype) {
    case Dtype::F8_E5M2: return {8, 2, 15, 0x7f, true, true};
    case Dtype::F8_E4M3: return {8, 3, 7, 0x7f, false, true};
    case Dtype::F16: return {16, 10, 15, 0x7e00, true, false};
    default: return {16, 7, 127, 0x7fc0, true, false};  // BF16
  }
}

uint32_t sign_bit(const Format& f) { return 1u << (f.bits - 1); }

double decode_magnitude(const Format& f, uint32_t code) {
  const int exponent = static_cast<int>(code >> f.mantissa);
  const uint32_t fraction = code & ((1u << f.mantissa) - 1);
  const int top = (1 << (f.bits - 1 - f.mantissa)) - 1;
  if (f.has_inf && exponent == top)
    return fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  if (!f.has_inf && code == f.nan) return std::numeric_limits<double>::quiet_NaN();
  if (exponent == 0) return std::ldexp(fraction, 1 - f.bias - f.mantissa);
  return std::ldexp((1u << f.mantissa) + fraction, exponent - f.bias - f.mantissa);
}

// Nearest of the finite values and, beyond them, of the value that would follow the largest; ties to the even code.
uint32_t nearest(Dtype dtype, double magnitude) {
  const std::vector<double>& values = finite_values(dtype);
  const size_t above = std::upper_bound(values.begin(), values.end(), magnitude) - values.begin();
  const size_t below = above - 1;
  const double low = values[below];
  const double high = above < values.size() ? values[above] : low + (low - values[below - 1]);
  const double middle = low + (high - low) / 2;
  if (magnitude != middle) return static_cast<uint32_t>(magnitude < middle ? below : above);
  return static_cast<uint32_t>(below % 2 == 0 ? below : above);
}

}  // namespace

const std::vector<double>& finite_values(Dtype dtype) {
  static std::vector<double> tables[kDtypeCount];
  std::vector<double>& table = tables[static_cast<size_t>(dtype)];
  if (!table.empty()) return table;
  for (uint32_t code = 0; std::isfinite(decode_magnitude(format(dtype), code)); ++code)
    table.push_back(decode_magnitude(format(dtype), code));
  return table;
}

double decode(Dtype dtype, uint32_t code) {
  const Format f = format(dtype);
  const double magnitude = decode_magnitude(f, code & (sign_bit(f) - 1));
  return code & sign_bit(f) ? -magnitude : magnitude;
}

uint32_t encode(Dtype dtype, double value, StoreCounts& counts) {
  const Format f = format(dtype);
  const uint32_t sign = std::signbit(value) ? sign_bit(f) : 0;
  const auto largest = static_cast<uint32_t>(finite_values(dtype).size() - 1);
  if (!std::isfinite(value)) ++counts.non_finite;
  if (std::isnan(value)) return f.nan;
  if (std::isinf(value)) {
    if (f.has_inf) return sign | (largest + 1);
    ++counts.lost_inf;
    return f.nan;
  }
  const uint32_t code = nearest(dtype, std::fabs(value));
  counts.vanished += code == 0 && value != 0;
  if (code <= largest) return sign | code;
  ++(f.saturates ? counts.saturated : counts.overflowed);
  counts.non_finite += !f.saturates;
  return sign | (f.saturates ? largest : largest + 1);
}

double read(Dtype dtype, const void* at) {
  if (dtype == Dtype::F64) {
    double value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  if (dtype == Dtype::F32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  uint32_t code = 0;
  std::memcpy(&code, at, element_size(dtype));
  return decode(dtype, code);
}

void write(Dtype dtype, double value, void* at, StoreCounts& counts) {
  if (dtype == Dtype::F64) {
    counts.non_finite += !std::isfinite(value);
    const uint64_t bits = std::isnan(value) ? 0x7ff8000000000000 : bits_as<uint64_t>(value);
    std::memcpy(at, &bits, sizeof(bits));
  } else if (dtype == Dtype::F32) {
    const auto narrowed = static_cast<float>(value);
    counts.overflowed += std::isinf(narrowed) && std::isfinite(value);
    counts.non_finite += !std::isfinite(narrowed);
    counts.vanished += narrowed == 0 && value != 0;
    const uint32_t bits = std::isnan(value) ? 0x7fc00000 : bits_as<uint32_t>(narrowed);
    std::memcpy(at, &bits, sizeof(bits));
  } else {
    const uint32_t code = encode(dtype, value, counts);
    std::memcpy(at, &code, element_size(dtype));
  }
}

}  // namespace ckmerge::oracle
