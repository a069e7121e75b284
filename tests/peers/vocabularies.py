# SPDX-License-Identifier: Apache-2.0
"""usage: vocabularies.py BUILD_FOLDER CKMERGE
Vocabularies joined by ckmerge and by mergekit 0.1.5: the same rows for the same tokens, in every form of `tokenizer` of its YAML, over tokenizers
of the four kinds that the tokenizers library makes; what was written loads with transformers and has each token at its id; chat templates of
mergekit's names lay out the same. The ids of a union's new tokens are mergekit's own by chance (the order of a set), so that rows are compared by
token."""
import itertools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

TEXTS = ["the cat sat on the mat, hello world " * 5, "abc def the there then"]
OTHER_TEXTS = ["foo bar baz the cat qux quux hello " * 5, "xyz the other dog"]
KINDS = "BPE", "Unigram", "WordPiece", "WordLevel"
HEAD = "dtype: float32\n"
LINEAR = ("merge_method: linear\nbase_model: A\nmodels:\n- {model: A, parameters: {weight: 0.5}}\n- {model: B, parameters: {weight: 0.25}}\n"
          "- {model: C, parameters: {weight: 0.25}}\n" + HEAD)
ASKED = {
    "union": LINEAR + "tokenizer_source: union\n",
    "without a base": LINEAR.replace("base_model: A\n", "") + "tokenizer: {source: A, pad_to_multiple_of: 16}\n",
    "base": LINEAR + "tokenizer_source: base\nchat_template: llama3\n",
    "another's": LINEAR + "tokenizer_source: B\nchat_template: auto\n",
    "slerp": "merge_method: slerp\nbase_model: A\nmodels: [{model: A}, {model: B}]\nparameters: {t: 0.3}\n" + HEAD + "tokenizer_source: union\n",
    "tokens": LINEAR + """tokenizer:
  source: union
  pad_to_multiple_of: 32
  tokens:
    "<|new|>": {source: {kind: zero}}
    "<|y|>": {source: {kind: model_token, model: B, token: "<s>"}, force: true}
    "</s>": {source: B, force: true}
    "<|z|>": {source: {kind: model_token, model: A, token_id: 7}}
    "<|q|>": {source: C}
"""}
CONVERSATIONS = [[("user", " hi ")], [("system", "S "), ("user", "a"), ("assistant", " b "), ("user", "c")], [("user", "a"), ("assistant", "b")],
                 [("system", "x"), ("user", "y")], [("user", "q"), ("user_context", "z"), ("assistant", "r")]]


def fail(what):
    sys.exit(f"FAILED: {what}")


def trained(kind, texts, size):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    specials = ["<unk>", "<s>", "</s>"]
    if kind == "BPE":
        made, trainer = Tokenizer(models.BPE()), trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    elif kind == "Unigram":
        made, trainer = Tokenizer(models.Unigram()), trainers.UnigramTrainer(vocab_size=size, special_tokens=specials, unk_token="<unk>", show_progress=False)
        made.pre_tokenizer, made.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    elif kind == "WordPiece":
        made, trainer = Tokenizer(models.WordPiece(unk_token="<unk>")), trainers.WordPieceTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
        made.pre_tokenizer = pre_tokenizers.Whitespace()
    else:
        made, trainer = Tokenizer(models.WordLevel(unk_token="<unk>")), trainers.WordLevelTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
        made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(texts, trainer)
    return made


def make_folder(path, tokenizer, padding, seed, added=(), template=None):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    for token in added:
        fast.add_tokens(token)
    if template:
        fast.chat_template = template
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=len(fast) + padding, hidden_size=8, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2,
                         num_key_value_heads=1, bos_token_id=fast.bos_token_id, eos_token_id=fast.eos_token_id)
    LlamaForCausalLM(config).save_pretrained(path)
    fast.save_pretrained(path)


def make_folders(kind):
    from tokenizers import AddedToken
    make_folder("A", trained(kind, TEXTS, 120), 5, 0, template="{{ a }} {% for m in messages %}{{ m.content }}{% endfor %}")
    make_folder("B", trained(kind, OTHER_TEXTS, 130), 0, 1, [AddedToken("<|x|>", special=True), "<|y|>"])
    make_folder("C", trained(kind, ["foo lorem ipsum dolor hello cat " * 5], 100), 3, 2, ["<|y|>", "<|q|>"])


def tokens_of(folder):
    document = json.loads(pathlib.Path(folder, "tokenizer.json").read_text(encoding="utf-8"))
    vocab = document["model"]["vocab"]
    tokens = {entry[0]: number for number, entry in enumerate(vocab)} if isinstance(vocab, list) else dict(vocab)
    tokens.update({token["content"]: token["id"] for token in document["added_tokens"]})
    return tokens, {token["content"]: {key: value for key, value in token.items() if key != "id"} for token in document["added_tokens"]}


