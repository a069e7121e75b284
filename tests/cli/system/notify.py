#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""usage: notify.py CKMERGE
--notify against servers on 127.0.0.1 that play A1111, and some that do not: the merge is done in every case, what went
wrong is one warning, and nobody waits long."""
import base64
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import make_inputs

ckmerge = os.path.abspath(sys.argv[1])
faults = []


def expect(good, sentence):
    if not good:
        faults.append(sentence)


class Server:
    """Takes one connection and answers with `parts`, a tenth of a second apart; nothing when there are none."""

    def __init__(self, parts, family=socket.AF_INET, address="127.0.0.1"):
        self.parts, self.received = parts, b""
        self.socket = socket.socket(family)
        self.socket.bind((address, 0))
        self.socket.listen()
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        connection, _ = self.socket.accept()
        with connection:
            connection.settimeout(10)
            while b"\r\n\r\n" not in self.received:
                more = connection.recv(4096)
                if not more:
                    return
                self.received += more
            for part in self.parts:
                connection.sendall(part)
                time.sleep(0.1)
            if not self.parts:
                try:
                    connection.recv(1)
                except OSError:
                    pass


def merge(folder, url, *options):
    out = folder / "out.safetensors"
    out.unlink(missing_ok=True)
    start = time.monotonic()
    done = subprocess.run([ckmerge, "merge", "a.safetensors", "-m", "copy", "-o", out, "--notify", url, *options], cwd=folder,
                          capture_output=True, text=True, timeout=60)
    return done, out.exists(), time.monotonic() - start


def works(folder, parts, path="", user="", **where):
    server = Server(parts, **where)
    host = "[::1]" if where else "127.0.0.1"
    done, there, _ = merge(folder, f"http://{user}{host}:{server.port}{path}")
    server.thread.join(10)
    expect(done.returncode == 0 and there and done.stderr == "", f"{parts}, {path}: {done.returncode} {done.stderr}")
    return server.received.decode(), f"{host}:{server.port}"


def fails(folder, parts, what):
    server = Server(parts)
    done, there, seconds = merge(folder, f"http://127.0.0.1:{server.port}")
    expect(done.returncode == 0 and there, f"{parts}: the merge fails: {done.returncode} {done.stderr}")
    expect(done.stderr.startswith("warning: ") and done.stderr.count("\n") == 1 and what in done.stderr, f"{parts}: {done.stderr}")
    expect(seconds < 10, f"{parts}: {seconds} s")


with tempfile.TemporaryDirectory(prefix="ckmerge-cli-") as name:
    folder = pathlib.Path(name)
    make_inputs.write(folder / "a.safetensors", None, [("w", "F32", [1], bytes(4))], True)
    OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnull"
    request, host = works(folder, [OK])
    lines = request.split("\r\n")
    expect(lines[0] == "POST /sdapi/v1/refresh-checkpoints HTTP/1.1" and f"Host: {host}" in lines, f"the request: {lines}")
    expect("Content-Length: 0" in lines and request.endswith("\r\n\r\n") and "Authorization" not in request, f"{lines}")
    works(folder, [OK[:3], OK[3:13], OK[13:]])
    works(folder, [b"HTTP/1.0 204 No Content\r\n\r\n"])
    for path, expected in (("/", ""), ("/base", "/base"), ("/base/", "/base")):
        expect(works(folder, [OK], path)[0].startswith(f"POST {expected}/sdapi/v1/"), f"a server below {path}")
    for user in ("u:p", "user:pass:word", "ab:c", "abc:de"):
        expect("Authorization: Basic " + base64.b64encode(user.encode()).decode() + "\r\n" in works(folder, [OK], "", user + "@")[0],
               f"the password of {user}")
    (folder / "auth").write_text("file:pw\n")
    for value, user in (("env:pw", "env:pw"), (f"@{folder / 'auth'}", "file:pw")):
        os.environ["CKMERGE_NOTIFY_AUTH"] = value
        expect("Authorization: Basic " + base64.b64encode(user.encode()).decode() + "\r\n" in works(folder, [OK])[0], f"CKMERGE_NOTIFY_AUTH={value}")
    del os.environ["CKMERGE_NOTIFY_AUTH"]
    try:
        works(folder, [OK], family=socket.AF_INET6, address="::1")
    except OSError as error:
        print(f"NOT RUN: --notify over IPv6 ({error})")
    fails(folder, [b"HTTP/1.1 404 Not Found\r\n\r\n"], "404 (was it started with --api?)")
    fails(folder, [b"HTTP/1.1 500 \x1b[31m\r\n\r\n"], "answered 500")
    fails(folder, [b"SSH-2.0-OpenSSH\r\n"], "does not speak HTTP")
    fails(folder, [b"x" * 100000], "does not speak HTTP")
    fails(folder, [], "no answer within five seconds")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        done, there, _ = merge(folder, f"http://127.0.0.1:{closed.getsockname()[1]}")
        expect(done.returncode == 0 and there and "refused" in done.stderr, f"nobody there: {done.stderr}")
        told, _, _ = merge(folder, f"http://user:secret@127.0.0.1:{closed.getsockname()[1]}", "--json")
        warnings = json.loads(told.stdout)["warnings"]
        expect(told.stderr == "" and len(warnings) == 1 and "refused" in warnings[0], f"--json: {told.stdout} {told.stderr}")
        expect("secret" not in told.stdout, f"a password is told: {warnings}")
        quiet, there, _ = merge(folder, f"http://127.0.0.1:{closed.getsockname()[1]}", "-q")
        expect(quiet.returncode == 0 and there and quiet.stderr == "", f"quiet: {quiet.stderr}")
    for url in ("https://127.0.0.1:7860", "127.0.0.1:7860", "http://", "http://:1", "http://h:0", "http://h:65536", "http://h:x",
                "ftp://h", "http://h/a b", "http://h\r\nX: y", "http://h?x", "http://[::1", "http://[::1]x:9", "file:///etc"):
        done, there, _ = merge(folder, url)
        expect(done.returncode == 2 and not there and "--notify" in done.stderr, f"{url!r}: {done.returncode} {done.stderr}")
        expect(("https, which ckmerge does not speak" in done.stderr) == url.startswith("https"), f"{url!r}: {done.stderr}")
    server = Server([OK])
    done, _, _ = merge(folder, f"http://127.0.0.1:{server.port}", "--dry-run")
    expect(done.returncode == 0 and server.received == b"", "a plan notifies")
for fault in faults:
    print("FAILED:", fault)
sys.exit(1 if faults else 0)
