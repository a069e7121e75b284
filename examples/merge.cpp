// SPDX-License-Identifier: Apache-2.0
// usage: merge_example A.safetensors B.safetensors OUT.safetensors
// Writes the point a quarter of the way from A to B. Ctrl-C stops it, and leaves no file behind.
#include <ckmerge/ckmerge.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <vector>

static std::atomic<bool> stop{false};

int main(int argc, char** argv) try {
  if (argc != 4) {
    std::fprintf(stderr, "usage: merge_example A.safetensors B.safetensors OUT.safetensors\n");
    return 2;
  }
  std::signal(SIGINT, [](int) { stop = true; });
  ckmerge::install_sigbus_guard();  // an input that is cut off during the merge becomes an error, not a crash

  std::vector<ckmerge::Checkpoint> checkpoints;
  for (const char* path : {argv[1], argv[2]}) checkpoints.push_back(ckmerge::open_checkpoint(path));
  const ckmerge::Plan plan =
      ckmerge::make_plan({.method = "weighted_sum", .parameters = {{"alpha", {0.25}}}}, checkpoints);
  for (const std::string& warning : plan.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());

  ckmerge::RunOptions options{.replace = true, .stop = &stop};
  options.on_progress = [](const ckmerge::Progress& progress) {
    std::fprintf(stderr, "\r%3.0f %%",
                 100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total));
  };
  const ckmerge::RunReport report = ckmerge::run(plan, checkpoints, argv[3], options);
  std::fprintf(stderr, "\n");
  std::printf("%zu tensors, %.3f s\n", plan.steps.size(), report.seconds);
  return 0;
} catch (const ckmerge::Error& error) {
  std::fprintf(stderr, "\nmerge_example: %s\n", error.what());
  return static_cast<int>(error.code());
}
