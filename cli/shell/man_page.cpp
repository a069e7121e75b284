// SPDX-License-Identifier: Apache-2.0
#include "cli/shell/man_page.h"

#include <algorithm>

#include "cli/options/option_table.h"
#include "cli/report/exit_statuses.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

// Text that roff shows as it is. Hyphens are minus signs, so that options can be copied and searched for.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    switch (c) {
      case '\\': out += "\\e"; break;
      case '-': out += "\\-"; break;
      case '\'': out += "\\(aq"; break;
      case '`': out += "\\(ga"; break;
      case '^': out += "\\(ha"; break;
      case '~': out += "\\(ti"; break;
      default: out += c;
    }
  }
  return out;
}

// Broken at spaces, but never before a point, which would be a request.
std::string filled(std::string_view text) {
  constexpr size_t kLongest = 79;
  std::string out;
  while (text.size() > kLongest) {
    size_t cut = text.rfind(' ', kLongest);
    while (cut != text.npos && cut > 0 && text[cut + 1] == '.') cut = text.rfind(' ', cut - 1);
    if (cut == text.npos || cut == 0) break;
    out.append(text.substr(0, cut)).append("\n");
    text.remove_prefix(cut + 1);
  }
  return out + std::string(text);
}

std::string prose(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return filled(roff(text));
}

std::string heading(const std::string& text) { return ".SH " + text + "\n"; }

std::string item(const std::string& term, const std::string& text) { return ".TP\n" + term + "\n" + text + "\n"; }

// Lines that keep their breaks, without their indentation.
std::string literal(std::string_view lines) {
  std::string out = ".nf\n";
  while (!lines.empty()) {
    const size_t end = std::min(lines.find('\n'), lines.size());
    std::string_view line = lines.substr(0, end);
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    out += roff(line) + "\n";
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return out + ".fi\n";
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }

std::string synopsis() {
  std::string out = heading("SYNOPSIS");
  for (const CommandSpec& command : commands())
    out += (out.ends_with("SYNOPSIS\n") ? "" : ".br\n") + bold(std::string("ckmerge ") + command.name) +
           (*command.usage ? " " : "") + roff(command.usage) + "\n";
  return out + ".br\n" + bold("ckmerge") + " " + roff("--help | --version") + "\n";
}

std::string option_item(const OptionSpec& option) {
  std::vector<std::string> terms;
  for (const std::string& spelling : option.spellings())
    terms.push_back(bold(spelling) + (option.takes_value() ? " \\fI" + roff(option.value_name) + "\\fR" : ""));
  const char* const end = option.kind() == OptionKind::list ? ". May be repeated." : ".";
  return item(joined(terms, ", "), prose(option.meaning + end));
}

bool same_options(const CommandSpec& a, const CommandSpec& b) {
  const auto left = options_of(a.command), right = options_of(b.command);
  return std::ranges::equal(left, right, {}, &OptionSpec::name, &OptionSpec::name);
}

// A section of options for each group of commands that take the same ones.
std::string option_sections() {
  std::string out;
  const std::vector<CommandSpec>& all = commands();
  for (size_t i = 0; i < all.size(); ++i) {
    const auto same = [&](const CommandSpec& other) { return same_options(all[i], other); };
    if (std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i), same)) continue;
    std::vector<std::string> names;
    for (const CommandSpec& command : all)
      if (same(command)) names.emplace_back(command.name);
    out += heading("OPTIONS OF " + roff(joined(names, ", ")));
    for (const OptionSpec& option : options_of(all[i].command)) out += option_item(option);
  }
  return out;
}

std::string method_section() {
  std::string out = heading("METHODS");
  for (const Method& method : ckmerge::methods())
    out += item(bold(method.spec->name), prose(std::string(method.spec->formula) + ": " + method.spec->summary + "."));
  return out;
}

std::string command_section() {
  std::string out = heading("COMMANDS");
  for (const CommandSpec& command : commands()) out += item(bold(command.name), prose(command.about));
  return out;
}

std::string status_section() {
  std::string out = heading("EXIT STATUS");
  for (const ExitStatus& status : kExitStatuses) out += item(status.codes, prose(std::string(status.meaning) + "."));
  return out;
}

std::string environment_section() {
  return heading("ENVIRONMENT") +
         item(bold("CKMERGE_ISA"), "forces one set of kernels, for tests and measurements; the result is the same.") +
         item(bold("CKMERGE_NOTIFY_AUTH"), "USER:PASSWORD for --notify, or @FILE, whose first line that is.") +
         item(bold("NO_COLOR"), "switches colour off.") + item(bold("TERM"), roff("dumb: neither colour nor a bar.")) +
         item(bold("XDG_CACHE_HOME"), "where the cache of known hashes is kept; without it, in \\fI\\(ti/.cache\\fR.") +
         item(bold("XDG_DATA_HOME"), "where the registry is kept; without it, in \\fI\\(ti/.local/share\\fR.");
}

std::string example_section() {
  std::string out = heading("EXAMPLES");
  for (const CommandSpec& command : commands()) out += literal(command.examples);
  return out;
}

std::string man_page() {
  std::string out =
      ".\\\" Made by `ckmerge man`.\n.TH CKMERGE 1 \"\" \"ckmerge " CKMERGE_VERSION "\" \"User Commands\"\n";
  out += heading("NAME") + "ckmerge \\- merge neural\\-network checkpoints of any size in constant memory\n";
  out += synopsis();
  out += heading("DESCRIPTION") +
         "Results go to standard output, everything else to standard error.\n"
         "After \\fB\\-\\-\\fR everything is a file.\n";
  return out + command_section() + option_sections() + method_section() + environment_section() + status_section() +
         example_section();
}

}  // namespace

void man_command(const Request& request, Caller& caller) {
  if (!request.operands.empty()) throw Error(ErrorCode::usage, request.operands[0], "`ckmerge man` takes no file");
  request.refused.raise();
  caller.tell(man_page());
}

}  // namespace ckmerge::cli
