// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/doctor.h"

#include <algorithm>

#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {
namespace {

constexpr uint64_t kNone = ProcessLimits::kNone;
// Below these a merge may be refused or slow, whatever it merges: a run maps a few windows of each input per tile in
// flight and opens every shard.
constexpr uint64_t kFewFiles = 64, kFewMaps = 4096, kLittleSpace = 1'000'000'000;

void folder_problems(const DoctorFacts& facts, std::vector<std::string>& out) {
  const FolderInfo& place = facts.place;
  if (!place.trouble.empty()) out.push_back(place.trouble + "; give -o another folder");
  if (place.trouble.empty() && place.size > 0 && place.free < kLittleSpace)
    out.push_back("only " + size_text(place.free) + " are free in " + facts.folder +
                  "; free some space or give -o another folder");
  if (place.writes.starts_with("buffered") && !place.in_memory)
    out.push_back("the filesystem of " + facts.folder +
                  " takes no direct writes, so that merges are slower there and fill the page cache; a local disk is "
                  "faster");
}

void memory_problems(const DoctorFacts& facts, std::vector<std::string>& out) {
  const uint64_t memory = std::min(facts.machine.memory_available, facts.machine.memory_limit);
  if (memory < 2 * facts.default_budget)
    out.push_back("only " + memory_text(memory) + " of memory can be had; set --memory to a quarter of it");
  if (facts.limits.address_space != kNone && facts.limits.address_space < 16 * facts.default_budget)
    out.push_back("this process may have " + memory_text(facts.limits.address_space) +
                  " of address space; raise `ulimit -v` or set --memory and --threads low");
}

void limit_problems(const DoctorFacts& facts, std::vector<std::string>& out) {
  const ProcessLimits& limits = facts.limits;
  if (limits.file_size != kNone)
    out.push_back("files may have " + size_text(limits.file_size) + " at most; raise `ulimit -f` for larger ones");
  if (limits.open_files < kFewFiles)
    out.push_back("only " + std::to_string(limits.open_files) + " files may be open; raise `ulimit -n`");
  if (limits.maps < kFewMaps)
    out.push_back("only " + std::to_string(limits.maps) +
                  " maps are allowed; raise vm.max_map_count or set --threads low");
  if (!limits.populates)
    out.push_back(
        "this kernel lacks MADV_POPULATE_READ (Linux 5.14), so that reading is slower; a newer kernel has it");
}

std::string limit_text(uint64_t limit, std::string (*text)(uint64_t)) {
  return limit == kNone ? "no limit" : text(limit);
}

std::string row(const std::string& heading, const std::string& text) {
  std::string line = "  " + heading;
  line.resize(14, ' ');
  return line + visible(text) + "\n";
}

std::string kernels_text(const DoctorFacts& facts) {
  std::vector<std::string> words;
  for (const std::string& isa : facts.kernels) words.push_back(isa + (isa == facts.isa ? " (used)" : ""));
  return joined(words, ", ") + (facts.forced_isa.empty() ? "" : "; CKMERGE_ISA is '" + facts.forced_isa + "'");
}

std::string processor_text(const MachineFacts& machine) {
  return (machine.cpu.empty() ? "unknown" : machine.cpu) + "; " + std::to_string(machine.processors) + " there, " +
         std::to_string(machine.affinity) + " by affinity, " + std::to_string(machine.allowed) + " used";
}

std::string memory_line(const DoctorFacts& facts) {
  return limit_text(facts.machine.memory_available, memory_text) +
         " available, cgroup: " + limit_text(facts.machine.memory_limit, memory_text) + "; a merge takes " +
         memory_text(facts.default_budget) + " unless --memory says otherwise";
}

std::string limits_text(const ProcessLimits& limits) {
  return "page " + memory_text(limits.page_size) + "; size of a file: " + limit_text(limits.file_size, size_text) +
         "; address space: " + limit_text(limits.address_space, memory_text) +
         "; open files: " + limit_text(limits.open_files, grouped) + "; maps: " + limit_text(limits.maps, grouped);
}

std::string libraries_text(const DoctorFacts& facts) {
  std::vector<std::string> words;
  for (const LibraryVersion& library : facts.libraries) words.push_back(library.name + " " + library.version);
  return joined(words, ", ");
}

std::string faults_text(const ProcessLimits& limits) {
  return limits.populates ? "a failing input is an error code (MADV_POPULATE_READ), the SIGBUS guard stands behind"
                          : "a failing input is caught by the SIGBUS guard alone";
}

std::string cache_text(const DoctorFacts& facts) {
  if (facts.hash_cache.empty()) return "none: neither HOME nor XDG_CACHE_HOME is set";
  return facts.hash_cache + (facts.hash_cache_writable ? ", can be written" : ", cannot be written");
}

std::string registry_text(const DoctorFacts& facts) {
  if (facts.registry.empty()) return "none: neither HOME nor XDG_DATA_HOME is set";
  if (!facts.registry_there) return facts.registry + " is not there; `ckmerge scan DIR` makes it";
  if (!facts.registry_trouble.empty()) return facts.registry + ", cannot be used";
  return facts.registry + ", " + counted(facts.registered, "checkpoint");
}

std::string place_text(const FolderInfo& place) {
  std::string text = place.filesystem.empty() ? "unknown filesystem" : place.filesystem;
  if (place.in_memory) text += " (in memory)";
  return text + ", " + size_text(place.free) + " free of " + size_text(place.size);
}

std::string driver_text(const cuda::DeviceInfo& device) {
  const auto text = [](int version) {
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
  };
  return "driver for CUDA " + text(device.driver) + ", built with " + text(device.toolkit);
}

std::string device_rows(const DeviceList& facts) {
  std::string out;
  for (size_t k = 0; k < facts.devices.size(); ++k) {
    const cuda::DeviceInfo& device = facts.devices[k];
    out += row("GPU", "cuda:" + std::to_string(k) + " " + device.name + ", compute capability " +
                          std::to_string(device.major) + "." + std::to_string(device.minor) + ", " +
                          memory_text(device.free) + " free of " + memory_text(device.memory) + "; " +
                          driver_text(device));
  }
  return facts.reason.empty() ? out : out + row("GPU", "none: " + facts.reason);
}

void write_devices(JsonWriter& json, const DeviceList& facts) {
  json.key("devices").begin_array();
  for (const cuda::DeviceInfo& device : facts.devices) {
    json.begin_object();
    json.key("name").value(device.name);
    json.key("compute_capability").value(std::to_string(device.major) + "." + std::to_string(device.minor));
    json.key("memory").value(device.memory);
    json.key("free").value(device.free);
    json.end_object();
  }
  json.end_array();
  json.key("no_device");
  facts.reason.empty() ? json.null() : json.value(facts.reason);
}

void write_limit(JsonWriter& json, const char* name, uint64_t limit) {
  json.key(name);
  limit == kNone ? json.null() : json.value(limit);
}

void write_machine(JsonWriter& json, const DoctorFacts& facts) {
  json.key("processor").begin_object();
  json.key("model").value(facts.machine.cpu);
  json.key("there").value(facts.machine.processors);
  json.key("affinity").value(facts.machine.affinity);
  json.key("used").value(facts.machine.allowed);
  json.end_object();
  json.key("kernels").begin_array();
  for (const std::string& isa : facts.kernels) json.value(isa);
  json.end_array();
  json.key("isa");
  facts.isa.empty() ? json.null() : json.value(facts.isa);
  json.key("forced_isa");
  facts.forced_isa.empty() ? json.null() : json.value(facts.forced_isa);
  write_devices(json, facts.devices);
  json.key("memory").begin_object();
  write_limit(json, "available", facts.machine.memory_available);
  write_limit(json, "cgroup_limit", facts.machine.memory_limit);
  json.key("default_budget").value(facts.default_budget);
  json.end_object();
}

void write_limits(JsonWriter& json, const ProcessLimits& limits) {
  json.key("limits").begin_object();
  json.key("page_size").value(limits.page_size);
  write_limit(json, "file_size", limits.file_size);
  write_limit(json, "address_space", limits.address_space);
  write_limit(json, "open_files", limits.open_files);
  write_limit(json, "maps", limits.maps);
  json.key("populate_read").value(limits.populates);
  json.end_object();
}

void write_place(JsonWriter& json, const DoctorFacts& facts) {
  json.key("hash_cache").begin_object();
  json.key("path");
  facts.hash_cache.empty() ? json.null() : json.value(facts.hash_cache);
  json.key("writable").value(facts.hash_cache_writable);
  json.end_object();
  json.key("registry").begin_object();
  json.key("path");
  facts.registry.empty() ? json.null() : json.value(facts.registry);
  json.key("there").value(facts.registry_there);
  json.key("checkpoints").value(facts.registered);
  json.end_object();
  json.key("folder").begin_object();
  json.key("path").value(facts.folder);
  json.key("filesystem").value(facts.place.filesystem);
  json.key("size").value(facts.place.size);
  json.key("free").value(facts.place.free);
  json.key("in_memory").value(facts.place.in_memory);
  json.key("writable").value(facts.place.trouble.empty());
  json.key("writes");
  facts.place.writes.empty() ? json.null() : json.value(facts.place.writes);
  json.end_object();
}

}  // namespace

