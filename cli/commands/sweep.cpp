// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/sweep.h"

#include <algorithm>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands/config_file.h"
#include "cli/commands/merge_steps.h"
#include "cli/folders/folder_output.h"
#include "cli/options/output_name.h"
#include "cli/options/sweep_option.h"
#include "cli/report/sweep_report.h"
#include "core/formula/recipe_graph.h"
#include "core/lines/line_memory.h"
#include "io/folder/partial_folder.h"

namespace ckmerge::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& where, const std::string& sentence) {
  throw Error(ErrorCode::usage, where, sentence);
}

// One file of the sweep, or one folder.
struct Output {
  std::string path;  // empty: a plan without a folder
  std::string name;
  Recipe recipe;
  Plan plan = {};
  std::optional<ConfigCopy> config = {};
  std::string config_from = {};
  std::unique_ptr<FolderOutput> folder = {};

  uint64_t size() const { return plan.output_size() + (folder ? folder->size_beside() : 0); }
};

// The folder of the outputs, made where it is missing, and taken away again where nothing came to be in it.
class OutputFolder {
 public:
  explicit OutputFolder(const std::string& folder) {
    std::error_code error;
    for (fs::path path = fs::path(folder).parent_path(); !path.empty() && !fs::exists(path, error);
         path = path.parent_path())
      made_.push_back(path.string());
    fs::create_directories(folder, error);
    if (error) throw Error(ErrorCode::io, folder, folder + ": cannot be made: " + error.message());
  }
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;
  ~OutputFolder() {
    std::error_code not_empty;
    for (const std::string& folder : made_) fs::remove(folder, not_empty);
  }

 private:
  std::vector<std::string> made_;  // the deepest first
};

class Sweeping {
 public:
  Sweeping(MergeRequest request, Caller& caller) : request_(std::move(request)), caller_(caller) {
    const Settings& settings = request_.settings;
    for (const SweptOutput& swept : swept_outputs(settings.sweeps)) {
      Output output{.path = "",
                    .name = swept.name + settings.recipe.form->extension(),
                    .recipe = swept_recipe(settings.recipe, settings.sweeps, swept)};
      if (!request_.output.empty()) output.path = request_.output + output.name;
      outputs_.push_back(std::move(output));
    }
  }

  // What headers and the folder can say against all of the outputs, together.
  void prepare() {
    Faults faults;
    for (const Output& output : outputs_)
      if (faults.empty())
        faults.check([&] { expect_file_name("--sweep", output.name, "sweep fewer numbers, or such as are shorter"); });
    for (Output& output : outputs_)
      if (faults.empty())
        faults.check([&] { of_output(output, [&](Output& o) { check_recipe(o.recipe, request_.inputs.size()); }); });
    checkpoints_ = opened_inputs(request_, caller_, faults);
    if (faults.empty()) faults.check([&] { settle(); });
    for (Output& output : outputs_)  // all of them, because plans count their inputs
      if (faults.empty())
        faults.check(
            [&] { of_output(output, [&](Output& o) { add_whole(request_, o.recipe, checkpoints_, caller_); }); });
    for (Output& output : outputs_)
      if (faults.empty()) faults.check([&] { of_output(output, [&](Output& o) { plan(o); }); });
    if (!request_.output.empty()) check_targets(faults);
    faults.raise();
  }

  void tell_plan() const {
    if (request_.settings.json)
      caller_.tell(sweep_plan_json(facts()));
    else if (!request_.settings.quiet)
      caller_.tell(sweep_plan_report(facts()));
  }

  bool only_plan() const { return request_.settings.only_plan; }

  void run() {
    const OutputFolder folder(request_.output);
    std::vector<RunReport> reports = run_watched();
    for (size_t k = 0; k < outputs_.size(); ++k) follow_up(outputs_[k], reports[k], k + 1 == outputs_.size());
    tell_result(reports);
  }

 private:
  // A folder each, where A is one.
  void settle() {
    settle_output(request_, checkpoints_);
    if (!request_.makes_folder()) return;
    const std::string extension = request_.settings.recipe.form->extension();
    for (Output& output : outputs_) {
      output.name.resize(output.name.size() - extension.size());
      output.path = request_.output + output.name;
    }
  }

  // What `call` finds wrong with one output is told with its name, where it is not wrong with all of them.
  void of_output(Output& output, const std::function<void(Output&)>& call) {
    try {
      call(output);
    } catch (const Error& error) {
      Output& other = &output == &outputs_.front() ? outputs_.back() : outputs_.front();
      if (&output == &other || fault_of(other, call) == error.what()) throw;
      throw Error(error.code(), error.where(), output.name + ": " + error.what(), error.details());
    }
  }

