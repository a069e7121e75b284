// SPDX-License-Identifier: Apache-2.0
#include "cli/shell/help.h"

#include <algorithm>
#include <iterator>

#include "cli/options/option_table.h"
#include "cli/report/exit_statuses.h"

namespace ckmerge::cli {
namespace {

constexpr size_t kColumns = 100;  // of help lines, about
constexpr size_t kMargin = 24;    // where meanings begin

// Breaks `text` at spaces, continuation lines indented to the meanings' column.
std::string wrapped(std::string_view text) {
  std::string out;
  while (text.size() > kColumns - kMargin) {
    size_t cut = text.rfind(' ', kColumns - kMargin);
    if (cut == text.npos) break;
    out += std::string(text.substr(0, cut)) + "\n" + std::string(kMargin, ' ');
    text.remove_prefix(cut + 1);
  }
  return out + std::string(text) + "\n";
}

std::string option_line(const OptionSpec& option) {
  std::string line = option.letter ? std::string("  -") + option.letter + ", " : "      ";
  line += option.kind() == OptionKind::toggle ? "--[no-]" : "--";
  line += option.name;
  if (!option.value_name.empty()) line += " " + option.value_name;
  if (line.size() + 2 > kMargin) line += "\n" + std::string(kMargin, ' ');
  if (line.size() < kMargin) line.resize(kMargin, ' ');
  return line + wrapped(option.meaning);
}

std::string option_lines(const std::vector<OptionSpec>& options, bool of_method) {
  std::string out;
  for (const OptionSpec& option : options)
    if (option.of_method == of_method) out += option_line(option);
  return out;
}

std::string exit_codes() {
  std::string out = "Exit codes:";
  size_t column = out.size();
  for (const ExitStatus& status : kExitStatuses) {
    const bool last = &status == std::end(kExitStatuses) - 1;
    const std::string entry = std::string(status.codes) + " " + status.meaning + (last ? "." : ",");
    const bool breaks = column + 1 + entry.size() > kColumns;
    out += (breaks ? "\n" : " ") + entry;
    column = (breaks ? 0 : column + 1) + entry.size();
  }
  return out + "\n";
}

}  // namespace

std::string help_text() {
  std::string out = "ckmerge merges neural-network checkpoints (safetensors) of any size in constant memory.\n\n";
  for (const CommandSpec& spec : commands()) {
    std::string line = std::string("  ckmerge ") + spec.name + " " + spec.usage;
    line.resize(std::max<size_t>(line.size() + 2, 50), ' ');
    out += line + spec.summary + "\n";
  }
  out += "\nExamples:\n";
  for (const CommandSpec& spec : commands()) {
    const std::string_view examples = spec.examples;
    out += std::string(examples.substr(0, examples.find('\n') + 1));
  }
  out += "\n`ckmerge COMMAND --help` lists a command's options; `ckmerge --version` prints the version.\n";
  return out + exit_codes();
}

std::string help_text(Command command) {
  const CommandSpec& spec = spec_of(command);
  const std::vector<OptionSpec> options = options_of(command);
  std::string out = std::string("ckmerge ") + spec.name + " " + spec.usage + "\n\n" + spec.about + "\n\nOptions:\n";
  out += option_lines(options, false);
  const std::string of_methods = option_lines(options, true);
  if (!of_methods.empty()) out += "\nOptions of the methods:\n" + of_methods;
  return out + "\nExamples:\n" + spec.examples;
}

}  // namespace ckmerge::cli