std::vector<std::string> problems_of(const DoctorFacts& facts) {
  std::vector<std::string> out;
  if (facts.isa.empty())
    out.push_back("CKMERGE_ISA asks for '" + facts.forced_isa +
                  "', which is not available here; unset it or choose of " + joined(facts.kernels, ", "));
  memory_problems(facts, out);
  limit_problems(facts, out);
  if (!facts.hash_cache.empty() && !facts.hash_cache_writable)
    out.push_back("the cache of hashes " + facts.hash_cache +
                  " cannot be written, so that --hash hashes every input anew; give --hash-cache another file");
  if (!facts.registry_trouble.empty()) out.push_back(facts.registry_trouble);
  folder_problems(facts, out);
  return out;
}

std::string doctor_text(const DoctorFacts& facts) {
  std::string out = "ckmerge " + facts.version + ", built with " + facts.compiler + "\n";
  out += row("processor", processor_text(facts.machine));
  out += row("kernels", kernels_text(facts));
  out += device_rows(facts.devices);
  out += row("memory", memory_line(facts));
  out += row("limits", limits_text(facts.limits));
  out += row("reads", faults_text(facts.limits));
  out += row("libraries", libraries_text(facts));
  out += row("hash cache", cache_text(facts));
  out += row("registry", registry_text(facts));
  out += row("folder", facts.folder + ": " + place_text(facts.place));
  out += row("writes", facts.place.writes.empty() ? "cannot be tried" : facts.place.writes);
  const std::vector<std::string> problems = problems_of(facts);
  if (problems.empty()) return out + "nothing is in a merge's way\n";
  out += counted(problems.size(), "problem") + ":\n";
  for (const std::string& problem : problems) out += "    " + visible(problem) + "\n";
  return out;
}

JsonWriter doctor_json(const DoctorFacts& facts) {
  JsonWriter json;
  json.begin_object();
  json.key("version").value(facts.version);
  json.key("compiler").value(facts.compiler);
  write_machine(json, facts);
  write_limits(json, facts.limits);
  json.key("libraries").begin_object();
  for (const LibraryVersion& library : facts.libraries) json.key(library.name).value(library.version);
  json.end_object();
  write_place(json, facts);
  json.key("problems").begin_array();
  for (const std::string& problem : problems_of(facts)) json.value(problem);
  json.end_array().end_object();
  return json;
}

}  // namespace ckmerge::cli
