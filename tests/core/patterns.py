# SPDX-License-Identifier: Apache-2.0
"""usage: patterns.py PATTERN_DRIVER [SEED [COUNT]]
Name patterns against Python's own re: generated patterns and names, half of the patterns broken, and every character of
Unicode against the sets. Both must refuse the same patterns and match the same names. What may differ is listed in
docs/cli.md, "Patterns", and is recognised by excuse(), which counts what it lets pass."""
import collections
import random
import re
import signal
import subprocess
import sys
import unicodedata
import warnings

warnings.simplefilter("ignore")  # of sets that may be nested one day

if sys.version_info < (3, 11):
    print("NOT RUN: name patterns against Python's re (they have the meaning of 3.11's, this is an older Python)")
    sys.exit(77)

NEWER = sys.version_info >= (3, 14)  # knows \z, and \B in the empty name


class Driver:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, letter, text):
        self.process.stdin.write(f"{letter} {text.encode().hex()}\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")


class TooSlow(Exception):
    """Python has no answer within two seconds, or none at all."""


def stop(*_):
    raise TooSlow


signal.signal(signal.SIGALRM, stop)


def python_verdict(call):
    """What the call gives within two seconds, None where Python refuses the pattern."""
    signal.setitimer(signal.ITIMER_REAL, 2)
    try:
        return call()
    except (re.error, OverflowError, ValueError):
        return None
    except SystemError:  # "please report a bug for the re module"
        raise TooSlow
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


LITERALS = "aabbbccc01..__-- Kksi\u0131\u0130\u017f\u212aßẞéÉ\nß名"
NAME_LETTERS = "aaabbbccc01._- Kksi\u0131\u0130\u017f\u212aßẞéÉ\n名²\x1c"
ESCAPES = [r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"\.", r"\-", r"\x61", r"\u0062", r"\141", r"\x2e", r"\n", r"\_"]
SET_ITEMS = ["a", "b", "c", "a-c", "0-9", "_", ".", "K", "k", "s", "i", r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", r"\-",
             r"\]", "é", "\u0130", "É-é", "^", "-", "[", r"\b", "+", "(", "&", ":", "[:alpha:", r"\x61-\x63", "İ-ı"]
PLACES = ["^", "$", r"\A", r"\Z", r"\b", r"\B"]
QUANTIFIERS = ["*", "+", "?", "{1}", "{2}", "{,2}", "{1,}", "{0,1}", "{1,2}", "{0}"]
SOUP = ["(", ")", "(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?P<n>", "(?P=n)", "(?P>n)", "(?i)", "(?i:", "(?-i:", "(?a)",
        "(?x)", "(?x: ", "(?m)", "(?s-i:", "(?L)", "(?u)", "(?au:", "(?i-i:", "(?-a:", "(?", "(?#", "(?#c)", "(?(1)", "(?(n)",
        "(?(2)a|b)", "(?<n>", "(?1)", "(?R)", "(?P<1>", "(?P<n", "|", "*", "+", "?", "{", "}", "{2}", "{,}", "{,2}", "{2,1}",
        "{a}", "*+", "+?", "??", "{2}+", "[", "]", "[^", "[]", "[^]", "[a", "-z]", "z-a]", "[[:alpha:]]", "[a-\\d]", "\\",
        "\\1", "\\2", "\\0", "\\01", "\\012", "\\0123", "\\400", "\\377", "\\8", "\\19", "\\x4", "\\x41", "\\x{41}", "\\u004",
        "\\u0041", "\\U00000041", "\\U00110000", "\\ud800", "\\N", "\\N{DIGIT ONE}", "\\A", "\\Z", "\\z", "\\b", "\\B", "\\d",
        "\\w", "\\s", "\\Q", "\\E", "\\G", "\\K", "\\R", "\\X", "\\h", "\\H", "\\v", "\\V", "\\p{L}", "\\P", "\\C", "\\c",
        "\\e", "\\o{1}", "\\g1", "\\g", "\\k<n>", "\\é", "\\_", "\\ ", "\\\n", "^", "$", ".", "a", "b", "1", " ", "#", "\n",
        "(*FAIL)", "(*UTF)", "é", "名", "\x1c", "--", "&&"]


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, choices):
        return self.random.choice(choices)

    def pattern(self):
        self.groups = 0
        if self.random.random() < 0.5:
            return "".join(self.pick(SOUP) for _ in range(self.random.randint(1, 6)))
        flags = self.pick(["", "", "", "(?i)", "(?m)", "(?s)", "(?a)", "(?ai)", "(?im)", "(?ix)", "(?u)"])
        return flags + self.alternatives(self.random.randint(1, 3))

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.pick([1, 1, 1, 2, 2, 3])))

    def sequence(self, depth):
        return "".join(self.item(depth) for _ in range(self.pick([0, 1, 1, 2, 2, 3, 4])))

    def item(self, depth):
        chance = self.random.random()
        if chance < 0.10:
            return self.pick(PLACES)
        if chance < 0.30 and depth:
            atom = self.group(depth - 1)
        elif chance < 0.40:
            atom = "[" + self.pick(["", "^"]) + "".join(self.pick(SET_ITEMS) for _ in range(self.pick([1, 1, 2, 3]))) + "]"
        elif chance < 0.50:
            atom = self.pick(ESCAPES + ["."])
        elif chance < 0.55 and self.groups:
            number = self.random.randint(1, self.groups)
            atom = self.pick([f"\\{number}", f"(?({number})a|b)", f"(?({number})c)"])
        else:
            atom = re.escape(self.pick(LITERALS))
        if self.random.random() < 0.25:
            atom += self.pick(QUANTIFIERS) + self.pick(["", "", "", "?", "+"])
        return atom

    def group(self, depth):
        opening = self.pick(["(", "(", "(?:", "(?:", "(?>", "(?=", "(?!", "(?<=", "(?<!", "(?i:", "(?-i:", "(?s:", "(?m-s:",
                             "(?a:", "(?u:", f"(?P<n{self.groups}>"])
        capture = opening == "(" or opening.startswith("(?P")
        body = self.alternatives(depth)
        self.groups += capture
        return opening + body + ")"

    def name(self):
        return "".join(self.pick(NAME_LETTERS) for _ in range(self.pick([0, 1, 2, 3, 4, 5, 6, 8, 12])))


