// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/work_options.h"

#include "cli/options/device_words.h"
#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "io/hash/hash_cache.h"
#include "kernels/block_kernels.h"

namespace ckmerge::cli {
namespace {

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

const BlockKernels* kernels_called(const std::string& isa) {
  if (isa.empty()) return nullptr;
  if (const BlockKernels* found = find_kernels(isa.c_str())) return found;
  std::vector<std::string> names;
  for (const BlockKernels* kernels : available_kernels()) names.emplace_back(kernels->isa);
  refuse("CKMERGE_ISA", "CKMERGE_ISA: '" + isa + "' is not available here; this program and CPU have " +
                            joined(names, ", ") + did_you_mean(isa, names));
}

std::string hash_cache_called(const std::string& word, const std::string* output) {
  if (word == "none") return "";
  if (word.empty()) refuse("--hash-cache", "--hash-cache has an empty value");
  if (output && *output == word) refuse("--hash-cache", "--hash-cache: " + word + " is the output; give another file");
  if (!can_be_hash_cache(word))
    refuse("--hash-cache", "--hash-cache: " + word + " is there and is no cache of hashes; give another file, or none");
  return word;
}

void read_run_options(const CommandLine& line, const Environment& environment, RunOptions& run, Faults& faults) {
  run.replace = line.has("force");
  run.sync = !line.has("no-fsync");
  run.verify = line.has("verify");
  run.hash = line.has("hash");
  run.hash_cache = environment.hash_cache;
  if (const std::string* word = line.value("hash-cache"))
    faults.check([&] { run.hash_cache = hash_cache_called(*word, line.value("output")); });
  if (const std::string* word = line.value("memory"))
    faults.check([&] { run.memory_budget = parse_size("--memory", *word); });
  if (const std::string* word = line.value("threads"))
    faults.check([&] { run.threads = static_cast<unsigned>(parse_count("--threads", *word, 1, 1024)); });
  read_device_options(line, run.device, faults);
  faults.check([&] { run.kernels = kernels_called(environment.isa); });
}

}  // namespace

void read_work_options(const CommandLine& line, const Environment& environment, RunOptions& run, ProgressKind& progress,
                       Faults& faults) {
  read_run_options(line, environment, run, faults);
  const std::string* const word = line.value("progress");
  faults.check([&] { progress = parse_progress(word ? *word : "auto", environment); });
  if (line.has("quiet")) progress = ProgressKind::none;
}

}  // namespace ckmerge::cli
