// SPDX-License-Identifier: Apache-2.0
#include "cli/operands/component_paths.h"

#include <algorithm>
#include <vector>

#include "cli/operands/checkpoint_words.h"
#include "cli/options/faults.h"
#include "cli/system/text.h"
#include "io/folder/component_files.h"
#include "io/folder/pipeline_entries.h"
#include "io/text/error.h"

namespace ckmerge::cli {
namespace {

constexpr const char* kOption = "--component";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::usage, kOption, std::string(kOption) + ": " + what);
}

std::vector<std::string> components_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const ComponentFiles& files : component_files(folder).components) names.push_back(files.component);
  return names;
}

bool is_pipeline(const std::string& path) { return is_folder_path(path) && holds_pipeline(path); }

void expect_component(const std::string& component, const std::string& folder) {
  const std::vector<std::string> known = components_in(folder);
  if (std::ranges::find(known, component) != known.end()) return;
  refuse(folder + " has no weights of a component '" + component + "', only of " + joined(known, ", ") +
         did_you_mean(component, known));
}

}  // namespace

Request with_component_paths(const Request& asked) {
  Request request = asked;
  if (!request.settings.component) return request;
  const std::string& component = *request.settings.component;
  Faults faults;
  bool found = false;
  for (std::string* const word : checkpoint_words(request))
    faults.check([&] {
      const std::string path = word->substr(path_in(*word, request));
      if (!is_pipeline(path)) return;
      found = true;
      expect_component(component, path);
      *word += (path.ends_with('/') ? "" : "/") + component;
    });
  faults.raise();
  if (!found)
    refuse(
        "none of the inputs is the folder of a pipeline, of which it names one component (`ckmerge convert --part` "
        "takes parts of a file)");
  return request;
}

}  // namespace ckmerge::cli
