// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/registry_access.h"

#include <algorithm>

#include "cli/options/faults.h"
#include "cli/system/text.h"
#include "io/file/folder_walk.h"
#include "io/hash/checkpoint_names.h"
#include "io/registry/presence.h"
#include "io/registry/registry_damage.h"

namespace ckmerge::cli {
namespace {

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

bool are_alike(const RegisteredFile& a, const RegisteredFile& b) {
  if (a.state.same_file(b.state)) return true;
  return !a.sha256.empty() && a.sha256 == b.sha256 && base_name(a.path) == base_name(b.path);
}

std::string candidate_line(const RegisteredFile& file) {
  return checkpoint_names(file.name, file.legacy_hash, file.sha256).title + "  " + file.path;
}

[[noreturn]] void fail_unknown(const Registry& registry, const std::string& name) {
  std::vector<std::string> known;
  for (const RegisteredFile& file : registry.files(Registry::Columns::without_metadata)) {
    const CheckpointNames names = checkpoint_names(file.name, file.legacy_hash, file.sha256);
    known.push_back(names.name_for_extra);
    known.push_back(names.name);
  }
  const std::string near = did_you_mean(name, known, "@");
  throw Error(ErrorCode::usage, "@" + name,
              "no checkpoint in the registry is called '" + name + "'" +
                  (near.empty() ? "; `ckmerge list` shows them, `ckmerge scan` looks for new ones" : near));
}

bool is_hash(const std::string& name, const RegisteredFile& file) {
  return name.size() >= 6 && (file.sha256.starts_with(name) || file.legacy_hash == name);
}

// The path of what @NAME stands for, seen to be still what it was.
std::string path_called(const Registry& registry, const std::string& name) {
  const RegisteredFile file = find_one(registry, name);
  const Presence presence = presence_of(file);
  if (presence == Presence::gone)
    throw Error(ErrorCode::io, "@" + name,
                "@" + name + ": " + file.path + " is no longer there; if it was moved, `ckmerge scan` its folder");
  if (presence == Presence::changed && (is_hash(name, file) || name.ends_with(']')))
    throw Error(
        ErrorCode::malformed, "@" + name,
        "@" + name + ": " + file.path +
            " was changed since it was scanned, so that its hash is another; `ckmerge scan` its folder, or give "
            "its path");
  return file.path;
}

bool takes_checkpoint(const OptionSpec& option) {
  constexpr std::string_view kOtherFiles[] = {"registry", "hash-cache", "check"};
  const bool is_file = option.takes_value() && option.word_kind() == WordKind::file;
  return is_file && std::ranges::find(kOtherFiles, option.name) == std::end(kOtherFiles);
}

// The words that may stand for a checkpoint.
std::vector<std::string*> checkpoint_words(CommandLine& line) {
  std::vector<std::string*> words;
  if (commands()[static_cast<size_t>(line.command)].operands == WordKind::checkpoint)
    for (std::string& word : line.files)
      if (line.command != Command::convert || words.empty()) words.push_back(&word);  // its second is what is written
  for (const OptionSpec& option : options_of(line.command)) {
    if (!takes_checkpoint(option)) continue;
    if (line.values.contains(option.name)) words.push_back(&line.values[option.name]);
    if (line.lists.contains(option.name))
      for (std::string& word : line.lists[option.name]) words.push_back(&word);
  }
  return words;
}

// Where @ begins in a word; npos where it names a file.
size_t reference_in(const std::string& word, Command command) {
  if (word.starts_with('@')) return 0;
  const size_t equals = command == Command::run ? word.find("=@") : word.npos;
  return equals == word.npos || word.find('/') < equals ? word.npos : equals + 1;
}

}  // namespace

std::string registry_path(const CommandLine& line, const Environment& environment) {
  const std::string* const given = line.value("registry");
  return given ? *given : environment.registry;
}

void with_registry(const std::string& path, Registry::Access access, const std::function<void(Registry&)>& act) {
  if (path.empty())
    throw Error(ErrorCode::usage, "--registry",
                "there is no place for a registry: neither HOME nor XDG_DATA_HOME is set; give --registry FILE");
  const auto mend = [&] {
    const SetAside aside = set_registry_aside(path);
    if (!aside.kept_as.empty())
      write_stderr("warning: the registry " + visible(path) + " was damaged; it is kept as " + visible(aside.kept_as) +
                   "; a new one has what could be saved, " + counted(aside.files_saved, "checkpoint") +
                   "; `ckmerge scan` finds the rest\n");
  };
  try {
    Registry registry(path, access);
    return act(registry);
  } catch (const DatabaseDamaged&) {
    mend();
  } catch (const DatabaseDisturbed&) {
    mend();  // waits for whoever sets it aside; a disk that fails fails again
  }
  Registry registry(path, Registry::Access::create);
  act(registry);
}

RegisteredFile find_one(const Registry& registry, const std::string& name) {
  std::vector<RegisteredFile> found = registry.called(name);
  if (found.empty()) fail_unknown(registry, name);
  // Of a file that was copied elsewhere and removed, the copy is meant.
  const auto is_there = [](const RegisteredFile& file) { return presence_of(file) != Presence::gone; };
  if (std::ranges::any_of(found, is_there)) std::erase_if(found, [&](const auto& file) { return !is_there(file); });
  std::vector<RegisteredFile> different;
  for (RegisteredFile& file : found)
    if (std::ranges::none_of(different, [&](const auto& other) { return are_alike(file, other); }))
      different.push_back(std::move(file));
  if (different.size() == 1) return different[0];
  std::vector<std::string> lines;
  for (const RegisteredFile& file : different) lines.push_back(candidate_line(file));
  throw Error(ErrorCode::usage, "@" + name,
              "@" + name + " may be any of " + counted(different.size(), "checkpoint") +
                  "; name one by more of its path, or by its hash",
              lines);
}

CommandLine with_registered_paths(const CommandLine& typed, const Environment& environment) {
  CommandLine line = typed;
  std::vector<std::string*> words = checkpoint_words(line);
  std::erase_if(words, [&](const std::string* word) { return reference_in(*word, line.command) == word->npos; });
  if (words.empty()) return line;
  with_registry(registry_path(line, environment), Registry::Access::existing, [&](const Registry& registry) {
    Faults faults;
    for (std::string* const word : words)
      faults.check([&] {
        const size_t at = reference_in(*word, line.command);
        if (at == word->npos) return;  // a second run, after damage
        *word = word->substr(0, at) + path_called(registry, word->substr(at + 1));
      });
    faults.raise();
  });
  return line;
}

}  // namespace ckmerge::cli
