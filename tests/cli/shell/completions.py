#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: completions.py CKMERGE
Command lines completed by real shells. What there is to complete is taken from --help, so that nothing that --help lists
can be missing. A shell that is not installed is named as not run."""
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import fcntl
import time

ckmerge = os.path.abspath(sys.argv[1])
faults = []


def expect(good, sentence):
    if not good:
        faults.append(sentence)


def output(*words):
    return subprocess.run([ckmerge, *words], stdout=subprocess.PIPE, check=True, text=True).stdout


COMMANDS = re.findall(r"^  ckmerge (\w+) .*  ", output("--help"), re.MULTILINE)
METHODS = set(re.findall(r"^(\w+): ", output("methods"), re.MULTILINE))


def options(command):
    """Every spelling of every option, as --help lists them."""
    found = set()
    for letter, no, name in re.findall(r"^ +(-\w)?,? *--(\[no-\])?([\w-]+)", output(command, "--help"), re.MULTILINE):
        found |= {"--" + name} | ({"--no-" + name} if no else set()) | ({letter} if letter else set())
    return found


class Bash:
    suffix = "bash"

    def __init__(self, script):
        self.script = script

    def complete(self, *words):
        driver = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _ckmerge; printf "%s\\n" "${COMPREPLY[@]}"'
        done = subprocess.run(["bash", "--norc", "-c", driver, "-", self.script, "ckmerge", *words], capture_output=True,
                              text=True)
        expect(done.returncode == 0 and not done.stderr, f"bash, {words}: {done.returncode} {done.stderr}")
        return set(done.stdout.split("\n")) - {""}

    def option_value(self, option, begun):
        # readline cuts the word at the `=`.
        return self.complete("merge", option, "=", begun) if begun else self.complete("merge", option, "=")


class Fish:
    suffix = "fish"

    def __init__(self, script):
        self.script = script

    def complete(self, *words):
        line = " ".join(("ckmerge",) + words)
        scripts = os.path.dirname(self.script)
        home = os.environ | {"HOME": scripts, "XDG_CONFIG_HOME": scripts, "XDG_DATA_HOME": scripts}
        done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]', "--", self.script, line],
                              capture_output=True, text=True, env=home)
        expect(done.returncode == 0 and not done.stderr, f"fish, {words}: {done.returncode} {done.stderr}")
        return {row.split("\t")[0] for row in done.stdout.split("\n")} - {""}

    def option_value(self, option, begun):
        return {word.split("=", 1)[-1] for word in self.complete("merge", f"{option}={begun}")}


class Zsh:
    """An interactive zsh in a pseudo terminal. compadd is what every completion ends in: a function of that name tells
    into a file what is added; calls that only ask what would match (-O, -A, -D) are none of that."""
    suffix = "zsh"
    SETUP = r"""
PROMPT='ready> '; unsetopt zle_bracketed_paste 2>/dev/null
autoload -Uz compinit && compinit -D -u && source {script}
compadd() {{
  if [[ ${{@[1,(i)(-|--)]}} != *-(O|A|D)\ * ]]; then
    local -a __hits; builtin compadd -O __hits "$@"; ((${{#__hits}})) && print -rl -- $__hits >> {hits}
  fi
  builtin compadd "$@"
}}
tell() {{ _main_complete; print done >> {hits}; BUFFER=; }}
zle -C tell complete-word tell; bindkey '^T' tell
"""

    def __init__(self, script):
        self.hits = pathlib.Path(script).with_suffix(".hits")
        self.process, self.end = pty.fork()
        if self.process == 0:
            os.environ |= {"TERM": "vt100", "HISTFILE": "/dev/null"}
            os.execvp("zsh", ["zsh", "-f", "-i"])
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 2000, 0, 0))
        setup = pathlib.Path(script).with_suffix(".setup")
        setup.write_text(self.SETUP.format(script=script, hits=self.hits))
        self.send(f"source {setup}\n")
        self.drain(lambda seen: seen.count(b"ready> ") > 0, 20)

    def send(self, text):
        os.write(self.end, text.encode())

    def drain(self, until, seconds):
        seen, deadline = b"", time.monotonic() + seconds
        while time.monotonic() < deadline and not until(seen):
            if select.select([self.end], [], [], 0.05)[0]:
                try:
                    seen += os.read(self.end, 65536)
                except OSError:
                    break
        return seen

    def complete(self, *words):
        self.hits.unlink(missing_ok=True)
        self.send("ckmerge " + " ".join(words) + "\x14")
        done = lambda _: self.hits.exists() and self.hits.read_text().endswith("done\n")
        seen = self.drain(done, 20)
        expect(done(None), f"zsh, {words}: no answer: {seen!r}")
        self.send("\x15")  # kill the line
        return {hit.rstrip("=") for hit in self.hits.read_text().split("\n")[:-2]} if done(None) else set()

    def option_value(self, option, begun):
        return self.complete("merge", f"{option}={begun}")


def check(shell):
    name = type(shell).__name__
    commands = shell.complete("")
    expect(set(COMMANDS) <= commands, f"{name}: commands: {commands}")
    for command in COMMANDS:
        long = {option for option in options(command) if option.startswith("--")}
        found = shell.complete(command, "--")
        expect({option for option in found if option.startswith("--")} == long, f"{name}: {command}: {found ^ long}")
        short = options(command) - long
        found = shell.complete(command, "-")
        expect(short <= found, f"{name}: {command}: letters {short - found}")
    expect(shell.complete("merge", "--metadata", "") == {"keep", "recipe", "none", "set", "last"}, f"{name}: choices")
    expect(shell.complete("merge", "--missing", "ze") == {"zero"}, f"{name}: a choice begun")
    expect(shell.option_value("--progress", "j") == {"json"}, f"{name}: --progress=j")
    expect(shell.complete("merge", "-m", "") == METHODS, f"{name}: methods of -m")
    expect(shell.complete("methods", "") >= METHODS, f"{name}: methods")
    expect(shell.complete("completions", "") >= {"bash", "zsh", "fish"}, f"{name}: shells")
    expect(shell.complete("merge", "--alpha", "") == set(), f"{name}: a number")
    files = {word.rstrip("/") for word in shell.complete("merge", "")}
    expect({"a.safetensors", "models"} <= files, f"{name}: files: {files}")
    if name != "Fish":  # fish lists other files behind those with the suffix
        expect("notes.txt" not in files, f"{name}: files that are no checkpoints: {files}")
    expect({word.rstrip("/") for word in shell.complete("doctor", "")} == {"models"}, f"{name}: folders")
    expect("a.safetensors" in shell.complete("plan", "x", "-o", ""), f"{name}: -o")
    expect("notes.txt" in shell.complete("merge", "--hash-cache", "n"), f"{name}: a file of any name")


ran = 0
with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as folder:
    scripts = pathlib.Path(folder, "scripts")
    place = pathlib.Path(folder, "place")
    (place / "models").mkdir(parents=True)
    scripts.mkdir()
    for file in ("a.safetensors", "notes.txt"):
        (place / file).touch()
    os.chdir(place)
    for kind in (Bash, Fish, Zsh):
        script = scripts / f"script.{kind.suffix}"
        script.write_text(output("completions", kind.suffix))
        if shutil.which(kind.suffix):
            check(kind(str(script)))
            ran += 1
        else:
            print(f"NOT RUN: completions of {kind.suffix} ({kind.suffix} is not installed)")
            for command in COMMANDS:
                for option in options(command):
                    expect(option.lstrip("-") in script.read_text(), f"{kind.suffix}: {command} {option}")
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0 if ran else 77)
