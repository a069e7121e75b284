// SPDX-License-Identifier: Apache-2.0
#include "cli/options/options.h"

#include <algorithm>

#include "cli/options/output_name.h"
#include "cli/system/text.h"
#include "core/recipe/recipe.h"
#include "kernels/method.h"

namespace ckmerge::cli {
namespace {

constexpr unsigned in(auto... command) { return ((1u << static_cast<unsigned>(command)) | ...); }
constexpr unsigned kEveryCommand = ~0u;

template <typename Policy>
std::vector<std::string> texts() {
  const auto names = policy_names<Policy>();
  return {names.begin(), names.end()};
}

struct Record {
  unsigned commands;
  OptionSpec spec;
};

const std::vector<Record>& catalogue() {
  using enum Command;
  using enum OptionKind;
  const unsigned recipes = in(merge, plan, convert, bake, compose, average), writes = recipes | in(run);
  static const std::vector<Record> records{
      {writes,
       {"output", 'o', value, "OUT", "the file to write, or a folder: the file is then named as A1111 names it"}},
      {writes,
       {"filename-prefix", 0, value, "P",
        "name the file as ComfyUI does: P_00001_.safetensors, the next free number, in the folder of -o; P may hold "
        "folders and fields such as %year%"}},
      {in(run),
       {"models", 0, value, "DIR",
        "look below this folder for inputs that are not given: by hash where it was recorded, else by name"}},
      {in(merge, plan),
       {"like",
        0,
        value,
        "SET",
        "options that merge as another tool does: a1111 or artventure",
        {"a1111", "artventure"}}},
      {in(merge, plan), {"method", 'm', value, "M", "how to merge (default weighted_sum); see `ckmerge methods`"}},
      {in(merge, plan), {"param", 0, list, "K=V", "set a parameter of the method, whatever it is called"}},
      {recipes,
       {"dtype",
        0,
        list,
        "D",
        "store float tensors as keep (default), f64, f32, f16, bf16, f8_e4m3 or f8_e5m2; those of a part with "
        "PART=D, as in vae=f32 (unet, te, vae)",
        {"keep", "f64", "f32", "f16", "bf16", "f8_e4m3", "f8_e5m2"}}},
      {recipes, {"half", 0, flag, "", "store F32 as F16 and leave the others, as A1111 does"}},
      {in(merge, plan, bake), {"vae", 0, value, "FILE", "bake this VAE in, as A1111 does"}},
      {in(compose), {"unet", 0, value, "FILE", "the denoiser, whatever its architecture"}},
      {in(compose),
       {"te", 0, value, "FILE", "a text encoder; CLIP-L, CLIP-G, CLIP-H and T5 are told by their tensors"}},
      {in(compose), {"te2", 0, value, "FILE", "another"}},
      {in(compose), {"te3", 0, value, "FILE", "and a third"}},
      {in(compose), {"vae", 0, value, "FILE", "the VAE"}},
      {in(compose),
       {"layout",
        0,
        value,
        "L",
        "whose names the checkpoint gets (default: as the unet's tensors tell)",
        {"sd1", "sd2", "sdxl", "sd3", "flux"}}},
      {in(average),
       {"beta", 0, value, "B", "an exponential moving average in the order given: B * average + (1 - B) * next"}},
      {in(average),
       {"gamma", 0, value, "G", "a power-function average: the snapshot of time t counts as t to the power of G"}},
      {in(convert), {"part", 0, value, "P,...", "only these parts: unet, te, vae"}},
      {in(convert), {"prune", 0, flag, "", "leave out what training left: optimizer states, losses, counters"}},
      {in(convert),
       {"ema", 0, value, "P", "averages of weights (model_ema.): keep (default) them, use them as the weights, or drop",
        texts<EmaPolicy>()}},
      {in(merge, plan, convert, bake, average),
       {"config",
        0,
        value,
        "C",
        "copy A1111's .yaml beside the result: that of A, B or C, auto (the first that has one) or none (default)",
        {"auto", "A", "B", "C", "none"}}},
      {writes,
       {"format", 0, value, "F",
        "the form of the output: " + joined(form_names(), " or ") + " (default: by OUT's extension)", form_names()}},
      {recipes, {"discard", 0, list, "REGEX", "leave out tensors whose name this matches, as re.search does"}},
      {in(merge, plan, average), {"only", 0, list, "REGEX", "merge these tensors only, copy the others from A"}},
      {in(merge, plan, average), {"exclude", 0, list, "REGEX", "copy these tensors from A"}},
      {in(merge, plan, average),
       {"missing", 0, value, "P", "a name of A that another checkpoint lacks: keep (default), zero, drop or error",
        texts<MissingPolicy>()}},
      {in(merge, plan, average),
       {"extra", 0, value, "P", "a name that A lacks: drop (default), add or error", texts<ExtraPolicy>()}},
      {in(merge, plan),
       {"expand", 0, value, "P",
        "channels that only A has (inpainting, instruct-pix2pix): copy (default) them from A, or let the others count "
        "as zero",
        texts<ExpandPolicy>()}},
      {recipes, {"nan", 0, value, "P", "NaN or Inf that no input has: error (default) or warn", texts<NanPolicy>()}},
      {recipes,
       {"metadata", 0, value, "P", "what the file says of itself: keep (default), recipe or none",
        texts<MetadataPolicy>()}},
      {recipes | in(inspect),
       {"key", 0, list, "K",
        "where in a PyTorch file its tensors are, with dots; B=K for one input (default: looked for)"}},
      {writes, {"allow-expanded", 0, flag, "", "take PyTorch files whose views are larger than the file"}},
      {recipes, {"set-metadata", 0, list, "K=V", "add a field to the file's metadata"}},
      {recipes, {"hash", 0, flag, "", "record the inputs' SHA-256 in the file, print the output's"}},
      {writes | in(hash, scan),
       {"hash-cache", 0, value, "FILE", "where known hashes are kept (default: the user's cache folder), or none"}},
      {writes | in(inspect, hash, scan, listing, show),
       {"registry", 0, value, "FILE",
        "the registry, in which @NAME is looked up (default: in the user's data folder)"}},
      {writes, {"no-register", 0, flag, "", "do not add OUT to the registry"}},
      {writes,
       {"notify", 0, value, "URL", "afterwards ask the A1111 at URL, such as http://127.0.0.1:7860, to find OUT"}},
      {writes, {"verify", 0, flag, "", "read the output back from the disk and compare"}},
      {writes, {"force", 'f', flag, "", "replace OUT if it exists"}},
      {writes, {"dry-run", 'n', flag, "", "print the plan, write nothing"}},
      {writes, {"no-fsync", 0, flag, "", "do not wait until the disk has the result: for scratch files"}},
      {writes,
       {"memory", 0, value, "SIZE",
        "memory to work in, such as 512M or 2GiB (default 128MiB); no effect on the result"}},
      {writes | in(hash, scan),
       {"threads", 0, value, "N", "threads to compute on (default: all this process may use)"}},
      {writes,
       {"device", 0, value, "D",
        "who computes: auto (default: on a large merge the faster of the CPU and the first GPU, as measured), cpu, "
        "cuda or cuda:N[,N...]; no effect on the result"}},
      {writes, {"gpu-memory", 0, value, "SIZE", "memory to take on each GPU (default: half of what is free)"}},
      {writes | in(hash, scan),
       {"progress",
        0,
        value,
        "P",
        "auto (default), bar, plain, json (one object per line on stderr) or none",
        {"auto", "bar", "plain", "json", "none"}}},
      {in(inspect), {"tensors", 0, flag, "", "list all tensors, not the first 20"}},
      {in(scan), {"hash", 0, flag, "", "compute the sums of checkpoints that have none, as `ckmerge hash` does"}},
      {in(scan), {"forget", 0, flag, "", "remove entries of checkpoints that are gone"}},
      {in(hash), {"check", 'c', value, "FILE", "compare files with a list of SHA-256 sums, as sha256sum writes them"}},
      {in(methods), {"markdown", 0, flag, "", "print docs/methods.md"}},
      {writes | in(inspect, hash, scan, listing, show, methods, doctor),
       {"json", 0, flag, "", "print one JSON document, on failure too"}},
      {writes | in(hash, scan), {"quiet", 'q', flag, "", "print no report and no progress, only errors"}},
      {writes, {"verbose", 'v', flag, "", "say how the work was done; with plan, list all tensors"}},
      {kEveryCommand, {"help", 'h', flag, "", "print this"}},
  };
  return records;
}

OptionKind kind_of(ParameterKind kind) { return kind == ParameterKind::flag ? OptionKind::toggle : OptionKind::value; }

const char* value_name_of(ParameterKind kind) {
  return kind == ParameterKind::number ? "X" : kind == ParameterKind::numbers ? "X1,X2,..." : "";
}

std::string meaning_of(const MethodSpec& method, const ParameterSpec& parameter) {
  return std::string(method.name) + ": " + parameter.meaning + " (default " + parameter.default_text + ")";
}

// Methods that call a parameter alike share the option.
void add_method_options(std::vector<OptionSpec>& options) {
  const auto first = options.size();
  for (const Method& method : ckmerge::methods()) {
    for (size_t i = 0; i < method.spec->parameter_count; ++i) {
      const ParameterSpec& parameter = method.spec->parameters[i];
      const auto same = std::find_if(options.begin() + static_cast<std::ptrdiff_t>(first), options.end(),
                                     [&](const OptionSpec& option) { return option.name == parameter.option_name(); });
      if (same != options.end())
        same->meaning += "; " + meaning_of(*method.spec, parameter);
      else
        options.push_back({.name = parameter.option_name(),
                           .kind = kind_of(parameter.kind),
                           .value_name = value_name_of(parameter.kind),
                           .meaning = meaning_of(*method.spec, parameter),
                           .of_method = true});
    }
  }
}

}  // namespace

WordKind OptionSpec::word_kind() const {
  if (value_name == "OUT") return WordKind::checkpoint;
  if (value_name == "FILE") return WordKind::file;
  if (value_name == "DIR") return WordKind::folder;
  if (value_name == "M") return WordKind::method;
  return WordKind::text;
}

std::vector<std::string> OptionSpec::spellings() const {
  std::vector<std::string> words{"--" + name};
  if (kind == OptionKind::toggle) words.push_back("--no-" + name);
  if (letter) words.push_back(std::string("-") + letter);
  return words;
}

std::vector<std::string> words_of(WordKind kind) {
  std::vector<std::string> words;
  if (kind == WordKind::shell) words = {"bash", "zsh", "fish"};
  if (kind == WordKind::method)
    for (const Method& method : ckmerge::methods()) words.emplace_back(method.spec->name);
  return words;
}

std::vector<OptionSpec> options_of(Command command) {
  std::vector<OptionSpec> options;
  for (const Record& record : catalogue())
    if (record.commands & in(command)) options.push_back(record.spec);
  if (command == Command::merge || command == Command::plan) add_method_options(options);
  return options;
}

}  // namespace ckmerge::cli
