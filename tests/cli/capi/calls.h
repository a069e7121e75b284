// SPDX-License-Identifier: Apache-2.0
// Calls of the C interface as tests make them: through the library, by its header alone.
#pragma once

#include <ckmerge.h>

#include <string>
#include <vector>

#include "io/text/json_value.h"

namespace ckmerge::test {

/// A session that ends with its scope.
class Session {
 public:
  explicit Session(const char* settings = nullptr) : session_(ckmerge_open(settings)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { ckmerge_close(session_); }
  operator ckmerge_session*() const { return session_; }

 private:
  ckmerge_session* session_;
};

struct Answer {
  int code = 0;
  std::string text;
  JsonValue document = {};

  /// The member at `path`, names with dots between; null where there is none.
  const JsonValue* at(const std::string& path) const;
  /// Its text; of a failure "error.message" is the sentence.
  std::string text_at(const std::string& path) const;
};

Answer call(ckmerge_session* session, const std::string& request, const ckmerge_call_options* options = nullptr);

/// `text` in quotes.
std::string quoted(const std::string& text);

/// What was told during a call.
struct Told {
  std::vector<std::string> events, sentences;
  int answer_to_events = 0;        ///< what the function for events returns
  ckmerge_call_options options();  ///< of calls that tell it
};

}  // namespace ckmerge::test
