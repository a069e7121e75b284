# SPDX-License-Identifier: Apache-2.0
"""A tokenizer of 48 tokens, and one that has further ones, as the files that transformers reads."""
import json

SPECIAL = ["<pad>", "<s>", "</s>"]
LETTERS = [chr(letter) for letter in range(ord("a"), ord("z") + 1)]
MERGED = ["th", "he", "in", "er", "an", "re", "on", "at", "en", "nd", "ti", "es", "or", "te", "of", "ed", "is", "it", "al"]
# Beside the 48: two merged ones of its own, and two that are added.
MERGED_FURTHER, ADDED_FURTHER = ["st", "ar"], ["<tool>", "<think>"]
FURTHER = MERGED_FURTHER + ADDED_FURTHER


def added(token, number, special):
    return {"id": number, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": not special, "special": special}


def tokenizer(extended):
    merged = MERGED + (MERGED_FURTHER if extended else [])
    vocabulary = {token: number for number, token in enumerate(SPECIAL + LETTERS + merged)}
    further = ADDED_FURTHER if extended else []
    return {"version": "1.0", "truncation": None, "padding": None,
            "added_tokens": [added(token, number, True) for number, token in enumerate(SPECIAL)] +
                            [added(token, len(vocabulary) + number, True) for number, token in enumerate(further)],
            "normalizer": None, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                      "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary,
                      "merges": [[token[0], token[1]] for token in merged]}}


def write(folder, extended):
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(extended), indent=2), encoding="utf-8")
    told = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
            "model_max_length": 64, "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
