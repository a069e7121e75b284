// SPDX-License-Identifier: Apache-2.0
#include "cli/options/output_extension.h"

#include <filesystem>

#include "io/text/error.h"
#include "io/text/sentence.h"

namespace ckmerge::cli {

void expect_checkpoint_name(const std::string& output) {
  if (output == "-")
    throw Error(
        ErrorCode::usage, "--output",
        "-o -: a checkpoint is written to a file, in any order of its bytes, not to standard output; name a file "
        "(./- for one that is called -) and send that on");
  if (const std::string_view kind = promised_elsewhere(output); !kind.empty())
    throw Error(
        ErrorCode::usage, output,
        sentence(output, " would be taken for ", kind, ", which is not written; name a .safetensors or a .ckpt"));
}

std::string extension_warning(const std::string& output, const OutputForm& form) {
  if (output.empty() || promised_form(output)) return "";
  const std::string extension = std::filesystem::path(output).extension();
  return sentence(output, extension.empty() ? " has no extension" : sentence(" ends in ", extension),
                  ", by which no program knows it as ", form.name, "; call it ", output, form.extension());
}

}  // namespace ckmerge::cli
