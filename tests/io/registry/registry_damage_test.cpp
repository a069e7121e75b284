// SPDX-License-Identifier: Apache-2.0
// Every byte of a small registry is another in turn. What a scan does then, and what a list does: the registry is
// mended, or the sentence says why it is not; nothing that is told is untrue.
#include "io/registry/registry_damage.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "io/registry/registry.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

RegisteredFile entry(int number) {
  RegisteredFile file;
  file.path = "/models/sub/file-" + std::to_string(number) + ".safetensors";
  file.name = "sub/file-" + std::to_string(number) + ".safetensors";
  file.state = {1, static_cast<uint64_t>(number), 100, 5, 7};
  file.examiner = 3;
  file.form = "safetensors";
  file.kind = "lora";
  file.architecture = "sdxl";
  file.tensors = 12;
  file.parameters = 345678;
  file.dtypes = "{\"F16\": 12}";
  file.metadata = "{\"trainer\": \"someone\"}";
  file.legacy_hash = "0123456" + std::to_string(number);
  file.sha256 = std::string(63, 'a') + std::to_string(number);
  return file;
}

// What may be told of a checkpoint; its row's number may change.
std::string told(const RegisteredFile& file) {
  return file.path + file.name + std::to_string(file.state.inode) + std::to_string(file.state.size) +
         std::to_string(file.state.mtime_seconds) + std::to_string(file.settled) + std::to_string(file.gone) +
         std::to_string(file.examiner) + file.form + file.kind + file.architecture + std::to_string(file.tensors) +
         std::to_string(file.parameters) + file.dtypes + file.metadata + file.trouble + file.legacy_hash + file.sha256;
}

using Contents = std::map<std::string, std::string>;

Contents contents(const Registry& registry) {
  Contents found;
  for (const RegisteredFile& file : registry.files(Registry::Columns::all)) found[file.path] = told(file);
  for (const RegistryRoot& root : registry.roots()) found[root.path] = root.kind;
  return found;
}

constexpr int kFiles = 3;

// Small pages, so that few bytes are unused.
void make(const std::string& path) {
  {
    Registry registry(path, Registry::Access::create);
    Registry::Changes changes;
    changes.roots = {{"/models", "loras"}};
    for (int i = 0; i < kFiles; ++i) changes.put.push_back(entry(i));
    registry.write(changes);
  }
  const Database database(path);
  database.execute("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM; PRAGMA journal_mode = WAL");
}

void put_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

void remove_all_of(const TempFolder& folder, const std::string& name) {
  for (const std::string& there : folder.names())
    if (there.starts_with(name)) std::filesystem::remove(folder / there);
}

bool is_part_of(const Contents& found, const Contents& whole) {
  return std::ranges::all_of(found, [&](const auto& row) {
    const auto known = whole.find(row.first);
    return known != whole.end() && known->second == row.second;
  });
}

enum class Outcome : uint8_t { unharmed, damaged, refused };

// As a command does that reads, and then as a scan does, which reads all first: damage is met, or what is told is true.
Outcome outcome_of_reading(const std::string& path, const Contents& whole) {
  try {
    const Registry registry(path, Registry::Access::existing);
    CHECK(is_part_of(contents(registry), whole));
    registry.check();
    CHECK(contents(registry) == whole);
    for (int i = 0; i < kFiles; ++i) CHECK(registry.called("file-" + std::to_string(i)).size() == 1);
    return Outcome::unharmed;
  } catch (const DatabaseDamaged&) {
    return Outcome::damaged;
  } catch (const Error& error) {
    const std::string sentence = error.what();
    CAPTURE(sentence);
    CHECK(error.code() == ErrorCode::usage);
    CHECK(sentence.find("newer ckmerge") != sentence.npos);
    return Outcome::refused;
  }
}

void mend(const std::string& path, const Contents& whole) {
  CHECK_FALSE(set_registry_aside(path).kept_as.empty());
  const Registry registry(path, Registry::Access::existing);
  registry.check();
  CHECK(is_part_of(contents(registry), whole));
}

}  // namespace

TEST_CASE("whatever byte of a registry is another, it is mended, or the sentence says why not") {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  make(path);
  const Contents whole = contents(Registry(path, Registry::Access::existing));
  REQUIRE(whole.size() == kFiles + 1);
  const std::string good = read_file(path);
  std::map<Outcome, size_t> outcomes;
  for (size_t i = 0; i < good.size(); ++i) {
    // Of unused bytes some will do.
    if (i >= 100 && good[i] == 0 && i % 16 != 0) continue;
    CAPTURE(i);
    std::string spoilt = good;
    spoilt[i] = static_cast<char>(spoilt[i] ^ (i % 2 ? 0xff : 1 << i / 2 % 8));
    remove_all_of(folder, "r.db");
    put_bytes(path, spoilt);
    const Outcome outcome = outcome_of_reading(path, whole);
    ++outcomes[outcome];
    // A disk takes its time over each.
    if (outcome == Outcome::damaged && i % (i < 100 ? 8 : 97) == 0) mend(path, whole);
  }
  CHECK(outcomes[Outcome::damaged] > 1000);
  CHECK(outcomes[Outcome::refused] <= 4);
}

TEST_CASE("what is the same in every registry costs no entry") {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  make(path);
  const Contents whole = contents(Registry(path, Registry::Access::existing));
  const std::string good = read_file(path);
  for (const size_t offset : {0, 15, 18, 19, 20, 21, 22, 23, 44, 47, 55, 59, 67, 80}) {
    CAPTURE(offset);
    std::string spoilt = good;
    spoilt[offset] = static_cast<char>(spoilt[offset] ^ 0x55);
    remove_all_of(folder, "r.db");
    put_bytes(path, spoilt);
    CHECK(failure([&] { Registry(path, Registry::Access::existing); }).code == ErrorCode::malformed);
    CHECK(set_registry_aside(path).files_saved == kFiles);
    CHECK(contents(Registry(path, Registry::Access::existing)) == whole);
    CHECK(folder.names() == std::vector<std::string>{"r.db", "r.db.damaged-1"});
  }
}
