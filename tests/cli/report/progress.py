#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: progress.py CKMERGE
What a merge shows on a terminal: a bar that stays in one line and is taken away, whatever the end and however the window
is resized; no escape sequence where the terminal knows none; a coloured word only where colour is welcome."""
import fcntl
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import watch

ckmerge = os.path.abspath(sys.argv[1])
COLUMNS = 60


class Terminal:
    """A pseudo terminal whose other end is collected."""

    def __init__(self):
        self.main, self.end = pty.openpty()
        set_columns(self.end, COLUMNS)
        attributes = termios.tcgetattr(self.end)
        attributes[1] &= ~termios.OPOST  # bytes as they were written
        termios.tcsetattr(self.end, termios.TCSANOW, attributes)
        self.text = b""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while chunk := os.read(self.main, 65536):
                self.text += chunk
        except OSError:
            pass  # the other end is closed

    def close(self):
        os.close(self.end)
        self.reader.join(timeout=10)
        os.close(self.main)
        return self.text


def run(command, folder, number=None, **variables):
    """What appeared on the terminal, and the exit code."""
    terminal = Terminal()
    process = subprocess.Popen(command, cwd=folder.path, env=watch.CLEAN | {"TERM": "xterm"} | variables,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=terminal.end)
    if number is not None:
        watch.wait_until_busy(folder, process)
        time.sleep(0.3)
        process.send_signal(number)
    process.communicate(timeout=400)  # a sanitizer takes its time
    return terminal.close(), process.returncode


def check_bar(text, where):
    """Every draw goes to the begin of the line, clears what is behind, and goes back. Returns what follows the last."""
    draws, rest = re.findall(rb"\r([^\r]*)\x1b\[J\r", text), re.sub(rb"\r[^\r]*\x1b\[J\r", b"", text)
    watch.expect(text.startswith(b"\r") and len(draws) > 2, f"{where}: drawn {len(draws)} times: {text[:100]!r}")
    for draw in draws:
        watch.expect(len(draw) < COLUMNS, f"{where}: {len(draw)} columns: {draw!r}")
        watch.expect(b"\n" not in draw and b"\x1b" not in draw, f"{where}: more than a line: {draw!r}")
        watch.expect(re.match(rb" *\d+% .*B of 1\.61 GB, \d", draw) is not None, f"{where}: {draw!r}")
    return rest


class Screen:
    """Just enough of a terminal: lines as they were written, broken into rows of `columns`. When the window changes, a
    reflowing terminal breaks them anew; others cut them."""

    def __init__(self, columns, reflows):
        self.columns, self.reflows = columns, reflows
        self.lines, self.row, self.at = ["$ ckmerge", ""], 1, 0

    def rows(self):
        return [line[i:i + self.columns] for line in self.lines for i in range(0, max(len(line), 1), self.columns)]

    def resize(self, columns):
        self.columns = columns
        if not self.reflows:
            self.lines = [line[:columns] for line in self.lines]
            self.at = min(self.at, columns - 1)

    def feed(self, text):
        for escape, character in re.findall(r"(\x1b\[[\d;]*[A-Za-z])|(.)", text, re.DOTALL):
            line = self.lines[self.row]
            if escape == "\x1b[J":
                del self.lines[self.row + 1:]
                self.lines[self.row] = line[:self.at]
            elif escape == "\x1b[K":
                end = (self.at // self.columns + 1) * self.columns
                self.lines[self.row] = (line[:self.at] + " " * (min(end, len(line)) - self.at) + line[end:]).rstrip()
            elif escape:
                watch.expect(False, f"an unknown escape sequence {escape!r}")
            elif character == "\r":
                self.at -= self.at % self.columns
            elif character == "\n":
                self.row, self.at = self.row + 1, 0
                self.lines.insert(self.row, "")
            else:
                self.lines[self.row] = line[:self.at].ljust(self.at) + character + line[self.at + 1:]
                self.at += 1


def resized(command, folder, reflows):
    """What is on the screen after each change of the window, and at the end. None: the run ended too soon to tell."""
    main, end = pty.openpty()
    set_columns(end, COLUMNS)
    attributes = termios.tcgetattr(end)
    attributes[1] &= ~termios.OPOST
    termios.tcsetattr(end, termios.TCSANOW, attributes)
    process = subprocess.Popen(command, cwd=folder.path, env=watch.CLEAN | {"TERM": "xterm"}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=end)
    screen, seen = Screen(COLUMNS, reflows), []

    def show(seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if select.select([main], [], [], 0.02)[0]:
                screen.feed(os.read(main, 65536).decode())

    show(1.0)
    for columns in (20, 10, 1, 12, COLUMNS):
        process.send_signal(signal.SIGSTOP)  # so that nothing is drawn for the old window after the change
        show(0.1)
        set_columns(end, columns)
        screen.resize(columns)
        process.send_signal(signal.SIGCONT)
        show(0.35)
        seen.append((columns, screen.rows()))
    busy = process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=60)
    show(0.2)
    os.close(end)
    os.close(main)
    return (seen, screen.rows()) if busy else None


def set_columns(terminal, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))


def check_resizing(command, folder, reflows):
    """The first fault, or None. The window may change between a look at its width and the draw: hence several tries."""
    result = resized(command, folder, reflows)
    if result is None:
        return "the merge ended before the window was changed"
    for columns, rows in result[0]:
        above = -(-len("$ ckmerge") // columns) if reflows else 1
        if any(rows[above + 1:]):
            return f"{columns} columns: more than the bar on the screen: {rows}"
        if columns >= 10 and not re.match(r" *\d+%", rows[above]):
            return f"{columns} columns: no bar: {rows}"
    if [row for row in result[1] if row][-1:] != ["interrupted; nothing was written"] or len(result[1]) > 3:
        return f"at the end: {result[1]}"
    return None


with watch.Folder() as folder:
    text, code = run(folder.command(ckmerge), folder)
    watch.expect(code == 0, f"the merge failed: {code}, {text!r}")
    last = check_bar(text, "bar")
    watch.expect(text.endswith(b"\r\x1b[J") and last == b"\r\x1b[J", f"the bar is not taken away: {last!r}")

    text, code = run(folder.command(ckmerge), folder, signal.SIGINT)
    last = check_bar(text, "interrupted bar")
    watch.expect(code == 130, f"interrupted: exit {code}")
    watch.expect(last == b"\r\x1b[Jinterrupted; nothing was written\n", f"interrupted: ends with {last!r}")

    for reflows in (True, False):
        tries = [check_resizing(folder.command(ckmerge), folder, reflows)]
        while tries[-1] and len(tries) < 3:
            tries.append(check_resizing(folder.command(ckmerge), folder, reflows))
        watch.expect(tries[-1] is None, f"resized, {'' if reflows else 'not '}reflowing: {tries}")

    text, code = run(folder.command(ckmerge), folder, signal.SIGTERM, TERM="dumb")
    watch.expect(text == b"interrupted; nothing was written\n", f"TERM=dumb: {text!r}")
    text, code = run(folder.command(ckmerge, "--progress", "bar"), folder, signal.SIGTERM, TERM="dumb")
    watch.expect(text == b"interrupted; nothing was written\n", f"TERM=dumb, a bar is asked for: {text!r}")
    text, code = run(folder.command(ckmerge), folder, signal.SIGTERM, NO_COLOR="1")
    watch.expect(b"%" in text and re.search(rb"\x1b\[[\d;]*m", text) is None, f"NO_COLOR: {text!r}")
    text, code = run(folder.command(ckmerge, "-q"), folder, signal.SIGTERM)
    watch.expect(text == b"interrupted; nothing was written\n", f"-q: {text!r}")
    text, code = run(folder.command(ckmerge, "--progress", "none"), folder, signal.SIGTERM)
    watch.expect(text == b"interrupted; nothing was written\n", f"--progress none: {text!r}")

    gone = [ckmerge, "inspect", "gone"]
    sentence = b"gone: cannot be opened: No such file or directory\n"
    watch.expect(run(gone, folder)[0] == b"\x1b[1;31merror:\x1b[0m " + sentence, "error: is not red on a terminal")
    watch.expect(run(gone, folder, NO_COLOR="1")[0] == b"error: " + sentence, "NO_COLOR is not obeyed")
    watch.expect(run(gone, folder, TERM="dumb")[0] == b"error: " + sentence, "TERM=dumb is not obeyed")
watch.finish()
