#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: progress.py CKMERGE
What a merge shows on a terminal: a bar that stays in one line and is taken away, whatever the end; no escape sequence
where the terminal knows none; a coloured word only where colour is welcome."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time

import watch

ckmerge = os.path.abspath(sys.argv[1])
COLUMNS = 60


class Terminal:
    """A pseudo terminal whose other end is collected."""

    def __init__(self):
        self.main, self.end = pty.openpty()
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
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
    process.communicate(timeout=120)
    return terminal.close(), process.returncode


def check_bar(text, where):
    draws = text.split(b"\r")
    watch.expect(draws[0] == b"", f"{where}: something before the bar: {draws[0]!r}")
    watch.expect(len(draws) > 3, f"{where}: drawn {len(draws)} times")
    for draw in draws[1:-1]:
        watch.expect(draw.endswith(b"\x1b[K"), f"{where}: a draw does not clear its rest: {draw!r}")
        watch.expect(len(draw) - 3 < COLUMNS, f"{where}: {len(draw) - 3} columns: {draw!r}")
        watch.expect(b"\n" not in draw, f"{where}: a draw ends the line")
    watch.expect(re.match(rb" *\d+% .*B of 1\.61 GB, \d", draws[2]) is not None, f"{where}: {draws[2]!r}")
    return draws[-1]


with watch.Folder() as folder:
    text, code = run(folder.command(ckmerge), folder)
    watch.expect(code == 0, f"the merge failed: {code}, {text!r}")
    last = check_bar(text, "bar")
    watch.expect(last == b"\x1b[K", f"the bar is not taken away: {last!r}")

    text, code = run(folder.command(ckmerge), folder, signal.SIGINT)
    last = check_bar(text, "interrupted bar")
    watch.expect(code == 130, f"interrupted: exit {code}")
    watch.expect(last == b"\x1b[Kinterrupted; nothing was written\n", f"interrupted: ends with {last!r}")

    text, code = run(folder.command(ckmerge), folder, signal.SIGTERM, TERM="dumb")
    watch.expect(text == b"interrupted; nothing was written\n", f"TERM=dumb: {text!r}")
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
