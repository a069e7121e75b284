// SPDX-License-Identifier: Apache-2.0
// What a command line cannot show: races of a scan's threads (under TSan), and the comparison alone. The rest is
// tests/cli/commands/registry.py's.
#include "core/registry/scan.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "core/registry/examine.h"
#include "core/registry/scan_diff.h"
#include "tests/core/checkpoint_files.h"
#include "tests/core/failure.h"

using namespace ckmerge;
using namespace ckmerge::test;

namespace {

RegisteredFile entry(const std::string& path, uint64_t inode, uint64_t size = 100, int64_t seconds = 5,
                     int64_t nanoseconds = 7) {
  RegisteredFile file;
  file.id = static_cast<int64_t>(inode);
  file.path = path;
  file.name = name_below(path, {});
  file.examiner = kExaminer;
  file.state = {1, inode, size, seconds, nanoseconds};
  return file;
}

FoundFile found(const std::string& path, uint64_t inode, uint64_t size = 100, int64_t seconds = 5,
                int64_t nanoseconds = 7) {
  return {path, {1, inode, size, seconds, nanoseconds}};
}

const std::vector<RegistryRoot> kRoots{{"/none/m", ""}};

}  // namespace

TEST_CASE("names are counted from the deepest root") {
  const std::vector<RegistryRoot> roots{{"/m", ""}, {"/m/sd", ""}, {"/m/s", ""}};
  CHECK(name_below("/m/sd/x/a.ckpt", roots) == "x/a.ckpt");
  CHECK(name_below("/m/sdx/a.ckpt", roots) == "sdx/a.ckpt");
  CHECK(name_below("/elsewhere/a.ckpt", roots) == "a.ckpt");
  CHECK(name_below("/elsewhere/flux/vae/diffusion_pytorch_model.safetensors", roots) ==
        "flux/vae/diffusion_pytorch_model.safetensors");
  CHECK(name_below("/x/a.ckpt", std::vector<RegistryRoot>{{"/", ""}}) == "x/a.ckpt");
}

TEST_CASE("a move is a new path with the old file's state, where the old path is empty") {
  const std::vector<FoundFile> there{found("/none/m/new.ckpt", 4)};
  const auto moved = [&](const RegisteredFile& old) {
    const ScanDiff diff = compare(there, {old}, kRoots, kRoots);
    REQUIRE(diff.examine.size() == 1);
    CHECK(diff.examine[0].is_new == !diff.examine[0].moved_from.has_value());
    return diff.examine[0].moved_from.has_value();
  };
  CHECK(moved(entry("/none/m/old.ckpt", 4)));
  CHECK_FALSE(moved(entry("/none/m/old.ckpt", 4, 101)));
  CHECK_FALSE(moved(entry("/none/m/old.ckpt", 4, 100, 6)));
  CHECK_FALSE(moved(entry("/none/m/old.ckpt", 4, 100, 5, 8)));
  CHECK_FALSE(moved(entry("/none/m/old.ckpt", 5)));    // another inode, another name
  CHECK(moved(entry("/none/elsewhere/new.ckpt", 5)));  // another disk
  RegisteredFile unsettled = entry("/none/m/old.ckpt", 4);
  unsettled.settled = false;
  CHECK_FALSE(moved(unsettled));
}

TEST_CASE("a modification time of whole seconds is no proof of a move between disks") {
  const std::vector<FoundFile> there{found("/none/m/x.ckpt", 4, 100, 5, 0)};
  CHECK_FALSE(compare(there, {entry("/none/old/x.ckpt", 5, 100, 5, 0)}, kRoots, kRoots).examine[0].moved_from);
}

TEST_CASE("one entry moves to one place, and what is gone is told once") {
  const std::vector<FoundFile> there{found("/none/m/a.ckpt", 4), found("/none/m/b.ckpt", 4)};
  const ScanDiff diff =
      compare(there, {entry("/none/m/old.ckpt", 4), entry("/none/m/other.ckpt", 9, 1)}, kRoots, kRoots);
  CHECK(diff.examine[0].moved_from.has_value());
  CHECK_FALSE(diff.examine[1].moved_from.has_value());
  REQUIRE(diff.gone.size() == 1);
  CHECK(diff.gone[0].path == "/none/m/other.ckpt");
  CHECK(compare({}, {entry("/elsewhere/x.ckpt", 1)}, kRoots, kRoots).gone.empty());
}

TEST_CASE("a scan on many threads finds every file, once") {
  const TempFolder folder;
  std::filesystem::create_directories(folder / "m");
  for (int i = 0; i < 300; ++i)
    write_file(folder / ("m/" + std::to_string(i) + ".safetensors"), {f32("w", {1}, {static_cast<float>(i)})});
  Registry registry(folder / "r.db", Registry::Access::create);
  const std::vector<RegistryRoot> roots{{folder / "m", ""}};
  ScanOptions options;
  options.run.threads = 16;
  options.hash = true;
  uint64_t reported = 0;
  options.run.on_progress = [&](const Progress& progress) { reported = progress.done; };
  const ScanReport report = scan(registry, roots, options);
  CHECK(report.added == 300);
  CHECK(report.hashed == 300);
  CHECK(reported > 0);
  CHECK(registry.file_count() == 300);
  for (const RegisteredFile& file : registry.files(Registry::Columns::all)) CHECK(file.sha256.size() == 64);
  const std::atomic<bool> stop{true};
  options.run.stop = &stop;
  CHECK(failure([&] { scan(registry, roots, options); }).code == ErrorCode::interrupted);
}
