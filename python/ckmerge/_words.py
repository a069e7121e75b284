# SPDX-License-Identifier: Apache-2.0
"""What the engine says of options, in Python's words: it speaks of the command line's."""
from __future__ import annotations

import re
from functools import lru_cache
from typing import Callable, Union

_BEGIN = r"(?<![^\s('\"`=|])"  # an option is a word of its own
_END = r"(?![\w-]|\.\w)"
_CHOICES = ("add|all|auto|bf16|ckpt|copy|cpu|cuda|drop|error|f16|f32|f64|f8_e4m3|f8_e5m2|keep|last|none|recipe|safetensors|set|te|"
            "unet|use|vae|warn|zero")
_Words = Union[str, Callable[["re.Match[str]"], str]]


@lru_cache(maxsize=None)
def _options() -> dict[str, bool]:
    """Every option by the command line's name, and whether it is a flag."""
    from . import _signatures

    found = {"output": False, "models": False, "blocks": True, "check": False, "layout": False, "unet": False, "te": False,
             "vae": False}
    for options in vars(_signatures).values():
        if isinstance(options, type) and issubclass(options, dict):
            for name, kind in options.__annotations__.items():
                found[name.replace("_", "-")] = "[bool]" in getattr(kind, "__forward_arg__", str(kind))
    return found


def _known(words: Callable[["re.Match[str]", str], str]) -> Callable[["re.Match[str]"], str]:
    """Leaves alone what is no option: a file or a tensor may be called so."""
    def chosen(found: re.Match[str]) -> str:
        return words(found, found[1].replace("-", "_")) if found[1] in _options() else found[0]

    return chosen


def _pair(found: re.Match[str], name: str) -> str:
    value = found[3] if re.fullmatch(r"[A-Z]+|-?[0-9.]+", found[3]) else f'"{found[3]}"'
    return f'{name}={{"{found[2]}": {value}}}'


def _alone(found: re.Match[str], name: str) -> str:
    return name + ("=True" if _options()[found[1]] else "")


def _switched_off(found: re.Match[str]) -> str:
    return f"{found[1].replace('-', '_')}=False" if found[1] in _options() and "no-" + found[1] not in _options() else found[0]


def _call(command: str, words: list[str]) -> str:
    """A line of the program's as a call: ``merge A B -o OUT`` as ``ckmerge.merge([A, B], OUT)``."""
    operands, keywords, output = [], [], []
    first = [f'"{words.pop(0)}"'] if command == "lora" and words else []
    while words:
        word = words.pop(0)
        if word == "-o" and words:
            output.append(words.pop(0))
        elif word.startswith("--"):
            value = words.pop(0) if words and not words[0].startswith("-") and not _options().get(word[2:]) else ""
            keywords.append(word[2:].replace("-", "_") + "=" + (value or "True"))
        else:
            operands.append(f'"{word}"' if ":" in word else word)
    several = [f"[{', '.join(operands)}]"] if len(operands) > 1 else operands or (["..."] if keywords and not output else [])
    return f"ckmerge.{command}({', '.join([*first, *several, *output, *keywords])})"


# The first that fits a place decides, and what it made is not looked at again.
_RULES: tuple[tuple[str, _Words], ...] = (
    (r"`ckmerge (\w+) --help`", r"help(ckmerge.\1)"),
    (r"`ckmerge ([a-z]+)((?: [^`]*)?)`", lambda found: _call(found[1], found[2].split())),
    (_BEGIN + r"-f" + _END, "force=True"),
    (_BEGIN + r"-n" + _END, "dry_run=True"),
    (_BEGIN + r"-o ([A-Z][A-Z]*|[\w.]+/)(?!\w)", r"output=\1"),
    (_BEGIN + r"-o" + _END, "output"),
    (_BEGIN + r"-m ([a-z_]+)", r'method="\1"'),
    (_BEGIN + r"--no-([a-z-]+)" + _END, _switched_off),
    (_BEGIN + r"--([a-z][a-z0-9-]*)[ =]'([^']*)'", _known(lambda found, name: f"{name}={found[2]!r}")),
    (_BEGIN + r"--(param|dtype|set-metadata)[ =]([\w.]+)=([\w.]+)", _known(_pair)),
    (_BEGIN + r"--([a-z][a-z0-9-]*)[ =]([A-Z]{2,}|[A-Z])(?![\w=])", _known(lambda found, name: f"{name}={found[2]}")),
    (_BEGIN + rf"--([a-z][a-z0-9-]*)[ =]({_CHOICES})(?!\w)", _known(
        lambda found, name: f'{name}="{found[2]}"' if not _options()[found[1]] else f"{name}=True {found[2]}")),
    (_BEGIN + r"--(key)[ =]([^\s),;]+)", _known(lambda found, name: f'{name}="{found[2]}"')),
    (_BEGIN + r"--([a-z][a-z0-9-]*)" + _END, _known(_alone)),
)


@lru_cache(maxsize=None)
def _compiled() -> tuple[tuple[re.Pattern[str], _Words], ...]:
    return tuple((re.compile(pattern), words) for pattern, words in _RULES)


def in_python(sentence: str, kept: str = "") -> str:
    """A sentence of the engine's with keywords in the place of the command line's options. ``kept`` is a path or a name in
    it that stays as it is.

    >>> in_python("out.safetensors: already exists; use -f to replace it")
    'out.safetensors: already exists; use force=True to replace it'
    >>> in_python("leave them out (--ema drop), or write it anew with --mend, or say which it is (--key a.b)")
    'leave them out (ema="drop"), or write it anew with mend=True, or say which it is (key="a.b")'
    >>> in_python("no LoRA is given; `ckmerge lora merge L1:0.7 L2:0.4 -o OUT`")
    'no LoRA is given; ckmerge.lora("merge", ["L1:0.7", "L2:0.4"], OUT)'
    """
    if "-" not in sentence and "`ckmerge " not in sentence:
        return sentence
    before, name, after = sentence.partition(kept) if kept and not kept.startswith("-") else ("", "", sentence)
    parts = [(before, False), (name, True), (after, False)]
    for pattern, words in _compiled():
        parts = [piece for text, is_made in parts for piece in ([(text, True)] if is_made else _pieces(text, pattern, words))]
    return "".join(text for text, _ in parts)


def _pieces(text: str, pattern: re.Pattern[str], words: _Words) -> list[tuple[str, bool]]:
    pieces, at = [], 0
    for found in pattern.finditer(text):
        made = words(found) if callable(words) else found.expand(words)
        if made != found[0]:
            pieces += [(text[at:found.start()], False), (made, True)]
            at = found.end()
    return [*pieces, (text[at:], False)]


def keyword_of(where: str) -> str:
    """``where`` of an error: an option without its dashes, and anything else as it is."""
    if where in ("-o", "-f"):
        return {"-o": "output", "-f": "force"}[where]
    bare = re.split("[ =]", where[2:], maxsplit=1)[0]
    return bare.replace("-", "_") if where.startswith("--") and bare in _options() else where
