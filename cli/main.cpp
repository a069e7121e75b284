// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "cli/commands/commands.h"
#include "cli/report/failure.h"
#include "cli/report/terminal.h"
#include "cli/shell/completions.h"
#include "cli/shell/help.h"
#include "cli/shell/man_page.h"
#include "cli/system/signals.h"
#include "cli/system/system.h"

namespace ckmerge::cli {
namespace {

void act(const CommandLine& line, Caller& caller) {
  const Request request = read_request(line);
  if (request.settings.help) return caller.tell(help_text(request.command));
  if (request.command == Command::completions) return completions_command(request, caller);
  if (request.command == Command::man) return man_command(request, caller);
  perform(request, caller);
}

CommandLine command_line(const std::vector<std::string>& words) {
  const std::vector<std::string> rest{words.begin() + 1, words.end()};
  CommandLine line = parse_command_line(parse_command(words[0]), rest);
  if (!plans_recipe_file(line.command, line.operands)) return line;
  line = parse_command_line(Command::run, rest);
  line.options["dry-run"] = {"true"};
  return line;
}

int run(const std::vector<std::string>& words, const Environment& environment) {
  if (words.empty()) {
    write_stderr(help_text());
    return static_cast<int>(ErrorCode::usage);
  }
  Terminal terminal(environment);
  if (words[0] == "--help" || words[0] == "-h")
    terminal.tell(help_text());
  else if (words[0] == "--version")
    terminal.tell("ckmerge " CKMERGE_VERSION "\n");
  else
    act(command_line(words), terminal);
  return 0;
}

// Without an exception, whose unwinding a stack of 16 KiB has no room for; and the frames of a run are not beneath it.
[[gnu::noinline]] int refuse_limits(const std::vector<std::string>& words, const std::string& fault) {
  return tell({"resources", 5, "stack", fault, {}}, error_style(words), read_environment());
}

[[gnu::noinline]] int guarded_run(const std::vector<std::string>& words) {
  const Environment environment = read_environment();
  const ErrorStyle style = error_style(words);
  try {
    return run(words, environment);
  } catch (const BrokenPipe&) {
    return 0;
  } catch (const Error& e) {
    return tell(failure_of(e), style, environment);
  } catch (const std::bad_alloc& e) {
    make_room_for_last_words();
    return tell(failure_of(e), style, environment);
  } catch (const std::exception& e) {
    return tell(failure_of(e), style, environment);
  }
}

}  // namespace
}  // namespace ckmerge::cli

int main(int argc, char** argv) {
  ckmerge::cli::leave_write_failures_to_errno();
  ckmerge::cli::allow_many_files();
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  const std::string fault = ckmerge::cli::keep_within_limits();
  return fault.empty() ? ckmerge::cli::guarded_run(words) : ckmerge::cli::refuse_limits(words, fault);
}
