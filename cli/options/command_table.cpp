// SPDX-License-Identifier: Apache-2.0
// Every command as its help, the manual page and the completions tell it.
#include "cli/options/command_table.h"

#include "kernels/method.h"

namespace ckmerge::cli {

const std::vector<CommandSpec>& commands() {
  static const std::vector<CommandSpec> specs{
      {Command::merge, "merge", "A B [C ...] -o OUT [options]", "merge checkpoints into a new file",
       "Merges the checkpoints A, B, C, ... tensor by tensor into OUT, in constant memory. OUT is complete when the\n"
       "command succeeds and untouched when it fails.",
       "  ckmerge merge A.safetensors B.safetensors --alpha 0.3 -o out.safetensors\n"
       "  ckmerge merge A.safetensors B.safetensors C.safetensors -m add_difference -o out.safetensors\n"
       "  ckmerge merge A.safetensors B.safetensors C.safetensors -m linear --weights 0.5,0.3,0.2 -o out.safetensors\n"
       "  ckmerge merge A.safetensors -m copy --dtype f16 -o out.safetensors\n"
       "  ckmerge merge --formula 'A + 0.7*(B - C)' A=base.safetensors B=anime.safetensors C=orig.safetensors -o "
       "out.safetensors\n"},
      {Command::plan, "plan", "A B [C ...] [-o OUT] [options]", "print what merge would do, write nothing",
       "Reads the headers of the checkpoints and prints what `ckmerge merge` with the same arguments would do, or all\n"
       "that stands against it. With -o the target is checked too. Of a recipe (.yaml) it prints what `ckmerge run` "
       "would "
       "do.",
       "  ckmerge plan A.safetensors B.safetensors --alpha 0.3\n"
       "  ckmerge plan A.safetensors B.safetensors --json\n"
       "  ckmerge plan recipe.yaml\n"},
      {Command::run, "run", "FILE A=PATH ... -o OUT [options]", "repeat the merge that a file records, or run a recipe",
       "Merges again what was merged into FILE, by the recipe in its metadata: the same bytes, whatever the inputs "
       "are\n"
       "called now. Where their hashes were recorded (merge --hash) they are checked first. A FILE that ends in .yaml "
       "is\n"
       "a recipe itself: docs/recipe.md.",
       "  ckmerge run merged.safetensors A=base.safetensors B=tuned.safetensors -o again.safetensors\n"
       "  ckmerge run merged.safetensors --models ~/models -o again.safetensors\n"
       "  ckmerge run recipe.yaml -o out.safetensors\n"},
      {Command::convert, "convert", "IN OUT [options]", "write a checkpoint in another form, dtype or selection",
       "Writes the checkpoint IN as OUT: as .safetensors or .ckpt by OUT's extension, with other dtypes, without some "
       "of\n"
       "its tensors, or with the averages of its weights in their place.",
       "  ckmerge convert A.safetensors A.ckpt\n"
       "  ckmerge convert A.safetensors small.safetensors --dtype f16 --dtype vae=f32 --prune --ema use\n"
       "  ckmerge convert A.safetensors vae.safetensors --part vae\n"},
      {Command::bake, "bake", "MODEL --vae FILE -o OUT [options]", "put a VAE into a checkpoint",
       "Writes MODEL with the tensors of the VAE in FILE in the place of its own, where it has them.",
       "  ckmerge bake A.safetensors --vae vae.safetensors -o out.safetensors\n"},
      {Command::compose, "compose", "--unet F --te F --vae F -o OUT", "make one checkpoint of separate files",
       "Puts unet, text encoders and VAE together in one checkpoint, named as those of SD 1, SD 2, SDXL, SD3 or Flux "
       "are.\n"
       "Tensors that are named so already are left alone.",
       "  ckmerge compose --unet unet.safetensors --te clip_l.safetensors --vae vae.safetensors -o out.safetensors\n"
       "  ckmerge compose --unet flux.safetensors --te clip_l.safetensors --te2 t5xxl.safetensors --vae ae.safetensors "
       "-o out.safetensors\n",
       WordKind::text},
      {Command::average, "average", "A B [C ...] -o OUT [options]", "average any number of snapshots",
       "Averages snapshots of one training, as many as there are, in constant memory: each is mapped in turn.",
       "  ckmerge average A.safetensors B.safetensors C.safetensors -o out.safetensors\n"
       "  ckmerge average A.safetensors B.safetensors C.safetensors --beta 0.9 -o out.safetensors\n"},
      {Command::mergekit, "mergekit", "CONFIG.yml OUT [options]", "merge what a configuration of mergekit says",
       "Merges what a configuration of mergekit says, models, slices or modules, into the folder OUT, as "
       "mergekit-yaml,\n"
       "mergekit-pytorch and mergekit-multi do, and takes their options: docs/from-mergekit.md. Models are folders or\n"
       "files, or org/name in the cache of Hugging Face; nothing is downloaded.",
       "  ckmerge mergekit merge.yml out\n"
       "  ckmerge plan --mergekit merge.yml\n"
       "  ckmerge mergekit merge.yml out --save-recipe recipe.yaml\n",
       WordKind::file},
      {Command::lora, "lora", "extract|merge|resize ... -o OUT [options]", "make LoRAs: extract, merge and resize them",
       "Makes a LoRA. extract TUNED BASE: of the difference of two checkpoints. merge L1:0.7 L2:0.4: of several "
       "LoRAs,\n"
       "exactly, with their ranks added up, or (--rank) as near as that rank can be. resize L: with a lower rank. OUT "
       "is a\n"
       "file, or in PEFT's spelling a folder.",
       "  ckmerge lora extract tuned.safetensors base.safetensors --rank 32 -o L.safetensors\n"
       "  ckmerge lora merge style.safetensors:0.7 face.safetensors:0.4:te=0 -o both.safetensors\n"
       "  ckmerge lora resize L.safetensors --energy 0.95 -o small.safetensors\n",
       WordKind::checkpoint},
      {Command::inspect, "inspect", "FILE ... [options]", "print a checkpoint's tensors, sizes and metadata",
       "Prints the tensors, dtypes, sizes and metadata of checkpoints. Reads headers and\n"
       "pickles, and runs nothing of them.",
       "  ckmerge inspect A.safetensors\n"
       "  ckmerge inspect A.safetensors --tensors\n"},
      {Command::hash, "hash", "FILE ... [options]", "print a file's SHA-256, AutoV1, AutoV2, AutoV3 and CRC32",
       "Prints the sums by which A1111, Civitai and zip files know a file, all from one read, or compares files with "
       "a\n"
       "list of SHA-256 sums.",
       "  ckmerge hash A.safetensors\n"
       "  ckmerge hash --check SHA256SUMS\n"},
      {Command::scan, "scan", "[DIR ...] [options]", "look for checkpoints, keep what is found in a registry",
       "Finds the checkpoints below folders and keeps in a registry what their headers say, so that they can be\n"
       "called by name or hash. A DIR may be an A1111 or ComfyUI installation, or an extra_model_paths.yaml; without "
       "any,\n"
       "the folders of earlier scans are looked through again.",
       "  ckmerge scan ~/models\n"
       "  ckmerge scan ~/stable-diffusion-webui ~/ComfyUI --hash\n",
       WordKind::folder},
      {Command::listing, "list", "[WORD ...] [options]", "print the checkpoints in the registry",
       "Prints the checkpoints in the registry, those in whose name, path, hash or kind every WORD is found.",
       "  ckmerge list\n"
       "  ckmerge list sdxl lora\n",
       WordKind::text},
      {Command::show, "show", "NAME [options]", "print what the registry knows of a checkpoint",
       "Prints what the registry knows of one checkpoint: its names, hashes and metadata, and what it was merged from.",
       "  ckmerge show model\n"
       "  ckmerge show 0123456789 --json\n",
       WordKind::text},
      {Command::methods, "methods", "[NAME] [options]", "print the merge methods and their parameters",
       "Prints what each merge method computes, its parameters and where its definition comes from.",
       "  ckmerge methods\n"
       "  ckmerge methods add_difference\n",
       WordKind::method},
      {Command::doctor, "doctor", "[DIR] [options]", "print what ckmerge finds on this machine",
       "Prints versions, processors, memory, limits, and how files would be written in DIR (default: this folder), "
       "and\n"
       "what of it is in a merge's way. To find out it makes a small file in DIR and removes it.",
       "  ckmerge doctor\n"
       "  ckmerge doctor models --json\n",
       WordKind::folder},
      {Command::completions, "completions", "SHELL", "print a script that completes command lines",
       "Prints what SHELL (bash, zsh or fish) needs to complete ckmerge's command lines. Installed packages have it.",
       "  ckmerge completions bash > ~/.local/share/bash-completion/completions/ckmerge\n"
       "  ckmerge completions zsh > ~/.zfunc/_ckmerge\n"
       "  ckmerge completions fish > ~/.config/fish/completions/ckmerge.fish\n",
       WordKind::shell},
      {Command::man, "man", "", "print the manual page", "Prints the manual page, in the form that man reads.",
       "  ckmerge man | man -l -\n", WordKind::text},
  };
  return specs;
}

std::vector<std::string> words_of(WordKind kind) {
  std::vector<std::string> words;
  if (kind == WordKind::shell) words = {"bash", "zsh", "fish"};
  if (kind == WordKind::method)
    for (const Method& method : ckmerge::methods()) words.emplace_back(method.spec->name);
  return words;
}

}  // namespace ckmerge::cli
