// SPDX-License-Identifier: Apache-2.0
// `ckmerge scan`: brings the registry up to date with folders.
#include "core/registry/scan.h"

#include <chrono>
#include <memory>

#include "cli/commands/commands.h"
#include "cli/commands/scan_places.h"
#include "cli/commands/work_options.h"
#include "cli/operands/registry_access.h"
#include "cli/options/sizes.h"
#include "cli/report/report.h"
#include "io/file/folder_walk.h"
#include "io/text/json_writer.h"

namespace ckmerge::cli {
namespace {

// A database up to this is read whole before it is trusted: 50 ms for 10,000 checkpoints. In a larger one, of LoRAs
// with their trainers' diaries, damage is found where it is read.
constexpr uint64_t kCheckedSize = 64ull << 20;

ScanOptions scan_options(const Request& request, const Environment& environment) {
  Settings settings = request.settings;
  Faults faults = request.refused;
  complete_run_options(settings, environment, faults);
  faults.raise();
  ScanOptions options;
  options.run = settings.run;
  options.hash = settings.sum_files;
  options.forget = settings.forget;
  return options;
}

// The folders of earlier scans. One that is not there, an unplugged disk, is told and left alone.
ScanPlaces known_places(const Registry& registry) {
  ScanPlaces places;
  for (RegistryRoot& root : registry.roots()) {
    try {
      real_path(root.path);
      places.roots.push_back(std::move(root));
    } catch (const Error& error) {
      places.warnings.emplace_back(error.what());
    }
  }
  if (places.roots.empty())
    throw Error(ErrorCode::usage, "",
                "no folder is given, and none was scanned before that is still there; "
                "`ckmerge scan DIR` scans one",
                places.warnings);
  return places;
}

std::string scan_text(const ScanReport& report, const ScanPlaces& places, const std::string& registry, double seconds) {
  std::string out = visible(registry) + ": " + counted(report.found, "checkpoint") + " below " +
                    counted(places.roots.size(), "folder") + ", " + duration_text(seconds) + "\n";
  const auto row = [&](uint64_t count, const char* what) {
    if (count == 0) return;
    const std::string digits = grouped(count);
    out += std::string(11 - std::min<size_t>(digits.size(), 11), ' ') + digits + "  " + what + "\n";
  };
  row(report.unchanged, "unchanged");
  row(report.added, "new");
  row(report.changed, "changed");
  row(report.moved, "moved");
  row(report.gone, "gone since the last scan");
  row(report.forgotten, "forgotten");
  row(report.hashed, "hashed");
  row(report.unknown, "whose tensors are not known");
  row(report.unread, "that could not be read this time");
  out += listed(report.moves.size(), [&](size_t i) { return shortened(report.moves[i], kSentenceWidth); });
  return out;
}

JsonWriter scan_json(const ScanReport& report, const ScanPlaces& places, const std::string& registry) {
  JsonWriter json;
  json.begin_object();
  json.key("registry").value(registry);
  json.key("folders").begin_array();
  for (const RegistryRoot& root : places.roots) json.value(root.path);
  json.end_array();
  json.key("found").value(report.found);
  json.key("unchanged").value(report.unchanged);
  json.key("added").value(report.added);
  json.key("changed").value(report.changed);
  json.key("moved").value(report.moved);
  json.key("gone").value(report.gone);
  json.key("forgotten").value(report.forgotten);
  json.key("hashed").value(report.hashed);
  json.key("unknown").value(report.unknown);
  json.key("unread").value(report.unread);
  json.key("moves").begin_array();
  for (const std::string& move : report.moves) json.value(move);
  json.end_array();
  json.key("troubles").begin_array();
  for (const std::string& trouble : report.troubles) json.value(trouble);
  json.end_array().end_object();
  return json;
}

ScanReport watched_scan(Registry& registry, const ScanPlaces& places, ScanOptions options, const Settings& settings,
                        Caller& caller) {
  uint64_t total = 0;
  options.run.stop = caller.stop();
  const std::unique_ptr<ProgressView> view = caller.watch(settings, 0);
  options.run.on_progress = [&](const Progress& progress) {
    total = progress.total;
    view->update(progress);
  };
  const auto began = std::chrono::steady_clock::now();
  ScanReport report = scan(registry, places.roots, options);
  view->finish(total, std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  return report;
}

}  // namespace

void scan_command(const Request& request, Caller& caller) {
  const ScanOptions options = scan_options(request, caller.environment);
  const std::string path = registry_path(request.settings, caller.environment);
  const std::vector<std::string>& folders = request.operands;
  const auto began = std::chrono::steady_clock::now();
  ScanPlaces places = scan_places(folders, caller.environment.home);
  ScanReport report;
  const auto access = folders.empty() ? Registry::Access::existing : Registry::Access::create;
  with_registry(path, access, caller, [&](Registry& registry) {
    if (registry.size() <= kCheckedSize) registry.check();
    if (folders.empty()) places = known_places(registry);
    report = watched_scan(registry, places, options, request.settings, caller);
  });
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - began;
  report.troubles.insert(report.troubles.begin(), places.warnings.begin(), places.warnings.end());
  if (request.settings.json) return caller.tell(scan_json(report, places, path));
  if (request.settings.quiet) return;
  caller.tell(scan_text(report, places, path, elapsed.count()));
  for (const std::string& trouble : report.troubles) caller.warn(trouble);
}

}  // namespace ckmerge::cli
