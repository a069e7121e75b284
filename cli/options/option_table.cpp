// SPDX-License-Identifier: Apache-2.0
#include "cli/options/option_table.h"

#include "cli/options/adapter_option.h"
#include "cli/options/device_option.h"
#include "cli/options/dtype_option.h"
#include "cli/options/lora_options.h"
#include "cli/options/mergekit_options.h"
#include "cli/options/method_options.h"
#include "cli/options/output_name.h"
#include "cli/options/presets.h"
#include "cli/options/readers.h"
#include "cli/options/sweep_option.h"
#include "cli/options/weight_options.h"
#include "cli/system/text.h"

namespace ckmerge::cli {
namespace {

constexpr unsigned in(auto... command) { return ((1u << static_cast<unsigned>(command)) | ...); }
constexpr unsigned kEveryCommand = ~0u;

Reader read_like() {
  Reader reader = read_text(&Settings::like);  // that there is such a set is seen when it is applied
  reader.choices = preset_names();
  return reader;
}

struct Row {
  unsigned commands;
  OptionSpec spec;
};

const std::vector<Row>& table() {
  using enum Command;
  const unsigned recipes = in(merge, plan, convert, bake, compose, average), writes = recipes | in(run, mergekit),
                 files = writes | in(lora);
  static const std::vector<Row> rows{
      {files,
       {"output", 'o', "OUT", "the file to write, or a folder; that of a merge is then named as A1111 names it",
        read_filled_text(&Settings::output, ValueType::output)}},
      {writes & ~in(mergekit),
       {"filename-prefix", 0, "P",
        "name the file as ComfyUI does: P_00001_.safetensors, the next free number, in the folder of -o; P may hold "
        "folders and fields such as %year%",
        read_filled_text(&Settings::filename_prefix, ValueType::text, " is empty")}},
      {in(run),
       {"models", 0, "DIR",
        "look below this folder for inputs that are not given: by hash where it was recorded, else by name",
        read_text(&Settings::models, ValueType::folder)}},
      {in(merge, plan),
       {"like", 0, "SET", "options that merge as another tool does: a1111 or artventure", read_like()}},
      {in(merge, plan),
       {"method", 'm', "M", "how to merge (default weighted_sum); see `ckmerge methods`", read_method()}},
      {in(merge, plan), {"param", 0, "K=V", "set a parameter of the method, whatever it is called", read_param()}},
      {in(merge, plan),
       {"mbw-presets", 0, "FILE", "the file in which --mbw-preset looks, of lines NAME and numbers",
        read_filled_text(&Settings::mbw_presets, ValueType::file)}},
      {in(merge, plan),
       {"mbw-preset", 0, "NAME", "weights by block under this name in the file of --mbw-presets", read_mbw_preset()}},
      {in(merge, plan),
       {"mbw", 0, "X1,X2,...", "weights by block as supermerger lists them: 26 or 25 numbers, 20 for SDXL, 61 for Flux",
        read_mbw()}},
      {in(merge, plan), {"base-alpha", 0, "X", "the weight of BASE, what is in no block", read_base_alpha()}},
      {in(merge, plan),
       {"weight", 0, "SELECTOR=X",
        "another number of the method for some tensors: IN04=0.2, IN00..IN08=0.2, 'OUT*=[0,1]', '/attn2/=0', or "
        "supermerger's OUT03-OUT06:attn2:0.3; the last that selects a tensor holds",
        read_weight()}},
      {in(merge, plan),
       {"formula", 0, "TEXT",
        "what to compute, in place of a method: 'A + 0.7*(B - C)' of the inputs A, B and C, or of others that are "
        "given as NAME=FILE; see docs/recipe.md",
        read_formula()}},
      {in(merge, plan),
       {"sweep", 0, "K=X1,X2,...",
        "several outputs from one reading of the inputs, one for each of these values of a parameter: files such as "
        "alpha-0.2.safetensors in the folder of -o; of a list, numbers with slashes between (weights=1/1,1/2)",
        read_sweep()}},
      {recipes,
       {"dtype", 0, "D",
        "store float tensors as keep (default), f64, f32, f16, bf16, f8_e4m3 or f8_e5m2; those of a part with "
        "PART=D, as in vae=f32 (unet, te, vae), those of names with /REGEX/=D",
        read_dtype()}},
      {recipes, {"half", 0, "", "store F32 as F16 and leave the others, as A1111 does", read_half()}},
      {in(merge, plan, bake), {"vae", 0, "FILE", "bake this VAE in, as A1111 does", read_vae_to_bake()}},
      {in(merge, plan, bake),
       {"lora", 0, "FILE[:S]",
        "add this adapter (LoRA and its kin: a file, or PEFT's folder) with the strength S (default 1); te=0.2 behind "
        "another colon, or any other selector, for some tensors",
        read_adapter()}},
      {in(merge, plan, bake),
       {"allow-unmatched", 0, "", "leave out modules of adapters that belong to nothing in A",
        read_flag(&Recipe::allow_unmatched)}},
      {in(merge, plan, bake),
       {"tied", 0, "P", "an adapter of both names of tied embeddings: error (default), or sum both, as PEFT does",
        read_choice(&Recipe::tied)}},
      {in(merge, plan, bake),
       {"dora", 0, "P", "read a DoRA as it was trained (default: trained), or as comfy does",
        read_choice(&Recipe::dora)}},
      {in(compose), {"unet", 0, "FILE", "the denoiser, whatever its architecture", read_component(Part::unet)}},
      {in(compose),
       {"te", 0, "FILE", "a text encoder; CLIP-L, CLIP-G, CLIP-H and T5 are told by their tensors",
        read_component(Part::te)}},
      {in(compose), {"te2", 0, "FILE", "another", read_component(Part::te)}},
      {in(compose), {"te3", 0, "FILE", "and a third", read_component(Part::te)}},
      {in(compose), {"vae", 0, "FILE", "the VAE", read_component(Part::vae)}},
      {in(compose),
       {"layout", 0, "L", "whose names the checkpoint gets (default: as the unet's tensors tell)", read_layout()}},
      {in(merge, plan, convert, bake, average),
       {"layout", 0, "L",
        "the names of the result: comfy, diffusers (a folder, where OUT is one) or original; all inputs are brought to "
        "them",
        read_asked_layout()}},
      {in(merge, plan, run, convert, bake, average),
       {"config-from", 0, "DIR",
        "of a folder as OUT: take configs, tokenizers and the scheduler from this folder of the same family",
        read_filled_text(&Settings::config_from, ValueType::folder)}},
      {in(merge, plan, run, convert, bake, average),
       {"shard-size", 0, "SIZE",
        "of a model's folder as OUT: the most bytes of tensors in a file, such as 500MB or 5GB (default 5GB)",
        read_given_size(&Settings::shard_size)}},
      {in(merge, plan, run, convert, bake, average, mergekit),
       {"copy-code", 0, "", "of a model's folder as OUT: copy A's Python files into it; nothing of them is run",
        read_flag(&Settings::copy_code)}},
      {in(average),
       {"beta", 0, "B", "an exponential moving average in the order given: B * average + (1 - B) * next",
        read_number(&Settings::beta)}},
      {in(average),
       {"gamma", 0, "G", "a power-function average: the snapshot of time t counts as t to the power of G",
        read_number(&Settings::gamma)}},
      {in(convert), {"part", 0, "P,...", "only these parts: unet, te, vae", read_parts()}},
      {in(convert),
       {"prune", 0, "", "leave out what training left: optimizer states, losses, counters", read_flag(&Recipe::prune)}},
      {in(convert),
       {"ema", 0, "P", "averages of weights: keep (default) what programs load, use them as the weights, or drop them",
        read_choice(&Recipe::ema)}},
      {in(convert),
       {"keep-names", 0, "", "leave wrappers of training (module.) and old names of text encoders in the names",
        read_flag(&Recipe::keep_names)}},
      {in(convert),
       {"from-unsafe", 0, "", "take the tensors of a PyTorch file that is refused as unsafe: nothing of it is run",
        read_flag(&Settings::from_unsafe)}},
      {in(merge, plan, convert, bake, average),
       {"config", 0, "C",
        "copy A1111's .yaml beside the result: that of A, B or C, auto (the first that has one) or none (default)",
        read_choice_of<ConfigSource>(&Settings::config, {"auto", "A", "B", "C", "none"})}},
      {in(merge, plan, run, convert, bake, average, mergekit),
       {"save-recipe", 0, "FILE", "write the merge into a recipe file (.yaml) as well, which `ckmerge run` repeats",
        read_filled_text(&Settings::save_recipe, ValueType::file)}},
      {writes & ~in(mergekit),
       {"format", 0, "F", "the form of the output: " + joined(form_names(), " or ") + " (default: by OUT's extension)",
        read_format()}},
      {writes & ~in(mergekit),
       {"wrap", 0, "NAME", "of a .ckpt: put the tensors into a dict of this name, as old programs want (state_dict)",
        read_wrap()}},
      {recipes,
       {"discard", 0, "REGEX", "leave out tensors whose name this matches, as re.search does",
        read_texts(&Recipe::discard, ValueType::pattern)}},
      {recipes,
       {"strip-prefix", 0, "P", "take P off the front of tensor names; B:P of one input's",
        read_texts(&Recipe::strip_prefix)}},
      {recipes,
       {"rename", 0, "REGEX=NEW",
        "call tensors by other names: NEW, in which \\1 is the first group, where REGEX matches; B:REGEX=NEW of one "
        "input's",
        read_texts(&Recipe::rename)}},
      {recipes,
       {"add-prefix", 0, "P", "put P in front of tensor names; B:P of one input's", read_texts(&Recipe::add_prefix)}},
      {in(merge, plan, average),
       {"only", 0, "REGEX", "merge these tensors only, copy the others from A",
        read_texts(&Recipe::only, ValueType::pattern)}},
      {in(merge, plan, average),
       {"exclude", 0, "REGEX", "copy these tensors from A", read_texts(&Recipe::exclude, ValueType::pattern)}},
      {in(merge, plan, average),
       {"missing", 0, "P", "a name of A that another checkpoint lacks: keep (default), zero, drop or error",
        read_choice(&Recipe::missing)}},
      {in(merge, plan, average),
       {"extra", 0, "P", "a name that A lacks: drop (default), add or error", read_choice(&Recipe::extra)}},
      {in(merge, plan),
       {"expand", 0, "P",
        "channels that only A has (inpainting, instruct-pix2pix): copy (default) them from A, or let the others count "
        "as zero",
        read_choice(&Recipe::expand)}},
      {in(merge, plan, average),
       {"vocab", 0, "P",
        "embeddings and heads whose vocabularies differ in size: error (default), crop to the smallest, or base: A's "
        "rows, merged where all have them",
        read_choice(&Recipe::vocab)}},
      {in(merge, plan),
       {"first-channels", 0, "REGEX", "A's first channels are the others' in these tensors, too",
        read_texts(&Recipe::first_channels, ValueType::pattern)}},
      {in(merge, plan, average),
       {"merge-buffers", 0, "", "merge marks, noise schedules, masks and tables of positions as if they were weights",
        read_flag(&Recipe::merge_buffers)}},
      {recipes,
       {"mend", 0, "",
        "put right what can be: position_ids that are not 0, 1, 2, ..., bytes behind the last tensor of a safetensors "
        "file",
        read_flag(&Recipe::mend)}},
      {recipes,
       {"copy-codes", 0, "", "copy the layers of quantized files from A as they are, codes and scales",
        read_flag(&Recipe::copy_codes)}},
      {recipes | in(mergekit),
       {"nan", 0, "P", "NaN or Inf that no input has: error (default) or warn", read_choice(&Recipe::nan)}},
      {recipes | in(mergekit),
       {"rounding", 0, "P",
        "what f16, bf16 and fp8 do not hold is rounded to the nearest value (default), or stochastic: to one of both "
        "neighbours by chance, the nearer the likelier",
        read_choice(&Recipe::rounding)}},
      {recipes | in(mergekit),
       {"seed", 0, "N", "which random numbers stochastic rounding and dropout take: a whole number (default 0)",
        read_seed()}},
      {recipes | in(mergekit),
       {"underflow", 0, "P", "a tensor that is stored as zeros alone: warn (default) or error",
        read_choice(&Recipe::underflow)}},
      {recipes,
       {"metadata", 0, "P",
        "what the file says of itself: keep (default), recipe, none, set: what --set-metadata gives alone, or last: as "
        "keep, but the last input's where they differ, save config, model_version and the prediction, which stay A's",
        read_choice(&Recipe::metadata)}},
      {in(merge, plan, convert, bake, average, inspect, hash),
       {"component", 0, "NAME",
        "of each pipeline that is given as a folder this component alone, as if its sub-folder had been named: unet, "
        "vae, text_encoder_2",
        read_filled_text(&Settings::component, ValueType::text, " is empty")}},
      {recipes | in(inspect),
       {"key", 0, "K", "where in a PyTorch file its tensors are, with dots; B=K for one input (default: looked for)",
        read_texts(&Settings::keys)}},
      {writes,
       {"allow-expanded", 0, "", "take PyTorch files whose views are larger than the file",
        read_flag(&Settings::allow_expanded)}},
      {recipes, {"set-metadata", 0, "K=V", "add a field to the file's metadata", read_added_metadata()}},
      {recipes | in(mergekit),
       {"hash", 0, "", "record the inputs' SHA-256 in the file, print the output's", read_flag(&RunOptions::hash)}},
      {recipes | in(mergekit),
       {"hash-inputs", 0, "", "only record the inputs' SHA-256 in the file; the output's sums take time",
        read_flag(&Recipe::hash)}},
      {writes | in(hash, scan),
       {"hash-cache", 0, "FILE", "where known hashes are kept (default: the user's cache folder), or none",
        read_hash_cache()}},
      {writes | in(lora, inspect, hash, scan, listing, show),
       {"registry", 0, "FILE", "the registry, in which @NAME is looked up (default: in the user's data folder)",
        read_text(&Settings::registry, ValueType::file)}},
      {files, {"no-register", 0, "", "do not add OUT to the registry", read_flag(&Settings::registers, false)}},
      {writes,
       {"notify", 0, "URL", "afterwards ask the A1111 at URL, such as http://127.0.0.1:7860, to find OUT",
        read_notify_url()}},
      {files, {"verify", 0, "", "read the output back from the disk and compare", read_flag(&RunOptions::verify)}},
      {files, {"force", 'f', "", "replace OUT if it exists", read_flag(&RunOptions::replace)}},
      {files, {"dry-run", 'n', "", "print the plan, write nothing", read_flag(&Settings::only_plan)}},
      {files,
       {"no-fsync", 0, "", "do not wait until the disk has the result: for scratch files",
        read_flag(&RunOptions::sync, false)}},
      {files,
       {"memory", 0, "SIZE", "memory to work in, such as 512M or 2GiB (default 128MiB); no effect on the result",
        read_size(&RunOptions::memory_budget)}},
      {writes | in(lora, hash, scan),
       {"threads", 0, "N", "threads to compute on (default: all this process may use)",
        read_count(&RunOptions::threads, 1, 1024)}},
      {writes,
       {"device", 0, "D",
        "who computes: auto (default: on a large merge the faster of the CPU and the first GPU, as measured), cpu, "
        "cuda or cuda:N[,N...]; no effect on the result",
        read_device()}},
      {writes,
       {"gpu-memory", 0, "SIZE", "memory to take on each GPU (default: half of what is free)",
        read_size(&DeviceOptions::memory)}},
      {writes | in(lora, hash, scan),
       {"progress", 0, "P", "auto (default), bar, plain, json (one object per line on stderr) or none",
        read_choice_of<ProgressChoice>(&Settings::progress, {"auto", "bar", "plain", "json", "none"})}},
      {in(inspect),
       {"blocks", 0, "", "list the blocks, as --weight and --mbw know them", read_flag(&Settings::blocks)}},
      {in(inspect), {"tensors", 0, "", "list all tensors, not the first 20", read_flag(&Settings::all_tensors)}},
      {in(scan),
       {"hash", 0, "", "compute the sums of checkpoints that have none, as `ckmerge hash` does",
        read_flag(&Settings::sum_files)}},
      {in(scan), {"forget", 0, "", "remove entries of checkpoints that are gone", read_flag(&Settings::forget)}},
      {in(hash),
       {"check", 'c', "FILE", "compare files with a list of SHA-256 sums, as sha256sum writes them",
        read_filled_text(&Settings::check, ValueType::file)}},
      {in(methods), {"markdown", 0, "", "print docs/methods.md", read_flag(&Settings::markdown)}},
      {writes | in(lora, inspect, hash, scan, listing, show, methods, doctor),
       {"json", 0, "", "print one JSON document, on failure too", read_flag(&Settings::json)}},
      {(writes & ~in(mergekit)) | in(lora, hash, scan),
       {"quiet", 'q', "", "print no report and no progress, only errors", read_flag(&Settings::quiet)}},
      {files,
       {"verbose", 'v', "", "say how the work was done; with plan, list all tensors", read_flag(&Settings::verbose)}},
      {kEveryCommand, {"help", 'h', "", "print this", read_flag(&Settings::help)}},
  };
  return rows;
}

}  // namespace

std::vector<OptionSpec> options_of(Command command) {
  std::vector<OptionSpec> options;
  for (const Row& row : table())
    if (row.commands & in(command)) options.push_back(row.spec);
  if (command == Command::plan) options.push_back(planned_mergekit_option());
  const auto add = [&](const auto& more) { options.insert(options.end(), more.begin(), more.end()); };
  if (command == Command::mergekit) add(mergekit_options());
  if (command == Command::lora) add(lora_options());
  if (command == Command::merge || command == Command::plan) add(method_options());
  return options;
}

std::vector<OptionSpec> options_planning_mergekit() {
  std::vector<OptionSpec> options = options_of(Command::mergekit);
  options.push_back(planned_mergekit_option());
  return options;
}

}  // namespace ckmerge::cli
