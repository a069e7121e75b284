// SPDX-License-Identifier: Apache-2.0
// --notify: asks a running A1111 to look for new checkpoints. Plain HTTP over a socket; a library for one request to a
// neighbour, most often on the same machine, would be the largest dependency of all.
#pragma once

#include <string>

namespace ckmerge::cli {

struct NotifyAddress {
  std::string host, port;     ///< without the brackets of an IPv6 address
  std::string authority;      ///< for the Host field
  std::string path;           ///< before /sdapi/...: without a slash at its end
  std::string authorization;  ///< "user:password", decoded; empty = none
};

/// Of http://[USER:PASSWORD@]HOST[:PORT][/PATH]. Throws Error(usage) for anything else, https among it.
NotifyAddress parse_notify_url(const std::string& url);

/// USER:PASSWORD of the environment's `value`: itself, or with @FILE in front the first line of that file. Throws
/// Error(usage | io), in which neither is told.
std::string notify_authorization(const std::string& value);

/// POSTs /sdapi/v1/refresh-checkpoints and waits for the answer, five seconds at most in all. Empty, or a clause that
/// says what failed.
std::string ask_to_refresh(const NotifyAddress& address);

}  // namespace ckmerge::cli
