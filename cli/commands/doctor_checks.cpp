// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/Version.hpp>

#include "cli/commands/commands.h"
#include "cli/commands/doctor.h"
#include "cli/system/text.h"
#include "io/file/folder_walk.h"
#include "io/registry/registry.h"
#include "kernels/block_kernels.h"

namespace ckmerge::cli {
namespace {

std::string compiler() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#elif defined(__GNUC__)
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#else
  return "unknown compiler";
#endif
}

void look_at_kernels(DoctorFacts& facts) {
  for (const BlockKernels* kernels : available_kernels()) facts.kernels.emplace_back(kernels->isa);
  if (facts.forced_isa.empty())
    facts.isa = facts.kernels.front();
  else if (find_kernels(facts.forced_isa.c_str()))
    facts.isa = facts.forced_isa;
}

// Looked at only: what is damaged is set aside by the next command that needs it.
void look_at_registry(DoctorFacts& facts) {
  FileIdentity state;
  facts.registry_there = !facts.registry.empty() && look_up_file(facts.registry, state);
  if (!facts.registry_there) return;
  try {
    const Registry registry(facts.registry, Registry::Access::existing);
    registry.check();
    facts.registered = registry.file_count();
  } catch (const DatabaseDamaged& error) {
    facts.registry_trouble = std::string(error.what()) + "; the next `ckmerge scan` sets it aside and makes a new one";
  } catch (const Error& error) {
    facts.registry_trouble = error.what();
  }
}

DoctorFacts look(const std::string& folder, const Environment& environment) {
  DoctorFacts facts;
  facts.version = CKMERGE_VERSION;
  facts.compiler = compiler();
  facts.machine = machine_facts();
  facts.forced_isa = environment.isa;
  look_at_kernels(facts);
  facts.devices = list_devices();
  facts.default_budget = RunOptions().memory_budget;
  facts.limits = process_limits();
  facts.libraries = library_versions();
  facts.libraries.push_back({"CLI11", CLI11_VERSION});
  facts.hash_cache = environment.hash_cache;
  facts.hash_cache_writable = !facts.hash_cache.empty() && file_can_be_written(facts.hash_cache);
  facts.registry = environment.registry;
  look_at_registry(facts);
  facts.folder = folder;
  // A name of this thread alone: of a program's only thread the number of the process.
  facts.place = examine_folder(folder, ".ckmerge-doctor-" + std::to_string(::gettid()));
  return facts;
}

}  // namespace

void doctor_command(const Request& request, Caller& caller) {
  const std::vector<std::string>& folders = request.operands;
  if (folders.size() > 1)
    throw Error(ErrorCode::usage, folders[1], "one folder at a time; `ckmerge doctor DIR` looks at one");
  request.refused.raise();
  const DoctorFacts facts = look(folders.empty() ? "." : folders[0], caller.environment);
  if (request.settings.json) return caller.tell(doctor_json(facts));
  caller.tell(doctor_text(facts));
}

}  // namespace ckmerge::cli
