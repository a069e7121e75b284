// SPDX-License-Identifier: Apache-2.0
// Registries of the first version, whose rows have no checksums, become ones of today's with nothing lost.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "io/registry/registry.h"
#include "io/registry/registry_damage.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

// A registry as version 1 made it, with one row.
void make_old(const std::string& path) {
  std::ofstream(path).flush();
  const Database database(path);
  database.execute(R"sql(CREATE TABLE files(
  id INTEGER PRIMARY KEY,
  path NOT NULL UNIQUE,
  name NOT NULL,
  device INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  size INTEGER NOT NULL,
  mtime_seconds INTEGER NOT NULL,
  mtime_nanoseconds INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  gone INTEGER NOT NULL,
  examiner INTEGER NOT NULL,
  form TEXT,
  kind TEXT,
  architecture TEXT,
  tensors INTEGER NOT NULL,
  parameters INTEGER NOT NULL,
  dtypes TEXT,
  trouble TEXT,
  legacy_hash TEXT,
  sha256 TEXT,
  tensor_sha256 TEXT,
  crc32 TEXT,
  metadata TEXT);
CREATE INDEX files_by_sha256 ON files(sha256);
CREATE TABLE aliases(alias NOT NULL, file INTEGER NOT NULL);
CREATE INDEX aliases_by_alias ON aliases(alias);
CREATE INDEX aliases_by_file ON aliases(file);
CREATE TRIGGER files_deleted AFTER DELETE ON files BEGIN DELETE FROM aliases WHERE file = old.id; END;
CREATE TABLE roots(path NOT NULL PRIMARY KEY, kind TEXT);
PRAGMA application_id = 1129008466;
PRAGMA user_version = 1;
INSERT INTO roots VALUES ('/m', 'loras');
INSERT INTO files VALUES (1, '/m/a.ckpt', 'a.ckpt', 1, 2, 3, 4, 5, 1, 0, 3, 'zip', NULL, NULL, 7, 8, NULL, NULL,
  '01234567', NULL, NULL, NULL, '{}');
INSERT INTO aliases VALUES ('a', 1);
)sql");
}

}  // namespace

TEST_CASE("a registry of the first version gets checksums, and keeps what it knows") {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  make_old(path);
  std::filesystem::permissions(path, std::filesystem::perms(0644));
  for (int i = 0; i < 2; ++i) {
    const Registry registry(path, Registry::Access::existing);
    registry.check();
    CHECK(Database(path).number("PRAGMA user_version") == 2);
    REQUIRE(registry.called("a").size() == 1);
    CHECK(registry.called("a")[0].legacy_hash == "01234567");
    REQUIRE(registry.roots().size() == 1);
    CHECK(registry.roots()[0].kind == "loras");
  }
  CHECK(std::filesystem::status(path).permissions() == std::filesystem::perms(0600));
  CHECK(folder.names() == std::vector<std::string>{"r.db"});
}

TEST_CASE("a damaged registry of the first version is saved row by row") {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  make_old(path);
  Database(path).execute("DROP INDEX aliases_by_file");
  CHECK(failure([&] { Registry(path, Registry::Access::existing); }).code == ErrorCode::malformed);
  CHECK(set_registry_aside(path).files_saved == 1);
  CHECK(Registry(path, Registry::Access::existing).called("a").size() == 1);
}

TEST_CASE("a row of a registry that was written behind its back is damage, wherever it is met") {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  make_old(path);
  const Registry registry(path, Registry::Access::existing);
  Database(path).execute("UPDATE files SET legacy_hash = '76543210'");
  CHECK(failure([&] { registry.check(); }).code == ErrorCode::malformed);
  CHECK(failure([&] { registry.files(Registry::Columns::without_metadata); }).code == ErrorCode::malformed);
  CHECK(failure([&] { registry.called("a"); }).code == ErrorCode::malformed);
}
