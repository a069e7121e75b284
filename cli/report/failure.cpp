// SPDX-License-Identifier: Apache-2.0
#include "cli/report/failure.h"

#include <new>

#include "cli/options/faults.h"
#include "cli/report/report.h"
#include "cli/system/signals.h"
#include "io/file/process_limits.h"

namespace ckmerge::cli {
namespace {

// The last line of --progress json.
std::string failure_event(const Failure& failure) {
  std::string line = "{\"event\":\"error\",\"code\":\"" + failure.code + "\",\"exit\":" + std::to_string(failure.exit);
  line += ",\"where\":";
  append_json_string(line, failure.where, true);
  line += ",\"message\":";
  append_json_string(line, failure.message, true);
  return line + "}\n";
}

std::string failure_text(const Failure& failure, const Environment& environment) {
  if (failure.code == name(ErrorCode::interrupted)) return failure.message + "\n";
  const bool red = environment.stderr_tty && !environment.no_color && !environment.dumb;
  std::string out = red ? "\x1b[1;31merror:\x1b[0m " : "error: ";
  out += shortened(failure.message, 2 * kSentenceWidth) + "\n";
  return out + listed(failure.details.size(), [&](size_t i) {
           const bool nested = i < failure.nested.size() && failure.nested[i];
           return (nested ? "  " : "") + shortened(failure.details[i], kSentenceWidth);
         });
}

// What is needed is known no longer where it could not be had.
std::string advice_on_memory() {
  const uint64_t limit = process_limits().address_space;
  if (limit == ProcessLimits::kNone) return "";
  return ", " + std::to_string(limit >> 10) + " KiB of addresses; twice as much may do (ulimit -v)";
}

}  // namespace

Failure failure_of(const Error& error) {
  Failure failure{.code = name(error.code()),
                  .exit = static_cast<int>(error.code()),
                  .where = error.where(),
                  .message = error.what(),
                  .details = error.details()};
  if (const auto* gathered = dynamic_cast<const GatheredFaults*>(&error)) failure.nested = gathered->nested();
  return failure;
}

Failure failure_of(const std::exception& exception) {
  if (dynamic_cast<const std::bad_alloc*>(&exception))
    return {"resources",
            5,
            "",
            "memory ran out; headers, plan and --memory need more than this process may have" + advice_on_memory(),
            {}};
  return {"internal", 1, "", std::string("internal error: ") + exception.what(), {}};
}

JsonWriter failure_json(const Failure& failure) {
  JsonWriter json;
  json.begin_object().key("error").begin_object();
  json.key("code").value(failure.code);
  json.key("exit").value(failure.exit);
  json.key("where").value(failure.where);
  json.key("message").value(failure.message);
  json.key("details").begin_array();
  for (const std::string& detail : failure.details) json.value(detail);
  json.end_array().end_object().end_object();
  return json;
}

int tell(Failure failure, const ErrorStyle& style, const Environment& environment) noexcept {
  try {
    if (failure.code == name(ErrorCode::interrupted)) failure.exit = stop_status();
    if (style.json_line)
      write_stderr(failure_event(failure));
    else if (!style.json_document)
      write_stderr(failure_text(failure, environment));
    if (style.json_document) write_document(failure_json(failure));
  } catch (const BrokenPipe&) {
    // Nobody reads the document.
  } catch (...) {
    // The document fits neither onto stdout nor, perhaps, into memory.
    write_stderr("error: the failure could not be written to standard output");
    write_stderr(failure.message.size() < kSentenceWidth ? ": " + visible(failure.message) + "\n" : std::string("\n"));
  }
  return failure.exit;
}

}  // namespace ckmerge::cli