  static std::string fault_of(Output& output, const std::function<void(Output&)>& call) {
    try {
      call(output);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  void plan(Output& output) {
    Recipe recipe = output.recipe;
    recipe.input_keys = request_.settings.recipe.input_keys;  // known since the inputs are open
    output.plan = planned(request_, recipe, checkpoints_);
    output.folder = laid_out_folder(request_, output.plan, checkpoints_);
  }

  void check_targets(Faults& faults) {
    uint64_t size = 0, scratch = 0;
    for (const Output& output : outputs_) {
      size += output.size();
      const LineMemory lines = line_memory(output.plan, checkpoints_);
      scratch = std::max(scratch, lines.least_scratch(request_.settings.run.memory_budget));
    }
    std::error_code error;
    const bool is_there = fs::exists(request_.output, error);
    if (!is_there) {
      const std::string place = nearest_place();
      faults.check([&] { check_target(place, identities(checkpoints_), true); });
      faults.check([&] { check_room(place, size, scratch); });
      return;
    }
    for (const Output& output : outputs_) faults.check([&] { check_output(output); });
    faults.check([&] { check_room(outputs_.front().path, size, scratch); });
    for (Output& output : outputs_)
      if (!output.folder) faults.check([&] { choose_config(output); });
  }

  void check_output(const Output& output) const {
    const Settings& settings = request_.settings;
    if (output.folder)
      check_folder_target(output.path, read_paths(settings, checkpoints_), settings.run.replace);
    else
      check_target(output.path, identities(checkpoints_), settings.run.replace);
  }

  void choose_config(Output& output) {
    const Settings& settings = request_.settings;
    output.config =
        config_copy(settings.config, request_.inputs, output.path, settings.run.replace, output.plan.warnings);
    if (output.config) output.config_from = output.config->from;
  }

  // Where a folder that is not there yet would be made: its name in the nearest folder that is.
  std::string nearest_place() const {
    std::error_code error;
    fs::path path = fs::path(request_.output).parent_path();
    while (path.has_parent_path() && !fs::exists(path.parent_path(), error)) path = path.parent_path();
    return path.string();
  }

  std::vector<RunReport> run_watched() {
    uint64_t size = 0;
    std::deque<UnfinishedFolder> folders;
    std::vector<PlannedRun> runs;
    for (const Output& output : outputs_) {
      size += output.plan.output_size();
      if (output.folder)
        folders.emplace_back(*output.folder, output.path, read_paths(request_.settings, checkpoints_),
                             request_.settings.run);
      runs.push_back(
          {.plan = &output.plan, .targets = output.folder ? folders.back().targets() : std::span(&output.path, 1)});
    }
    const std::unique_ptr<ProgressView> view = caller_.watch(request_.settings, size);
    const RunOptions options = watched_options(request_, *view, caller_);
    std::vector<RunReport> reports =
        folders.empty() ? ckmerge::run(runs, checkpoints_, options) : run_into(folders, runs, checkpoints_, options);
    view->finish(size, reports.front().seconds);
    return reports;
  }

  void follow_up(Output& output, const RunReport& report, bool is_last) {
    const MergeFacts of_output = facts_of(output);
    add_run_warnings(output.plan, checkpoints_, report, value_warnings(of_output, report));
    Announcement announcement = request_.announcement;
    if (!is_last) announcement.notify.reset();  // asked once, when all are there
    const WrittenOutput written{
        .announcement = announcement, .path = output.path, .plan = output.plan, .folder = output.folder.get()};
    tell_troubles(request_, announce_output(written, checkpoints_, report, caller_), output.plan, caller_);
    if (output.folder) return;
    if (!output.config) choose_config(output);
    if (output.config) copy_config(*output.config, output.path, request_.settings.run);
  }

  MergeFacts facts_of(const Output& output) const {
    return {.plan = output.plan,
            .checkpoints = checkpoints_,
            .run = request_.settings.run,
            .output = output.path.empty() ? output.name : output.path,
            .config_from = output.config_from,
            .preset = request_.settings.preset,
            .verbose = request_.settings.verbose,
            .sweeps = request_.settings.sweeps,
            .files = output.folder ? output.folder->files() : std::span<const FolderFile>(),
            .beside = output.folder ? output.folder->beside() : std::span<const BesideFile>(),
            .formula = written_formula()};
  }

  std::string_view written_formula() const {
    const std::optional<Formula>& formula = request_.settings.recipe.formula;
    return formula ? std::string_view(formula->text) : std::string_view();
  }

  SweepFacts facts() const {
    SweepFacts all{.folder = request_.output, .outputs = {}, .sweeps = request_.settings.sweeps};
    for (const Output& output : outputs_) all.outputs.push_back(facts_of(output));
    return all;
  }

  void tell_result(const std::vector<RunReport>& reports) const try {
    if (request_.settings.json)
      caller_.tell(sweep_run_json(facts(), reports));
    else if (!request_.settings.quiet)
      caller_.tell(sweep_run_report(facts(), reports));
  } catch (const Error& e) {
    // A report that cannot be told must not look like a merge that failed.
    throw Error(e.code(), e.where(), std::string(e.what()) + "; the files in " + request_.output + " are complete");
  }

  MergeRequest request_;
  Caller& caller_;
  std::deque<Output> outputs_;
  std::vector<Checkpoint> checkpoints_;
};

}  // namespace

void check_sweep(MergeRequest& request, Faults& faults) {
  Settings& settings = request.settings;
  faults.check([&] { swept_outputs(settings.sweeps); });
  if (settings.filename_prefix)
    faults.check([] {
      refuse("--filename-prefix",
             "--filename-prefix names one file, and --sweep makes several, named by their values; give their folder "
             "with -o DIR/");
    });
  if (settings.save_recipe)
    faults.check([] { refuse("--save-recipe", "--save-recipe: a recipe file says one merge, and --sweep several"); });
  if (settings.run.device.choice == DeviceChoice::cuda)
    faults.check([] { refuse("--device", "--device: several outputs of one run are made by the CPU; leave it away"); });
  settings.run.device = {.choice = DeviceChoice::cpu};
  if (!settings.output) return;
  std::error_code error;
  const std::string& output = *settings.output;
  const bool is_file = fs::exists(output, error) && !fs::is_directory(output, error);
  if (is_file || (!is_folder(output) && promised_form(output)))
    faults.check(
        [&] { refuse(output, output + ": --sweep makes several files; name a folder for them, as in -o sweep/"); });
  if (!output.ends_with('/')) settings.output->push_back('/');
}

void sweep_command(MergeRequest request, Caller& caller) {
  Sweeping sweeping(std::move(request), caller);
  sweeping.prepare();
  if (sweeping.only_plan()) return sweeping.tell_plan();
  sweeping.run();
}

}  // namespace ckmerge::cli
