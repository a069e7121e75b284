// SPDX-License-Identifier: Apache-2.0
#include "core/names/part.h"

#include <algorithm>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge {
namespace {

struct Prefix {
  std::string_view text;
  Part part;
};

constexpr Prefix kPrefixes[] = {
    {"model.diffusion_model.", Part::unet}, {"cond_stage_model.", Part::te},   {"conditioner.", Part::te},
    {"text_encoders.", Part::te},           {"first_stage_model.", Part::vae}, {"vae.", Part::vae},
};

}  // namespace

std::optional<Part> part_of(std::string_view name) {
  for (const Prefix& prefix : kPrefixes)
    if (name.starts_with(prefix.text)) return prefix.part;
  return std::nullopt;
}

std::vector<std::string_view> prefixes_of(Part part) {
  std::vector<std::string_view> prefixes;
  for (const Prefix& prefix : kPrefixes)
    if (prefix.part == part) prefixes.push_back(prefix.text);
  return prefixes;
}

Part parse_part(const char* where, std::string_view name) {
  const auto found = std::ranges::find(kPartNames, name);
  if (found == kPartNames.end())
    throw Error(ErrorCode::usage, where,
                sentence(where, ": there is no part '", name, "'; the parts are unet, te and vae"));
  return static_cast<Part>(found - kPartNames.begin());
}

}  // namespace ckmerge
