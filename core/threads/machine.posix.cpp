// SPDX-License-Identifier: Apache-2.0
// Limits are read from the process's own cgroup and every one above it, since the tightest holds. Both versions are
// tried: hybrid systems mount both, and containers often see only the root of theirs.
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <thread>

#include "core/threads/machine.h"

namespace ckmerge {
namespace {

std::string read_first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Calls `visit` with the folder of the process's cgroup of one controller, and of each cgroup above it.
void for_each_cgroup(const std::string& controller, const std::string& mount,
                     const std::function<void(const std::string&)>& visit) {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    if (controllers.find("," + controller + ",") == std::string::npos) continue;  // version 2 has none: ",,"
    for (std::string path = line.substr(second + 1);; path.resize(path.rfind('/'))) {
      visit(mount + path);
      if (path.find('/') == std::string::npos || path == "/") break;
    }
    visit(mount);
  }
}

// "max", "-1" and the like mean no limit; so does version 1's largest number of whole pages.
bool parse_limit(const std::string& text, uint64_t& value) {
  std::istringstream in(text);
  return text.find('-') == std::string::npos && static_cast<bool>(in >> value) && value < 1ull << 62;
}

unsigned processors_of_quota(unsigned most) {
  const auto apply = [&](uint64_t quota, uint64_t period) {
    if (period > 0)
      most = std::min<unsigned>(most, static_cast<unsigned>(std::max<uint64_t>(1, (quota + period - 1) / period)));
  };
  uint64_t quota, period;
  const auto version2 = [&](const std::string& folder) {
    std::istringstream line(read_first_line(folder + "/cpu.max"));
    if (line >> quota >> period) apply(quota, period);
  };
  const auto version1 = [&](const std::string& folder) {
    if (parse_limit(read_first_line(folder + "/cpu.cfs_quota_us"), quota) &&
        parse_limit(read_first_line(folder + "/cpu.cfs_period_us"), period))
      apply(quota, period);
  };
  for_each_cgroup("", "/sys/fs/cgroup", version2);
  for_each_cgroup("cpu", "/sys/fs/cgroup/cpu", version1);
  return most;
}

uint64_t cgroup_memory_limit() {
  uint64_t limit = UINT64_MAX, value;
  const auto reader = [&](const char* file) {
    return [&limit, &value, file](const std::string& folder) {
      if (parse_limit(read_first_line(folder + file), value)) limit = std::min(limit, value);
    };
  };
  for_each_cgroup("", "/sys/fs/cgroup", reader("/memory.max"));
  for_each_cgroup("memory", "/sys/fs/cgroup/memory", reader("/memory.limit_in_bytes"));
  return limit;
}

uint64_t system_memory_available() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    uint64_t kibibytes;
    if (line.rfind("MemAvailable:", 0) == 0 && std::istringstream(line.substr(13)) >> kibibytes)
      return kibibytes * 1024;
  }
  return UINT64_MAX;
}

unsigned processors_of_affinity() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());  // more processors than the set holds
}

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (colon != line.npos && (line.starts_with("model name") || line.starts_with("CPU part")))
      return (line.starts_with("CPU part") ? "part " : "") + line.substr(colon + 2);
  }
  return "";
}

}  // namespace

unsigned allowed_processors() { return std::max(1u, processors_of_quota(processors_of_affinity())); }

uint64_t available_memory() { return std::min(system_memory_available(), cgroup_memory_limit()); }

AddressSpace address_space() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return {};
  std::ifstream file("/proc/self/statm");
  uint64_t pages = 0;
  file >> pages;
  return {.used = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)), .limit = limit.rlim_cur};
}

void give_threads_stacks_of(uint64_t size) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
}

MachineFacts machine_facts() {
  return {.cpu = cpu_model(),
          .processors = static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))),
          .affinity = processors_of_affinity(),
          .allowed = allowed_processors(),
          .memory_available = system_memory_available(),
          .memory_limit = cgroup_memory_limit()};
}

}  // namespace ckmerge
