// SPDX-License-Identifier: Apache-2.0
#include "cli/system/notify.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "cli/system/text.h"
#include "io/file/input_file.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

// Without what may be a user's name and password: all before the last @, and a port that is none.
std::string without_password(const std::string& url) {
  const size_t scheme = url.find("://"), begin = scheme == url.npos ? 0 : scheme + 3;
  if (const size_t at = url.rfind('@'); at != url.npos && at >= begin)
    return url.substr(0, begin) + "..." + url.substr(at);
  const size_t colon = url.find(':', begin);
  const size_t end = colon == url.npos ? url.npos : url.find_first_not_of("0123456789", colon + 1);
  return end == url.npos || url[end] == '/' || url[begin] == '[' ? url : url.substr(0, colon + 1) + "...";
}

[[noreturn]] void refuse(const std::string& url, const std::string& why) {
  throw Error(ErrorCode::usage, "--notify", "--notify: '" + without_password(url) + "' " + why);
}

// What may stand in a request's line and fields: nothing that ends a line.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

bool is_port(std::string_view text) {
  const bool digits = !text.empty() && text.size() <= 5 && text.find_first_not_of("0123456789") == text.npos;
  return digits && std::stoi(std::string(text)) >= 1 && std::stoi(std::string(text)) <= 65535;
}

}  // namespace

NotifyAddress parse_notify_url(const std::string& url) {
  if (url.starts_with("https:"))
    refuse(url, "asks for https, which ckmerge does not speak; give the http:// address that A1111 listens on");
  constexpr std::string_view kScheme = "http://";
  constexpr const char* kForm = "is not of the form http://HOST:PORT, such as http://127.0.0.1:7860";
  if (!url.starts_with(kScheme) || !is_plain(url)) refuse(url, kForm);
  std::string_view rest = std::string_view(url).substr(kScheme.size());
  if (rest.find_first_of("?#") != rest.npos) refuse(url, kForm);
  NotifyAddress address;
  const size_t slash = std::min(rest.find('/'), rest.size());
  address.path = rest.substr(slash);
  while (address.path.ends_with('/')) address.path.pop_back();
  rest = rest.substr(0, slash);
  if (const size_t at = rest.rfind('@'); at != rest.npos) {
    address.authorization = rest.substr(0, at);
    rest.remove_prefix(at + 1);
  }
  address.authority = rest;
  const size_t bracket = rest.starts_with('[') ? rest.find(']') : rest.npos;
  if (rest.starts_with('[') && bracket == rest.npos) refuse(url, kForm);
  if (bracket != rest.npos && bracket + 1 < rest.size() && rest[bracket + 1] != ':') refuse(url, kForm);
  const size_t colon = bracket == rest.npos ? rest.rfind(':') : rest.find(':', bracket);
  address.host = bracket == rest.npos ? rest.substr(0, colon) : rest.substr(1, bracket - 1);
  address.port = colon == rest.npos ? "80" : rest.substr(colon + 1);
  if (address.host.empty() || !is_port(address.port)) refuse(url, kForm);
  return address;
}

std::string notify_authorization(const std::string& value) {
  if (!value.starts_with('@')) {
    if (!value.empty() && value.find(':') == value.npos)
      throw Error(ErrorCode::usage, "CKMERGE_NOTIFY_AUTH",
                  "CKMERGE_NOTIFY_AUTH: is not of the form USER:PASSWORD or @FILE");
    return value;
  }
  const InputFile file(value.substr(1));
  constexpr uint64_t kLongest = 4096;  // bytes
  std::string text(std::min(file.size(), kLongest), '\0');
  file.read_at(0, std::as_writable_bytes(std::span(text)));
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.find(':') == text.npos)
    throw Error(ErrorCode::usage, file.path(), file.path() + ": its first line is not USER:PASSWORD");
  return text;
}

}  // namespace ckmerge::cli
