// SPDX-License-Identifier: Apache-2.0
// Lists of checksums, in the forms that sha256sum reads: `HEX  NAME`, `HEX *NAME`, `SHA256 (NAME) = HEX`; a line that
// begins with a backslash has \n, \r and \\ in its name; one that begins with # is a comment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ckmerge::cli {

struct ListedSum {
  std::string sha256;  ///< 64 lower-case digits
  std::string path;    ///< as written, escapes undone
};

/// Throws Error(malformed) about `where` that lists the lines which are none of these, or says that there is no sum.
std::vector<ListedSum> parse_checksum_list(std::string_view text, const std::string& where);

}  // namespace ckmerge::cli
