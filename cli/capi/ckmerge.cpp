// SPDX-License-Identifier: Apache-2.0
// The functions of ckmerge.h. Nothing is thrown out of them: whoever calls may be written in any language.
#include "cli/capi/ckmerge.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "cli/capi/call.h"
#include "cli/capi/call_tensors.h"
#include "cli/capi/describe.h"
#include "cli/capi/request_json.h"
#include "cli/capi/session_settings.h"
#include "cli/commands/commands.h"
#include "cli/report/failure.h"
#include "cli/system/signals.h"
#include "io/file/input_windows.h"

struct ckmerge_session {
  ckmerge::cli::Environment environment;
};

namespace ckmerge::cli {
namespace {

thread_local std::string last_error;  // of a thread, as errno is

void keep_error(const char* sentence) noexcept try { last_error = sentence; } catch (const std::bad_alloc&) {
  last_error.clear();
}

// With malloc(), so that it is free()'s to take back. Null where there is no memory.
char* copied(std::string_view text) noexcept {
  auto* const copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) return nullptr;
  std::copy(text.begin(), text.end(), copy);
  copy[text.size()] = '\0';
  return copy;
}

// The members of `given` that it has; others are not there. Throws Error(usage) for members that are not known here.
ckmerge_call_options call_options(const ckmerge_call_options* given) {
  ckmerge_call_options options{};
  if (!given) return options;
  std::memcpy(&options, given, std::min(given->size, sizeof options));
  const auto* const bytes = reinterpret_cast<const char*>(given);
  for (size_t i = sizeof options; i < given->size; ++i)
    if (bytes[i] != 0)
      throw Error(ErrorCode::usage, "ckmerge_call_options",
                  "a member of ckmerge_call_options is set that this library, ckmerge " CKMERGE_VERSION
                  ", does not have; a later one does");
  return options;
}

struct Outcome {
  int code = 0;
  std::string answer = {};
};

Outcome outcome_of(const Failure& failure) {
  keep_error(failure.message.c_str());
  return {failure.exit, failure_json(failure).text()};
}

Outcome answered(const ckmerge_session* session, const char* request, const ckmerge_call_options* given) {
  try {
    if (!session || !request)
      throw Error(ErrorCode::usage, "ckmerge_call", "ckmerge_call() takes a session and a request, not NULL");
    const ckmerge_call_options options = call_options(given);
    check_tables(options);
    const HeldWriteSignals held;
    Call call(session->environment, options);
    perform(read_request_json(request), call);
    return {0, call.answer()};
  } catch (const Error& error) {
    return outcome_of(failure_of(error));
  } catch (const std::exception& error) {
    return outcome_of(failure_of(error));
  }
}

}  // namespace
}  // namespace ckmerge::cli

ckmerge_session* ckmerge_open(const char* settings) {
  using namespace ckmerge::cli;
  try {
    const SessionSettings said = settings ? read_session_settings(settings) : SessionSettings();
    if (said.sigbus_guard) ckmerge::install_sigbus_guard();
    return std::make_unique<ckmerge_session>(ckmerge_session{said.environment}).release();
  } catch (const std::exception& error) {
    keep_error(error.what());
    return nullptr;
  }
}

void ckmerge_close(ckmerge_session* session) { const std::unique_ptr<ckmerge_session> ended(session); }

const char* ckmerge_version(void) { return CKMERGE_VERSION; }

int ckmerge_interface(void) { return CKMERGE_INTERFACE; }

const char* ckmerge_last_error(void) {
  using namespace ckmerge::cli;
  return last_error.c_str();
}

char* ckmerge_describe(const ckmerge_session*) {
  using namespace ckmerge::cli;
  try {
    if (char* const text = copied(describe().text())) return text;
    keep_error("memory ran out");
  } catch (const std::exception& error) {
    keep_error(error.what());
  }
  return nullptr;
}

int ckmerge_call(ckmerge_session* session, const char* request, const ckmerge_call_options* options, char** answer) {
  using namespace ckmerge::cli;
  if (answer) *answer = nullptr;
  try {
    const Outcome outcome = answered(session, request, options);
    if (!answer) return outcome.code;
    *answer = copied(outcome.answer);
    if (*answer) return outcome.code;
  } catch (const std::exception&) {
    // Not even a failure could be told.
  }
  keep_error("memory ran out");
  return static_cast<int>(ckmerge::ErrorCode::resources);
}

void ckmerge_free(char* text) { std::free(text); }