REFUSED = {"\\N{...} is not supported": "\\N{NAME}", "which it is itself in": "a condition on its own group",
           "is not fixed length": "a look-behind at repeats of nothing"}


def excuse(pattern, name, ours):
    """Which of the differences listed in docs/cli.md this is, or None."""
    if name is None:
        return next((reason for words, reason in REFUSED.items() if words in ours), None) or (
            "newer Python" if NEWER and "\\z" in pattern else None)
    if re.search(r"\\[1-9]|\(\?P=", pattern) and "i" in pattern and re.search("[\u0130\u0131\u017f\u212aßẞ]", name):
        return "references without case"
    if re.search(r"\(\?\w*[au][\w-]*:", pattern):  # its search for a beginning forgets the group's flags
        return "a fault of Python's (?a:...)"
    return "newer Python" if NEWER and "\\B" in pattern and name == "" else None


def compare_generated(driver, seed, count):
    generator, counts, faults = Generator(seed), collections.Counter(), []
    for _ in range(count):
        pattern = generator.pattern()
        names = [generator.name() for _ in range(12)]
        ours = driver.ask("p", pattern)
        try:
            compiled = python_verdict(lambda: re.compile(pattern))
        except TooSlow:
            continue
        if (compiled is None) != ours.startswith("error"):
            reason = excuse(pattern, None, ours)
            counts[f"excused: {reason}"] += 1
            if reason is None:
                faults.append(f"{pattern!r}: Python {'refuses' if compiled is None else 'accepts'}, we say {ours}")
            continue
        counts["refused" if compiled is None else "accepted"] += 1
        for name in names if compiled else []:
            try:
                theirs = python_verdict(lambda: bool(compiled.search(name)))
            except TooSlow:
                counts["too much for Python"] += 1
                break
            answer = driver.ask("n", name)
            counts["matched" if theirs else "not matched"] += 1
            if answer != str(int(theirs)):
                reason = excuse(pattern, name, answer)
                counts[f"excused: {reason}"] += 1
                if reason is None:
                    faults.append(f"{pattern!r} on {name!r}: Python says {theirs}, we say {answer}")
    return counts, faults


EVERYWHERE = [r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"[^\W\d]", r"(?i)\w", r"(?i)[\W\d]"]
SETS = [".", "(?s).", r"\d", r"\D", r"\s", r"\S", r"\w", r"\W", r"[\W]", r"[^\W]", r"[\W\d]", r"[^\W\d]", r"[\W_]", r"[^\W_]",
        r"[\D\W]", r"[^\D\W]", r"[\s\d]", r"[^\S\n]", r"\b", r"\B", "[^a]", "[a-z]", "[^a-z]", "^$", "$", r".\Z", "[^\n]"]
PREFIXES = ["", "(?a)", "(?i)", "(?ai)", "(?m)"]


SPECIAL = "iI\u0130\u0131\u0390\u1fd3\u03b0\u1fe3\ufb05\ufb06sS\u017fkK\u212a\u00df\u1e9e"


def stable(character):
    """Assigned long ago: what versions of Unicode disagree about is no fault of ours."""
    return unicodedata.ucd_3_2_0.category(character) != "Cn"


def compare_characters(driver):
    counts, faults = collections.Counter(), []
    characters = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    if unicodedata.unidata_version != "14.0.0":
        characters = [c for c in characters if stable(c)]
        print(f"NOT RUN: characters newer than Unicode 3.2 (Python has {unicodedata.unidata_version}, compared was 14.0.0)")
    text = "".join(characters)
    cased = "".join(c for c in characters if len({c, c.lower(), c.upper(), c.casefold()}) > 1)
    patterns = [(body, text) for body in EVERYWHERE]
    patterns += [(prefix + body, "".join(characters[:0x3100]) + cased) for body in SETS for prefix in PREFIXES]
    patterns += [("(?i)" + re.escape(c), cased) for c in SPECIAL + cased[::3]]
    patterns += [("(?i)[^" + re.escape(c) + "]", cased) for c in cased[::7]]
    for pattern, subjects in patterns:
        assert driver.ask("p", pattern) == "ok", pattern
        compiled = re.compile(pattern)
        ours = driver.ask("s", subjects)
        theirs = "".join("1" if compiled.search(c) else "0" for c in subjects)
        counts["characters"] += len(subjects)
        if ours != theirs:
            wrong = [hex(ord(c)) for c, a, b in zip(subjects, ours, theirs) if a != b]
            faults.append(f"{pattern!r}: {len(wrong)} characters, as {wrong[:10]}")
    return counts, faults


def main():
    driver = Driver(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 6000
    counts, faults = compare_generated(driver, seed, count)
    if len(sys.argv) < 3:
        for part, result in zip((counts, faults), compare_characters(driver)):
            part += result
    print(", ".join(f"{what} {number}" for what, number in sorted(counts.items())))
    for fault in faults[:40]:
        print(fault)
    sys.exit(1 if faults else 0)


main()
