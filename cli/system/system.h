// SPDX-License-Identifier: Apache-2.0
// What the command line asks of the operating system.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/json_writer.h"

namespace ckmerge::cli {

/// The environment variables that mean something here, read once, in main.
struct Environment {
  std::string isa;         ///< CKMERGE_ISA; empty = the best this CPU runs
  std::string hash_cache;  ///< file of known hashes in the user's cache folder; empty where there is none
  std::string registry;    ///< in the user's data folder; empty where there is none
  std::string home;        ///< HOME, for paths in other programs' files
  /// Folders in which Hugging Face's libraries keep models, those first that come before others.
  std::vector<std::string> hub_caches = {};
  std::string notify_auth = {};  ///< CKMERGE_NOTIFY_AUTH: USER:PASSWORD or @FILE
  bool no_color = false;         ///< NO_COLOR is set and not empty
  bool dumb = false;             ///< TERM is "dumb" or empty: no escape sequences
  bool stderr_tty = false;
};
Environment read_environment();

/// Columns of the terminal behind stderr; 80 where it does not say.
unsigned terminal_width();

/// As many open files as the system lets this process have: shells give 1024, and each file of an
/// output stays open until all are complete.
void allow_many_files();

/// Where addresses or stacks are limited, threads get small stacks and share one heap: the C library would take 8 MiB
/// and 64 MiB for each, and what is left for a merge would be chance. Returns a sentence where the stack is too small
/// to run on, else an empty text; throws nothing, because there would be no room for it.
std::string keep_within_limits();

/// Gives back what keep_within_limits() took for this: to be called where memory ran out, before that is told.
void make_room_for_last_words();

/// The most memory this process has held, in bytes; 0 where the system does not say.
uint64_t peak_memory();

/// The reader of stdout is gone (`ckmerge ... | head`): no fault of ours, and nobody is left to tell.
struct BrokenPipe {};

/// Writes and flushes. Throws BrokenPipe, or Error(io) when standard output cannot take it.
void write_stdout(std::string_view text);

/// A finished JSON document and a line end. A million tensors make 200 MB of it: it is not copied.
void write_document(const JsonWriter& json);

/// Writes as much as stderr takes: when it takes nothing there is nowhere to complain.
void write_stderr(std::string_view text) noexcept;

}  // namespace ckmerge::cli
