"""A server as users start it."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any


class Server:
    """A server in a process of its own, at a free port."""

    def __init__(self, *words: object) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "sentiment", "serve", *map(str, words), "--port", "0"],
                                        stderr=subprocess.PIPE, text=True)
        self.said: list[str] = []
        self.url = self.wait_for("listening on ").rpartition(" ")[2].strip()

    def wait_for(self, what: str) -> str:
        """Read what the server says until a line holds `what`, and return the line."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if what in line:
                return line
        raise AssertionError(f"the server ended: {self.said}")

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Return the code and the answer."""
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=30) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def begin(self, body: bytes, sent: int, headers: str = "") -> socket.socket:
        """Connect, and send the head of a prediction and the first bytes of its body; with -1 not all of the head."""
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        connection = socket.create_connection((host, int(port)), timeout=30)
        host = "" if "Host:" in headers else "Host: localhost\r\n"
        head = (f"POST /v1/models/reviews:predict HTTP/1.1\r\n{host}{headers}"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
        connection.sendall(head[:-2] if sent < 0 else head + body[:sent])
        return connection

    def end(self, number: int) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def metrics(self) -> str:
        """Return the counters."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=30) as response:
            return str(response.read().decode())
