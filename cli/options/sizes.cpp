// SPDX-License-Identifier: Apache-2.0
#include "cli/options/sizes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// Bytes of a unit; empty when it is none.
std::optional<double> unit_bytes(std::string_view unit) {
  if (unit.empty()) return 1;
  std::string name;
  for (const char c : unit) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name == "B") return 1;
  constexpr std::string_view kPrefixes = "KMGT";
  const size_t power = kPrefixes.find(name[0]);
  if (power == kPrefixes.npos) return std::nullopt;
  const std::string_view rest = std::string_view(name).substr(1);
  if (rest.empty() || rest == "B") return std::pow(1000.0, static_cast<double>(power + 1));
  if (rest == "IB") return std::pow(1024.0, static_cast<double>(power + 1));
  return std::nullopt;
}

std::string three_digits(double value, const char* unit) {
  std::array<char, 48> buffer{};
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::snprintf(buffer.data(), buffer.size(), "%.*f %s", decimals, value, unit);
  return buffer.data();
}

std::string scaled(uint64_t bytes, double base, std::initializer_list<const char*> units) {
  double value = static_cast<double>(bytes) / base;
  auto unit = units.begin();
  for (; value >= base - 0.5 && unit + 1 != units.end(); ++unit) value /= base;
  return three_digits(value, *unit);
}

}  // namespace

uint64_t parse_size(std::string_view option, std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const auto unit = error == std::errc{} ? unit_bytes({rest, static_cast<size_t>(end - rest)}) : std::nullopt;
  const double bytes = unit ? number * *unit : -1;
  if (!std::isfinite(number) || bytes < 1 || bytes >= 9.2e18) {
    const std::string where(option);
    throw Error(ErrorCode::usage, where, where + ": '" + std::string(text) + "' is not a size such as 512M or 2GiB");
  }
  return static_cast<uint64_t>(bytes);
}

std::string size_text(uint64_t bytes) {
  if (bytes < 1000) return std::to_string(bytes) + " B";
  return scaled(bytes, 1000, {"kB", "MB", "GB", "TB", "PB", "EB"});
}

std::string memory_text(uint64_t bytes) { return scaled(bytes, 1024, {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}); }

std::string duration_text(double seconds) {
  if (seconds < 0.9995) return three_digits(seconds * 1000, "ms");
  if (seconds < 59.95) return three_digits(seconds, "s");
  const auto whole = static_cast<uint64_t>(std::llround(std::min(seconds, 1e15)));
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

std::string rate_text(double bytes, double seconds) {
  if (seconds <= 0) return "-";
  return three_digits(bytes / seconds / 1e9, "GB/s");
}

}  // namespace ckmerge::cli
