// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>

#include "cli/system/notify.h"

namespace ckmerge::cli {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(5);

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

class Socket {
 public:
  explicit Socket(const addrinfo& address)
      : descriptor_(
            socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol)) {}
  Socket(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  operator int() const { return descriptor_; }

 private:
  int descriptor_;
};

std::string base64(std::string_view text) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (size_t i = 0; i < text.size(); i += 3) {
    const size_t left = text.size() - i;
    unsigned bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < left ? static_cast<unsigned char>(text[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) out += k <= left ? kDigits[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::string request_text(const NotifyAddress& address) {
  std::string out = "POST " + address.path + "/sdapi/v1/refresh-checkpoints HTTP/1.1\r\nHost: " + address.authority;
  out += "\r\nUser-Agent: ckmerge\r\nAccept: */*\r\nConnection: close\r\n";
  if (!address.authorization.empty()) out += "Authorization: Basic " + base64(address.authorization) + "\r\n";
  return out + "Content-Type: application/json\r\nContent-Length: 0\r\n\r\n";
}

// Whether `events` came before `deadline`.
bool wait_for(int descriptor, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waited{.fd = descriptor, .events = events, .revents = 0};
    const int ready = poll(&waited, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::string why(int error) { return strerror(error); }

std::string connect_to(int descriptor, const addrinfo& address, Clock::time_point deadline) {
  if (descriptor < 0) return why(errno);
  if (connect(descriptor, address.ai_addr, address.ai_addrlen) == 0) return "";
  if (errno != EINPROGRESS) return why(errno);
  if (!wait_for(descriptor, POLLOUT, deadline)) return "no connection within five seconds";
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size);
  return error ? why(error) : "";
}

std::string send_all(int descriptor, std::string_view text, Clock::time_point deadline) {
  while (!text.empty()) {
    const ssize_t sent = send(descriptor, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) text.remove_prefix(static_cast<size_t>(sent));
    if (sent > 0 || errno == EINTR) continue;
    if (errno != EAGAIN) return why(errno);
    if (!wait_for(descriptor, POLLOUT, deadline)) return "it did not listen within five seconds";
  }
  return "";
}

// The first line of the answer says it all.
std::string read_status(int descriptor, Clock::time_point deadline) {
  constexpr size_t kLongest = 4096;
  std::string answer;
  while (answer.find('\n') == answer.npos && answer.size() < kLongest) {
    if (!wait_for(descriptor, POLLIN, deadline)) return "no answer within five seconds";
    char bytes[512];
    const ssize_t got = recv(descriptor, bytes, sizeof bytes, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return why(errno);
    if (got == 0) break;
    answer.append(bytes, static_cast<size_t>(got));
  }
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12) return "what answers there does not speak HTTP";
  const std::string status = answer.substr(9, 3);
  if (status[0] == '2') return "";
  return "it answered " + status + (status == "404" ? " (was it started with --api?)" : "");
}

}  // namespace

std::string ask_to_refresh(const NotifyAddress& address) {
  const auto deadline = Clock::now() + kPatience;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), address.port.c_str(), &hints, &found))
    return gai_strerror(error);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  std::string trouble = "it has no address";
  for (const addrinfo* each = list.get(); each; each = each->ai_next) {
    const Socket connection(*each);
    trouble = connect_to(connection, *each, deadline);
    if (!trouble.empty()) continue;
    trouble = send_all(connection, request_text(address), deadline);
    return trouble.empty() ? read_status(connection, deadline) : trouble;
  }
  return trouble;
}

}  // namespace ckmerge::cli
