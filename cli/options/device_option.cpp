// SPDX-License-Identifier: Apache-2.0
#include "cli/options/device_option.h"

#include <algorithm>

#include "cli/options/numbers.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {
namespace {

constexpr std::string_view kCuda = "cuda";
constexpr uint64_t kMostDevices = 1024;

[[noreturn]] void refuse(std::string_view text) {
  throw Error(ErrorCode::usage, "--device",
              sentence("--device: '", text, "' is not auto, cpu, cuda or cuda:N[,N...], such as cuda:0"));
}

std::vector<int> parse_indices(std::string_view text, std::string_view list) {
  std::vector<int> devices;
  for (;;) {
    const size_t comma = list.find(',');
    const std::string_view digits = list.substr(0, comma);
    if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != digits.npos) refuse(text);
    const auto device = static_cast<int>(parse_count("--device", digits, 0, kMostDevices));
    if (std::ranges::find(devices, device) != devices.end())
      throw Error(ErrorCode::usage, "--device", sentence("--device: '", text, "' names device ", device, " twice"));
    devices.push_back(device);
    if (comma == list.npos) return devices;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

DeviceOptions parse_device(std::string_view text) {
  DeviceOptions options;
  if (text == "auto") return options;
  options.choice = DeviceChoice::cpu;
  if (text == "cpu") return options;
  options.choice = DeviceChoice::cuda;
  if (text == kCuda) return options;
  if (!text.starts_with("cuda:")) refuse(text);
  options.devices = parse_indices(text, text.substr(kCuda.size() + 1));
  return options;
}

Reader read_device() {
  const auto read = [](Settings& settings, const Word& word) {
    const DeviceOptions said = parse_device(word.text);
    settings.run.device.choice = said.choice;
    settings.run.device.devices = said.devices;
  };
  return {.type = ValueType::device, .read = read};
}

}  // namespace ckmerge::cli
