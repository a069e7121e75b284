// SPDX-License-Identifier: Apache-2.0
#include <new>
#include <string>
#include <vector>

#include "cli/commands/commands.h"
#include "cli/commands/operations.h"
#include "cli/commands/recipe_file.h"
#include "cli/commands/registry_access.h"
#include "cli/commands/run_recipe.h"
#include "cli/report/failure.h"
#include "cli/shell/help.h"
#include "cli/system/signals.h"
#include "cli/system/system.h"
#include "io/file/process_limits.h"

namespace ckmerge::cli {
namespace {

void act(const CommandLine& line, const Environment& environment) {
  const Request typed = read_request(line);
  if (typed.settings.help) return write_stdout(help_text(typed.command));
  const Request request = with_registered_paths(typed, environment);
  switch (request.command) {
    case Command::merge:
    case Command::plan: return merge_command(merge_request(request, environment));
    case Command::run: return merge_command(run_request(request, environment));
    case Command::convert:
    case Command::bake:
    case Command::compose:
    case Command::average: return merge_command(operation_request(request, environment));
    case Command::inspect: return inspect_command(request);
    case Command::hash: return hash_command(request, environment);
    case Command::scan: return scan_command(request, environment);
    case Command::listing: return list_command(request, environment);
    case Command::show: return show_command(request, environment);
    case Command::methods: return methods_command(request);
    case Command::doctor: return doctor_command(request, environment);
    case Command::completions: return completions_command(request);
    case Command::man: return man_command(request);
  }
}

// The plan of a recipe file is what `run --dry-run` says of it.
CommandLine command_line(const std::vector<std::string>& words) {
  const std::vector<std::string> rest{words.begin() + 1, words.end()};
  CommandLine line = parse_command_line(parse_command(words[0]), rest);
  if (line.command != Command::plan || line.operands.empty() || !is_recipe_file(line.operands[0])) return line;
  line = parse_command_line(Command::run, rest);
  line.options["dry-run"] = {"true"};
  return line;
}

int run(const std::vector<std::string>& words, const Environment& environment) {
  if (words.empty()) {
    write_stderr(help_text());
    return static_cast<int>(ErrorCode::usage);
  }
  if (words[0] == "--help" || words[0] == "-h")
    write_stdout(help_text());
  else if (words[0] == "--version")
    write_stdout("ckmerge " CKMERGE_VERSION "\n");
  else
    act(command_line(words), environment);
  return 0;
}

// What is needed is known no longer where it could not be had.
std::string advice_on_memory() {
  const uint64_t limit = process_limits().address_space;
  if (limit == ProcessLimits::kNone) return "";
  return ", " + std::to_string(limit >> 10) + " KiB of addresses; twice as much may do (ulimit -v)";
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
  } catch (const std::bad_alloc&) {
    make_room_for_last_words();
    return tell({"resources",
                 5,
                 "",
                 "memory ran out; headers, plan and --memory need more than this process may have" + advice_on_memory(),
                 {}},
                style, environment);
  } catch (const std::exception& e) {
    return tell({"internal", 1, "", std::string("internal error: ") + e.what(), {}}, style, environment);
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
