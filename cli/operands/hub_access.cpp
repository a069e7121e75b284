// SPDX-License-Identifier: Apache-2.0
#include "cli/operands/hub_access.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "cli/operands/checkpoint_words.h"
#include "cli/options/faults.h"
#include "cli/system/text.h"
#include "io/folder/hub_cache.h"
#include "io/input_forms.h"
#include "io/memory/memory_tensors.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

bool is_there(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::symlink_status(path, error));
}

[[noreturn]] void fail_missing(const HubName& name, const std::string& word, const Environment& environment) {
  const std::vector<std::string>& caches = environment.hub_caches;
  throw Error(ErrorCode::io, word,
              word + ": there is no such file or folder, and no such model in Hugging Face's cache" +
                  (caches.empty() ? "" : " (" + joined(caches, ", ") + ")") +
                  "; nothing is downloaded here: " + name.download());
}

// Where a model's name has no organisation, a path that is missing is more likely.
std::string path_of(const std::string& word, const Environment& environment) {
  if (is_there(word) || !may_be_hub_name(word)) return word;
  const HubName name = *hub_name(word);
  if (std::string found = find_snapshot(name, environment.hub_caches); !found.empty()) return found;
  if (name.repository.find('/') != std::string::npos) fail_missing(name, word, environment);
  return word;
}

}  // namespace

bool may_be_hub_name(const std::string& word) {
  const auto ends = [&](const char* extension) { return word.ends_with(extension); };
  return hub_name(word) && !names_memory(word) && !is_called_like_a_form(word) &&
         std::ranges::none_of(std::vector<const char*>{".yaml", ".yml", ".json", ".gguf"}, ends);
}

Request with_hub_paths(const Request& asked, const Environment& environment) {
  Request request = asked;
  Faults faults;
  for (std::string* const word : checkpoint_words(request))
    faults.check([&] {
      const size_t at = path_in(*word, request);
      *word = word->substr(0, at) + path_of(word->substr(at), environment);
    });
  faults.raise();
  return request;
}

}  // namespace ckmerge::cli
