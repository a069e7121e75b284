# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, steered by the protocol of its developer tools: a page, JavaScript in it, the mouse, the keyboard, pictures."""
import base64
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request

from websocket import WebSocket

SECONDS = 60


def program():
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


class Browser:
    def __init__(self, url, width=1280, height=900):
        self._profile = tempfile.mkdtemp(prefix="ckmerge-chromium-")
        self._process = subprocess.Popen([program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
                                          f"--user-data-dir={self._profile}", f"--window-size={width},{height}", "about:blank"],
                                         stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        port = None
        for line in self._process.stderr:
            if found := re.search(r"ws://127\.0\.0\.1:(\d+)/", line):
                port = int(found[1])
                break
        asked = urllib.request.Request(f"http://127.0.0.1:{port}/json/new?{url}", method="PUT")
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            page = json.loads(answer.read())["webSocketDebuggerUrl"]
        self._socket, self._number = WebSocket(port, page.split(str(port), 1)[1]), 0
        self.ask("Page.enable")

    def ask(self, method, **parameters):
        self._number += 1
        self._socket.send({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = self._socket.events.get(timeout=SECONDS)
            if answer is None:
                raise RuntimeError("the browser is gone")
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def run(self, script):
        """The value of a JavaScript expression, awaited."""
        done = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{script[:80]}: {done['exceptionDetails'].get('exception', {}).get('description')}")
        return done["result"].get("value")

    def until(self, script, seconds=SECONDS):
        began = time.monotonic()
        while not (found := self.run(script)):
            if time.monotonic() - began > seconds:
                raise RuntimeError(f"never: {script[:80]}")
            time.sleep(0.1)
        return found

    def click(self, x, y, times=1):
        for count in range(1, times + 1):
            for kind in ("mousePressed", "mouseReleased"):
                self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=count)

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def picture(self, path, x, y, width, height):
        told = self.ask("Page.captureScreenshot", format="png", clip={"x": x, "y": y, "width": width, "height": height, "scale": 1})
        pathlib.Path(path).write_bytes(base64.b64decode(told["data"]))

    def close(self):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)
