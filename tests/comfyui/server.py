# SPDX-License-Identifier: Apache-2.0
"""A ComfyUI of one's own on 127.0.0.1: started, given prompts, followed, interrupted, stopped."""
import json
import os
import queue
import socket
import subprocess
import time
import urllib.error
import urllib.request
import uuid

from websocket import WebSocket

START_SECONDS, RUN_SECONDS = 180, 300


class Refused(Exception):
    """A prompt that ComfyUI did not begin."""


class Outcome:
    """What became of a prompt: success, error or interrupted; what nodes told; the events on the way."""

    def __init__(self, status, events, seconds):
        self.status, self.events, self.seconds = status, events, seconds
        self.outputs = {event["data"]["node"]: event["data"]["output"] for event in events if event["type"] == "executed"}
        errors = [event["data"] for event in events if event["type"] == "execution_error"]
        self.error = errors[0]["exception_message"].strip() if errors else ""
        self.cached = [node for event in events if event["type"] == "execution_cached" for node in event["data"]["nodes"]]
        self.progress = [(event["data"]["value"], event["data"]["max"]) for event in events if event["type"] == "progress"]

    def text(self, node):
        return "\n".join((self.outputs.get(node) or {}).get("text", []))


class Server:
    def __init__(self, python, source, home, variables, flags=("--fp16-unet",)):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.home, self._log = home, open(home / "server.log", "w", encoding="utf-8")
        words = [python, "main.py", "--cpu", *flags, "--listen", "127.0.0.1", "--port", self.port, "--disable-api-nodes", "--base-directory", home,
                 "--database-url", "sqlite:///:memory:"]
        self._process = subprocess.Popen([str(word) for word in words], cwd=source, stdout=self._log, stderr=subprocess.STDOUT,
                                         env={**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONDONTWRITEBYTECODE": "1", **variables})
        self.pid = self._process.pid
        began = time.monotonic()
        while True:
            try:
                self.nodes = self.get("/object_info")
                break
            except OSError:
                if self._process.poll() is not None or time.monotonic() - began > START_SECONDS:
                    self.stop()
                    raise RuntimeError(f"ComfyUI did not start:\n{self.log()[-4000:]}") from None
                time.sleep(0.3)
        self.client = uuid.uuid4().hex
        self._socket = WebSocket(self.port, f"/ws?clientId={self.client}")

    def log(self):
        return (self.home / "server.log").read_text(encoding="utf-8", errors="replace")

    def _request(self, path, data=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, {"Content-Type": "application/json"} if data is not None else {})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def get(self, path):
        return json.loads(self._request(path))

    def page(self, path):
        return self._request(path).decode()

    def post(self, prompt, workflow=None):
        asked = {"prompt": prompt, "client_id": self.client}
        if workflow is not None:
            asked["extra_data"] = {"extra_pnginfo": {"workflow": workflow}}
        try:
            return json.loads(self._request("/prompt", json.dumps(asked).encode()))["prompt_id"]
        except urllib.error.HTTPError as error:
            raise Refused(error.read().decode()) from None

    def interrupt(self):
        self._request("/interrupt", b"{}")

    def follow(self, prompt_id, at=None):
        """Waits for the end of a prompt; `at` is called with each event."""
        events, began = [], time.monotonic()
        ends = {"execution_success": "success", "execution_error": "error", "execution_interrupted": "interrupted"}
        while True:
            try:
                event = self._socket.events.get(timeout=RUN_SECONDS)
            except queue.Empty:
                raise RuntimeError(f"no word of prompt {prompt_id} for {RUN_SECONDS} s:\n{self.log()[-4000:]}") from None
            if event is None:
                raise RuntimeError(f"ComfyUI is gone:\n{self.log()[-4000:]}")
            if event.get("data", {}).get("prompt_id") not in (prompt_id, None):
                continue
            events.append(event)
            if at:
                at(event)
            if event["type"] in ends:
                return Outcome(ends[event["type"]], events, time.monotonic() - began)

    def run(self, prompt, workflow=None, at=None):
        return self.follow(self.post(prompt, workflow), at)

    def peak_memory(self):
        """The most that the process has held since it was last reset, in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

    def memory(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    def reset_peak(self):
        with open(f"/proc/{self.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
