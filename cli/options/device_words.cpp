// SPDX-License-Identifier: Apache-2.0
#include "cli/options/device_words.h"

#include <algorithm>

#include "cli/options/numbers.h"
#include "cli/options/sizes.h"
#include "cli/system/text.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

constexpr std::string_view kCuda = "cuda";
constexpr uint64_t kMostDevices = 1024;

[[noreturn]] void refuse(std::string_view word) {
  throw Error(ErrorCode::usage, "--device",
              sentence("--device: '", word, "' is not auto, cpu, cuda or cuda:N[,N...], such as cuda:0"));
}

std::vector<int> parse_indices(std::string_view word, std::string_view list) {
  std::vector<int> devices;
  for (;;) {
    const size_t comma = list.find(',');
    const std::string_view digits = list.substr(0, comma);
    if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != digits.npos) refuse(word);
    const auto device = static_cast<int>(parse_count("--device", digits, 0, kMostDevices));
    if (std::ranges::find(devices, device) != devices.end())
      throw Error(ErrorCode::usage, "--device", sentence("--device: '", word, "' names device ", device, " twice"));
    devices.push_back(device);
    if (comma == list.npos) return devices;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

DeviceOptions parse_device(std::string_view word) {
  DeviceOptions options;
  if (word == "auto") return options;
  options.choice = DeviceChoice::cpu;
  if (word == "cpu") return options;
  options.choice = DeviceChoice::cuda;
  if (word == kCuda) return options;
  if (!word.starts_with("cuda:")) refuse(word);
  options.devices = parse_indices(word, word.substr(kCuda.size() + 1));
  return options;
}

void read_device_options(const CommandLine& line, DeviceOptions& options, Faults& faults) {
  if (const std::string* word = line.value("device")) faults.check([&] { options = parse_device(*word); });
  if (const std::string* word = line.value("gpu-memory"))
    faults.check([&] { options.memory = parse_size("--gpu-memory", *word); });
}

std::string planned_device_text(const DeviceOptions& options) {
  if (options.choice == DeviceChoice::automatic) return "auto: decided by measurement at run time";
  if (options.choice == DeviceChoice::cpu) return "cpu";
  std::string text = "cuda:";
  for (size_t k = 0; k < options.devices.size(); ++k) text += (k ? "," : "") + std::to_string(options.devices[k]);
  return options.devices.empty() ? "cuda:0" : text;
}

std::string device_text(const DeviceReport& report) {
  std::string text = report.used + ": " + report.reason;
  if (report.slots > 0)
    text += "; " + counted(report.batches, "job") + " on devices, " + counted(report.slots, "tile") +
            " on their way at once";
  return text;
}

std::string device_warning(const DeviceReport& report) {
  if (report.ignored) return "--device cuda: no device was used: " + report.reason;
  return report.fault.empty() ? "" : report.fault + "; the CPU did the rest";
}

}  // namespace ckmerge::cli
