// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/work_options.h"

#include "cli/system/text.h"
#include "io/hash/hash_cache.h"
#include "io/text/error.h"
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

void expect_hash_cache(const std::string& path, const std::optional<std::string>& output) {
  if (path == output) refuse("--hash-cache", "--hash-cache: " + path + " is the output; give another file");
  if (!can_be_hash_cache(path))
    refuse("--hash-cache", "--hash-cache: " + path + " is there and is no cache of hashes; give another file, or none");
}

}  // namespace

void complete_run_options(Settings& settings, const Environment& environment, Faults& faults) {
  settings.run.hash_cache = settings.hash_cache.value_or(environment.hash_cache);
  if (settings.hash_cache && !settings.hash_cache->empty())
    faults.check([&] { expect_hash_cache(*settings.hash_cache, settings.output); });
  faults.check([&] { settings.run.kernels = kernels_called(environment.isa); });
}

}  // namespace ckmerge::cli
