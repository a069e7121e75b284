# SPDX-License-Identifier: Apache-2.0
"""What each option means, made by scripts/python_help.py from the library's table; do not edit. COMMAND.NAME is of one command, where
others have an option of this name that means something else."""

MEANINGS = {
    'add_prefix':
        "put P in front of tensor names; B:P of one input's",
    'alignment':
        'rotate: how much of the turn: 1 turns A, 0 does not (default 1)',
    'allow_crimes':
        "mergekit's; changes nothing: models are merged by the names and shapes of their tensors, and told "
        'apart by these',
    'allow_expanded':
        'take PyTorch files whose views are larger than the file',
    'allow_unmatched':
        'leave out modules of adapters that belong to nothing in A',
    'alpha':
        'of these methods, with these defaults: add_cosine_a (1), add_cosine_b (1), add_difference (1), '
        'add_opposite (1), add_perpendicular (1), add_strict_opposite (1), breadcrumbs (1), breadcrumbs_ties '
        '(1), consensus (1), cosine_a (0.5), cosine_b (0.5), crossover (0.5), dare_linear (1), dare_ties (1), '
        'della (1), della_linear (1), distribution_crossover (0.5), dropout (1), euclidean_add_difference '
        '(1), expo (0.3), extract (0.5), geometric (0.5), iso_c (1), iso_cts (1), knots (1), magmax (1), '
        'multiply_difference (0.5), nearswap (0.0001), ramplus_tl (0.2), rebasin (0.5), rotate (0), scale '
        '(1), sigmoid (0.5), similarity_add_difference (1), slerp (0.5), smooth_add (1), sum_twice (0.5), '
        'task_arithmetic (1), tensor_sum (0.5), ties (1), ties_sum (1), ties_sum_extended (1), '
        'ties_sum_with_dropout (1), train_difference (1), triple_sum (0.5), truncate_rank (1), tsv_m (1), '
        'unit_slerp (0.5), weighted_subtraction (0.5), weighted_sum (0.5); ckmerge.methods(NAME) says what it '
        'does there',
    'apply_median':
        'of these methods, with these defaults: ties_sum_extended (off), ties_sum_with_dropout (off); '
        'ckmerge.methods(NAME) says what it does there',
    'apply_stock':
        'of these methods, with these defaults: ties_sum_extended (off), ties_sum_with_dropout (off); '
        'ckmerge.methods(NAME) says what it does there',
    'async_write':
        "mergekit's; changes nothing: results are written while others are computed",
    'average.beta':
        'an exponential moving average in the order given: B * average + (1 - B) * next',
    'average.gamma':
        'a power-function average: the snapshot of time t counts as t to the power of G',
    'base':
        "multislerp: A is what the others' differences from it are merged of and added to (default off)",
    'base_alpha':
        'the weight of BASE, what is in no block',
    'beta':
        'of these methods, with these defaults: distribution_crossover (0), extract (0), multiply_difference '
        '(0.5), similarity_add_difference (0.5), sum_twice (0.25), tensor_sum (0), triple_sum (0.25), '
        'weighted_subtraction (0.5); ckmerge.methods(NAME) says what it does there',
    'blocks':
        'list the blocks, as weight and mbw know them',
    'centralization':
        'rotate: how much of the mean row is taken off before turning (default 1)',
    'check':
        'compare files with a list of SHA-256 sums, as sha256sum writes them',
    'clamp':
        "of extract: hold the factors' elements to this quantile of them, such as 0.99, as kohya's script "
        'does',
    'clone_tensors':
        "mergekit's; changes nothing: layers may occur as often as is asked",
    'columns':
        'tensor_sum: columns instead of rows (default off)',
    'common':
        'iso_cts: share of singular vectors that are those of the sum, from 0 to 1 (default 0.8)',
    'component':
        'of each pipeline that is given as a folder this component alone, as if its sub-folder had been '
        'named: unet, vae, text_encoder_2',
    'compose.layout':
        "whose names the checkpoint gets (default: as the unet's tensors tell)",
    'compose.vae':
        'the VAE',
    'concat':
        'of merge: add ranks up, which is exact (the default)',
    'config':
        "copy A1111's .yaml beside the result: that of A, B or C, auto (the first that has one) or none "
        '(default)',
    'config_from':
        'of a folder as OUT: take configs, tokenizers and the scheduler from this folder of the same family',
    'conv_rank':
        'of extract: the rank of convolutions of 3 x 3 points and more (default: that of rank); 0 leaves them '
        'out',
    'copy_code':
        "of a model's folder as OUT: copy A's Python files into it; nothing of them is run",
    'copy_codes':
        'copy the layers of quantized files from A as they are, codes and scales',
    'copy_tokenizer':
        'carry the tokenizer of the base into the result (default on)',
    'cuda':
        'mergekit\'s; changes nothing: a GPU computes where that is faster; device="cuda" asks for it',
    'decay':
        'ema_series: how much of the average before each checkpoint stays, from 0 to 1 (default 0.5)',
    'della_eps':
        'ties_sum_with_dropout: how much more of the largest elements is kept than of the smallest (default '
        '0)',
    'densities':
        'of these methods, with these defaults: breadcrumbs (density each), breadcrumbs_ties (density each), '
        'dare_linear (density each), dare_ties (density each), della (density each), della_linear (density '
        'each), ties (density each); ckmerge.methods(NAME) says what it does there',
    'density':
        'of these methods, with these defaults: breadcrumbs (1), breadcrumbs_ties (1), dare_linear (1), '
        'dare_ties (1), della (1), della_linear (1), dropout (0.1), knots (1), ties (1); '
        'ckmerge.methods(NAME) says what it does there',
    'device':
        'who computes: auto (default: on a large merge the faster of the CPU and the first GPU, as measured), '
        'cpu, cuda or cuda:N[,N...]; no effect on the result',
    'discard':
        'leave out tensors whose name this matches, as re.search does',
    'dora':
        'read a DoRA as it was trained (default: trained), or as comfy does',
    'dry_run':
        'print the plan, write nothing',
    'dtype':
        'store float tensors as keep (default), f64, f32, f16, bf16, f8_e4m3 or f8_e5m2; those of a part with '
        'PART=D, as in vae=f32 (unet, te, vae), those of names with /REGEX/=D',
    'elect':
        'knots: count only what has the sign of the sum (default on)',
    'ema':
        'averages of weights: keep (default) what programs load, use them as the weights, or drop them',
    'energy':
        'of resize: the lowest rank of each module that has this share of its energy, such as 0.95; rank is '
        'then the highest',
    'eps':
        'of these methods, with these defaults: geometric_median (0.000001), multislerp (1e-8), '
        'ties_sum_extended (0.000001); ckmerge.methods(NAME) says what it does there',
    'epsilon':
        'of these methods, with these defaults: della (0.15), della_linear (0.15), ram (0.00001), ramplus_tl '
        '(0.00001); ckmerge.methods(NAME) says what it does there',
    'epsilons':
        'of these methods, with these defaults: della (epsilon each), della_linear (epsilon each); '
        'ckmerge.methods(NAME) says what it does there',
    'exclude':
        'copy these tensors from A',
    'expand':
        'channels that only A has (inpainting, instruct-pix2pix): copy (default) them from A, or let the '
        'others count as zero',
    'extra':
        'a name that A lacks: drop (default), add or error',
    'filename_prefix':
        'name the file as ComfyUI does: P_00001_.safetensors, the next free number, in the folder of output; '
        'P may hold folders and fields such as %year%',
    'filter_wise':
        'model_stock: a t for each vector of the last axis (default off)',
    'first_channels':
        "A's first channels are the others' in these tensors, too",
    'flatten':
        'nuslerp: take each tensor as one vector (default on)',
    'force':
        'replace OUT if it exists',
    'forget':
        'remove entries of checkpoints that are gone',
    'format':
        "the form of the output: safetensors or ckpt (default: by OUT's extension)",
    'formula':
        "what to compute, in place of a method: 'A + 0.7*(B - C)' of the inputs A, B and C, or of others that "
        'are given as NAME=FILE; see docs/recipe.md',
    'from_unsafe':
        'take the tensors of a PyTorch file that is refused as unsafe: nothing of it is run',
    'ftol':
        'of these methods, with these defaults: geometric_median (1e-20), ties_sum_extended (1e-20); '
        'ckmerge.methods(NAME) says what it does there',
    'gamma':
        'of these methods, with these defaults: breadcrumbs (0.01), breadcrumbs_ties (0.01), extract (1); '
        'ckmerge.methods(NAME) says what it does there',
    'gammas':
        'of these methods, with these defaults: breadcrumbs (gamma each), breadcrumbs_ties (gamma each); '
        'ckmerge.methods(NAME) says what it does there',
    'gpu_memory':
        'memory to take on each GPU (default: half of what is free)',
    'gpu_rich':
        'mergekit\'s; changes nothing: a GPU computes where that is faster; device="cuda" asks for it',
    'half':
        'store F32 as F16 and leave the others, as A1111 does',
    'hash':
        "record the inputs' SHA-256 in the file, print the output's",
    'hash_cache':
        "where known hashes are kept (default: the user's cache folder), or none",
    'hash_inputs':
        "only record the inputs' SHA-256 in the file; the output's sums take time",
    'head_channels':
        'rebasin: channels of a head of attention with rotary embeddings; 0 leaves its heads in their places '
        '(default 0)',
    'intermediate_dir':
        "mergekit's; changes nothing: documents are computed in each other, with no files between",
    'k':
        'of these methods, with these defaults: ties_sum (1), ties_sum_extended (0.2), ties_sum_with_dropout '
        '(0.2); ckmerge.methods(NAME) says what it does there',
    'keep_names':
        'leave wrappers of training (module.) and old names of text encoders in the names',
    'key':
        'where in a PyTorch file its tensors are, with dots; B=K for one input (default: looked for)',
    'layout':
        'the names of the result: comfy, diffusers (a folder, where OUT is one) or original; all inputs are '
        'brought to them',
    'lazy':
        "mergekit's; changes nothing: documents are computed in each other, with no files between",
    'lazy_unpickle':
        "mergekit's; changes nothing: pickles are read and never run, and only what is merged is read of a "
        'file',
    'least':
        'consensus: how many must agree: a whole number from 0 (default 2)',
    'like':
        'options that merge as another tool does: a1111 or artventure',
    'lora':
        "add this adapter (LoRA and its kin: a file, or PEFT's folder) with the strength S (default 1); "
        'te=0.2 behind another colon, or any other selector, for some tensors',
    'lora.rank':
        'of extract (default 32), resize and merge: the rank of each module, or what its weight can have at '
        'most',
    'lora_merge_cache':
        "mergekit's; changes nothing: nothing is stored between",
    'lora_merge_dtype':
        "mergekit's; changes nothing: nothing is stored between",
    'low_cpu_memory':
        "mergekit's; changes nothing: the memory is that of memory, whatever the size of the models",
    'masks':
        "mergekit: those that mergekit-yaml draws, the default where a seed is given; own: ckmerge's, which "
        'hang on names',
    'max_iter':
        'of these methods, with these defaults: geometric_median (100), karcher (10), ties_sum_extended '
        '(100); ckmerge.methods(NAME) says what it does there',
    'mbw':
        'weights by block as supermerger lists them: 26 or 25 numbers, 20 for SDXL, 61 for Flux',
    'mbw_preset':
        'weights by block under this name in the file of mbw_presets',
    'mbw_presets':
        'the file in which mbw_preset looks, of lines NAME and numbers',
    'memory':
        'memory to work in, such as 512M or 2GiB (default 128MiB); no effect on the result',
    'mend':
        'put right what can be: position_ids that are not 0, 1, 2, ..., bytes behind the last tensor of a '
        'safetensors file',
    'merge_buffers':
        'merge marks, noise schedules, masks and tables of positions as if they were weights',
    'mergekit':
        'plan the merge of this configuration of mergekit (.yml), as ckmerge.mergekit() does it',
    'mergekit_masks':
        'of these methods, with these defaults: dare_linear (off), dare_ties (off), della (off), della_linear '
        '(off); ckmerge.methods(NAME) says what it does there',
    'mergekit_order':
        'of these methods, with these defaults: breadcrumbs (off), breadcrumbs_ties (off), sce (off), ties '
        '(off); ckmerge.methods(NAME) says what it does there',
    'metadata':
        'what the file says of itself: keep (default), recipe, none, set: what set_metadata gives alone, or '
        "last: as keep, but the last input's where they differ, save config, model_version and the "
        "prediction, which stay A's",
    'method':
        'how to merge (default weighted_sum); see ckmerge.methods()',
    'missing':
        'a name of A that another checkpoint lacks: keep (default), zero, drop or error',
    'models':
        'look below this folder for inputs that are not given: by hash where it was recorded, else by name',
    'multi_gpu':
        'mergekit\'s; changes nothing: which GPUs compute is said by device="cuda":0,1',
    'nan':
        'NaN or Inf that no input has: error (default) or warn',
    'no_fsync':
        'do not wait until the disk has the result: for scratch files',
    'no_register':
        'do not add OUT to the registry',
    'normalize':
        'of these methods, with these defaults: breadcrumbs (off), breadcrumbs_ties (off), dare_linear (off), '
        'dare_ties (off), della (on), della_linear (off), knots (on), linear (on), multislerp (on), '
        'task_arithmetic (off), ties (on); ckmerge.methods(NAME) says what it does there',
    'notify':
        'afterwards ask the A1111 at URL, such as http://127.0.0.1:7860, to find OUT',
    'num_threads':
        'threads to compute on, as threads',
    'offset':
        'top_k_tensor_sum: the share of smaller values before them (default 0)',
    'only':
        'merge these tensors only, copy the others from A',
    'order':
        'of equal magnitudes ties and breadcrumbs keep, and sce of equal variances: own (default): those of '
        'the lowest indices; mergekit: those that it keeps, each tensor sorted in memory',
    'out_path':
        'the folder of the result, as the second operand',
    'out_shard_size':
        'the most bytes in a file of the result, such as 5B, 500M (default 5B)',
    'output':
        'the file to write, or a folder; that of a merge is then named as A1111 names it',
    'overlap_average':
        'dropout: of what several keep in an element the average, not the sum (default off)',
    'param':
        'set a parameter of the method, whatever it is called',
    'part':
        'only these parts: unet, te, vae',
    'probability':
        'ties_sum_with_dropout: of an element to be dropped, from 0 to 1 (default 0.9)',
    'prune':
        'leave out what training left: optimizer states, losses, counters',
    'r':
        'ramplus_tl: how much more, at most times alpha (default 0.1)',
    'random_seed':
        'what the masks of dare_linear, dare_ties, della and della_linear are drawn from (default 0)',
    'rank':
        'truncate_rank: how many singular values are kept, at least 1 (default 8)',
    'read_to_gpu':
        "mergekit's; changes nothing: a GPU is sent what it computes, tile by tile",
    'registry':
        "the registry, in which @NAME is looked up (default: in the user's data folder)",
    'rename':
        'call tensors by other names: NEW, in which \\1 is the first group, where REGEX matches; B:REGEX=NEW '
        "of one input's",
    'rescale':
        'of these methods, with these defaults: breadcrumbs (off), breadcrumbs_ties (off), dare_linear (on), '
        'dare_ties (on), della (on), della_linear (on), dropout (on), ties (off), ties_sum_with_dropout (on); '
        'ckmerge.methods(NAME) says what it does there',
    'rounding':
        'what f16, bf16 and fp8 do not hold is rounded to the nearest value (default), or stochastic: to one '
        'of both neighbours by chance, the nearer the likelier',
    'row_wise':
        'nuslerp: without flatten: take vectors along the first axis, not the last (default off)',
    'rows':
        'extract: look for what is common in rows, not in single elements (default on)',
    'safe_serialization':
        'write safetensors (on, and nothing else)',
    'save_dtype':
        'store the factors as this dtype: f16 (default), bf16, f32, f64, f8_e4m3 or f8_e5m2',
    'save_recipe':
        'write the merge into a recipe file (.yaml) as well, which ckmerge.run() repeats',
    'scan.hash':
        'compute the sums of checkpoints that have none, as ckmerge.hash() does',
    'seed':
        'which random numbers stochastic rounding and dropout take: a whole number (default 0)',
    'select_topk':
        'sce: share of the elements that stay, from 0 to 1 (default 1)',
    'set_metadata':
        "add a field to the file's metadata",
    'shard_size':
        "of a model's folder as OUT: the most bytes of tensors in a file, such as 500MB or 5GB (default 5GB)",
    'spelling':
        'how modules are called: kohya (of extract the default for files), diffusers, or peft (for folders); '
        'of merge and resize as the first LoRA has it',
    'stiffness':
        'clamp: how far the ends move inwards, from 0 to 1, where they are the innermost bounds (default 0)',
    'strip_prefix':
        "take P off the front of tensor names; B:P of one input's",
    'sweep':
        'several outputs from one reading of the inputs, one for each of these values of a parameter: files '
        'such as alpha-0.2.safetensors in the folder of output; of a list, numbers with slashes between '
        '(weights=1/1,1/2)',
    'te':
        'a text encoder; CLIP-L, CLIP-G, CLIP-H and T5 are told by their tensors',
    'te2':
        'another',
    'te3':
        'and a third',
    'tensor_intersection':
        'of models that are files: merge what all of them have, and no more',
    'tensor_union':
        'of models that are files: merge what any of them has',
    'threads':
        'threads to compute on (default: all this process may use)',
    'threshold':
        'consensus: how large a difference must be beside the rest of the sum (default 0.4)',
    'tied':
        'an adapter of both names of tied embeddings: error (default), or sum both, as PEFT does',
    'tilt':
        "crossover: how slowly it goes from A's waves to B's: 0 is a cut, 1 takes as much of each (default 0)",
    'tol':
        'karcher: which steps, angles and lengths of tensors are too small to count (default 0.00001)',
    'transformers_cache':
        "where org/name is looked for, in place of the user's cache",
    'trust_remote_code':
        "mergekit's; changes nothing: no code of a model is run",
    'underflow':
        'a tensor that is stored as zeros alone: warn (default) or error',
    'unet':
        'the denoiser, whatever its architecture',
    'unsafe_truncate_embeddings':
        'cut embeddings to the smallest vocabulary; a tokenizer in the configuration joins them by their '
        'tokens',
    'vae':
        'bake this VAE in, as A1111 does',
    'verify':
        'read the output back from the disk and compare',
    'vocab':
        'embeddings and heads whose vocabularies differ in size: error (default), crop to the smallest, or '
        "base: A's rows, merged where all have them",
    'vote_sgn':
        'of these methods, with these defaults: ties_sum (off), ties_sum_extended (off), '
        'ties_sum_with_dropout (off); ckmerge.methods(NAME) says what it does there',
    'weight':
        "another number of the method for some tensors: IN04=0.2, IN00..IN08=0.2, 'OUT*=[0,1]', '/attn2/=0', "
        "or supermerger's OUT03-OUT06:attn2:0.3; the last that selects a tensor holds",
    'weights':
        'of these methods, with these defaults: breadcrumbs (1 each), breadcrumbs_ties (1 each), dare_linear '
        '(1 each), dare_ties (1 each), della (1 each), della_linear (1 each), knots (1 each), linear (1/N '
        'each), multislerp (1 each), nuslerp (1 each), task_arithmetic (1 each), ties (1 each); '
        'ckmerge.methods(NAME) says what it does there',
    'width':
        "top_k_tensor_sum: the share of A's values that are put, from -1 to 1 (default 1)",
    'wrap':
        'of a .ckpt: put the tensors into a dict of this name, as old programs want (state_dict)',
    'write_model_card':
        'write README.md and mergekit_config.yml into the result (default on)',
    'write_threads':
        "mergekit's; changes nothing: results are written by the threads that compute them",
}
