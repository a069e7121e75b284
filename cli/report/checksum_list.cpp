// SPDX-License-Identifier: Apache-2.0
#include "cli/report/checksum_list.h"

#include <algorithm>
#include <optional>

#include "cli/system/text.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

constexpr size_t kDigits = 64;

// The digits in lower case; empty when `text` is no SHA-256.
std::string sha256_in(std::string_view text) {
  if (text.size() != kDigits || text.find_first_not_of("0123456789abcdefABCDEF") != text.npos) return "";
  std::string digits(text);
  for (char& c : digits)
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  return digits;
}

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    const char next = ++i < text.size() ? text[i] : '\0';
    if (next != 'n' && next != 'r' && next != '\\') return std::nullopt;
    out += next == 'n' ? '\n' : next == 'r' ? '\r' : '\\';
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  return text;
}

// `SHA256 (NAME) = HEX`, with the spaces or, as openssl writes it, without the first. A name may hold `) = `.
std::optional<ListedSum> tagged(std::string_view line) {
  if (!line.starts_with("SHA256")) return std::nullopt;
  line = trimmed(line.substr(6));
  const size_t end = line.rfind(')');
  if (!line.starts_with('(') || end == line.npos) return std::nullopt;
  std::string_view rest = trimmed(line.substr(end + 1));
  if (!rest.starts_with('=')) return std::nullopt;
  return ListedSum{sha256_in(trimmed(rest.substr(1))), std::string(line.substr(1, end - 1))};
}

std::optional<ListedSum> plain(std::string_view line) {
  if (line.size() < kDigits + 2 || line[kDigits] != ' ') return std::nullopt;
  std::string_view name = line.substr(kDigits + 1);
  // `HEX NAME` with one space is how old BSDs wrote it; where there are two, or a star, they are no part of the name.
  if (name.size() > 1 && (name[0] == ' ' || name[0] == '*')) name.remove_prefix(1);
  return ListedSum{sha256_in(line.substr(0, kDigits)), std::string(name)};
}

std::optional<ListedSum> parse_line(std::string_view line) {
  const bool escaped = line.starts_with('\\');
  if (escaped) line.remove_prefix(1);
  std::optional<ListedSum> sum = tagged(line);
  if (!sum) sum = plain(line);
  if (!sum || sum->sha256.empty() || sum->path.empty()) return std::nullopt;
  if (!escaped) return sum;
  const std::optional<std::string> path = unescaped(sum->path);
  if (!path) return std::nullopt;
  sum->path = *path;
  return sum;
}

}  // namespace

std::vector<ListedSum> parse_checksum_list(std::string_view text, const std::string& where) {
  std::vector<ListedSum> sums;
  std::vector<std::string> bad;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (const std::optional<ListedSum> sum = parse_line(line))
      sums.push_back(*sum);
    else
      bad.push_back("line " + std::to_string(number) + ": " + shortened(line, kNameWidth));
  }
  constexpr const char* kForms = "; lines are `SHA256  NAME` or `SHA256 (NAME) = SHA256`, as sha256sum writes them";
  if (!bad.empty())
    throw Error(ErrorCode::malformed, where,
                where + ": " + counted(bad.size(), "line") + " of the list cannot be understood" + kForms, bad);
  if (sums.empty()) throw Error(ErrorCode::malformed, where, where + ": no sum is in the list" + kForms);
  return sums;
}

}  // namespace ckmerge::cli