def tensors_of(folder):
    from safetensors import safe_open
    with safe_open(str(pathlib.Path(folder, "model.safetensors")), "pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}


def compare(what, ours, theirs):
    (own, own_added), (their, their_added) = tokens_of(ours), tokens_of(theirs)
    if set(own) != set(their):
        fail(f"{what}: tokens {sorted(set(own) ^ set(their))}")
    if own_added != their_added:
        fail(f"{what}: added tokens {own_added} and {their_added}")
    first, second = tensors_of(ours), tensors_of(theirs)
    if set(first) != set(second):
        fail(f"{what}: names {set(first) ^ set(second)}")
    for name in first:
        if first[name].shape != second[name].shape:
            fail(f"{what}: {name} is {first[name].shape}, mergekit's {second[name].shape}")
    for name in "model.embed_tokens.weight", "lm_head.weight":
        for token in own:
            difference = (first[name][own[token]] - second[name][their[token]]).abs().max().item()
            if difference > 1e-6:
                fail(f"{what}: {name} of {token!r} differs by {difference}")
        padding = first[name][len(own):] - second[name][len(their):]
        if padding.numel() and padding.abs().max().item() > 1e-6:
            fail(f"{what}: the padding of {name} differs")
    sizes = [json.loads(pathlib.Path(folder, "config.json").read_text())["vocab_size"] for folder in (ours, theirs)]
    if sizes[0] != sizes[1]:
        fail(f"{what}: vocab_size {sizes}")


def load(what, folder, template):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokens, _ = tokens_of(folder)
    if dict(tokenizer.get_vocab()) != tokens:
        fail(f"{what}: transformers has other tokens")
    model, told = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    if told["missing_keys"] or told["unexpected_keys"]:
        fail(f"{what}: {told}")
    ids = tokenizer("the cat sat hello <|y|>", return_tensors="pt").input_ids
    if not torch.isfinite(model(ids).logits).all():
        fail(f"{what}: logits are not finite")
    if template and not tokenizer.chat_template:
        fail(f"{what}: no chat template")


def merge_by_mergekit(text, out):
    import yaml
    from mergekit.config import MergeConfiguration
    from mergekit.merge import run_merge
    from mergekit.options import MergeOptions
    run_merge(MergeConfiguration.model_validate(yaml.safe_load(text)), out,
              MergeOptions(quiet=True, copy_tokenizer=True, write_model_card=False), config_source=text)


def check_templates(ckmerge):
    import mergekit._data.chat_templates as data
    from transformers.utils.chat_template_utils import _compile_jinja_template as compiled
    for path in sorted(pathlib.Path(data.__file__).parent.glob("*.jinja")):
        pathlib.Path("named.yaml").write_text("ckmerge: 1\ncheckpoints: {A: A}\nvocabulary: {chat_template: %s}\nmerge: A\n" % path.stem)
        subprocess.run([ckmerge, "run", "named.yaml", "-q", "-f", "-o", "named/"], check=True)
        own, theirs = (compiled(text.read_text()) for text in (pathlib.Path("named/chat_template.jinja"), path))

        def laid_out(template, messages, prompt):
            try:
                return template.render(messages=[{"role": role, "content": content} for role, content in messages], add_generation_prompt=prompt,
                                       bos_token="<s>", eos_token="</s>")
            except Exception:  # the template refuses the roles
                return None
        for messages, prompt in itertools.product(CONVERSATIONS, (False, True)):
            if laid_out(own, messages, prompt) != laid_out(theirs, messages, prompt):
                fail(f"{path.stem}: {messages}")


# In a process of its own: mergekit keeps what it opened under a path.
def check_kind(ckmerge, kind):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_folders(kind)
        for number, (asked, text) in enumerate(ASKED.items()):
            what = f"{kind}, {asked}"
            pathlib.Path("asked.yml").write_text(text)
            done = subprocess.run([ckmerge, "mergekit", "asked.yml", f"own{number}"], capture_output=True, text=True)
            if done.returncode:
                fail(f"{what}: {done.stderr}")
            load(what, f"own{number}", "chat_template" in text)
            merge_by_mergekit(text, f"their{number}")
            compare(what, f"own{number}", f"their{number}")
        if kind == "BPE":
            check_templates(ckmerge)
        os.chdir("/")
        print(f"{kind}: as mergekit")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        check_kind(*sys.argv[2:])
    else:
        from environment import environment
        python, _ = environment(pathlib.Path(sys.argv[1]))
        for each in KINDS:
            if subprocess.run([python, "-B", __file__, sys.argv[1], os.path.abspath(sys.argv[2]), each],
                              env=dict(os.environ, HF_HUB_OFFLINE="1", TQDM_DISABLE="1", TRANSFORMERS_VERBOSITY="error")).returncode:
                sys.exit(1)
