# SPDX-License-Identifier: Apache-2.0
"""As much of a websocket (RFC 6455) as it takes to follow ComfyUI and to steer a browser."""
import base64
import json
import os
import queue
import socket
import struct
import threading


class WebSocket:
    def __init__(self, port, path):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self._file = self._socket.makefile("rb")
        status = self._file.readline()
        if b" 101 " not in status:
            raise ConnectionError(f"no websocket: {status!r}")
        while self._file.readline() not in (b"\r\n", b""):
            pass
        self._socket.settimeout(None)
        self.events = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _frame(self):
        first, second = self._file.read(2)
        size = second & 127
        if size > 125:
            size = struct.unpack(">H" if size == 126 else ">Q", self._file.read(2 if size == 126 else 8))[0]
        return first & 15, first & 128, self._file.read(size)

    def _send(self, kind, data):
        """Under a mask of zeros, which leaves the data as they are."""
        size = len(data)
        head = bytes([size | 0x80]) if size < 126 else struct.pack(">BH", 0xFE, size) if size < 65536 else struct.pack(">BQ", 0xFF, size)
        self._socket.sendall(bytes([kind]) + head + bytes(4) + data)

    def send(self, what):
        self._send(0x81, json.dumps(what).encode())

    def _read(self):
        text = b""
        try:
            while True:
                kind, last, data = self._frame()
                if kind == 8:
                    break
                if kind == 9:
                    self._send(0x8A, data)
                elif kind in (0, 1):
                    text += data
                    if last:
                        self.events.put(json.loads(text))
                        text = b""
        except (OSError, ValueError):
            pass
        self.events.put(None)

    def close(self):
        self._socket.close()
