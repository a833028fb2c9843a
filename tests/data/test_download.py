import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sentiment.data.download import DownloadError, download

CONTENT = bytes(range(256)) * 20_000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Server(ThreadingHTTPServer):
    ranges: bool = True
    break_after: int | None = None
    stalls: threading.Event | None = None  # instead of an end of the connection
    requested: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.requested.append(asked)
        if self.path != "/file":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.break_after])
        if self.server.stalls is not None:
            self.server.stalls.wait(60)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.requested = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def url(server: Server, name: str = "file") -> str:
    return f"http://127.0.0.1:{server.server_port}/{name}"


def test_a_whole_file(server: Server, tmp_path: Path) -> None:
    assert download(url(server), tmp_path / "new" / "f", MD5).read_bytes() == CONTENT
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["f"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_is_resumed_or_begun_again(server: Server, tmp_path: Path, ranges: bool) -> None:
    server.break_after, server.ranges = 1_000_000, ranges
    with pytest.raises(DownloadError, match=r"1,000,000 bytes are kept in .*f.part and will be resumed"):
        download(url(server), tmp_path / "f", MD5)
    assert not (tmp_path / "f").exists()
    server.break_after = None
    assert download(url(server), tmp_path / "f", MD5).read_bytes() == CONTENT
    assert server.requested == [None, "bytes=1000000-"]


def test_what_came_before_a_stall_is_kept(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also less than is read at once."""
    monkeypatch.setattr("sentiment.data.download.TIMEOUT_SECONDS", 0.3)
    server.break_after, server.stalls = 10_000, threading.Event()
    with pytest.raises(DownloadError, match=r"timed out \(10,000 bytes are kept in .*f.part and will be resumed"):
        download(url(server), tmp_path / "f", MD5)
    server.stalls.set()
    server.break_after = server.stalls = None
    assert download(url(server), tmp_path / "f", MD5).read_bytes() == CONTENT
    assert server.requested == [None, "bytes=10000-"]


def test_a_complete_part_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(CONTENT)
    assert download(url(server), tmp_path / "f", MD5).read_bytes() == CONTENT


def test_a_wrong_file_is_removed(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=f"has the MD5 {MD5}, expected 123: the file was removed"):
        download(url(server), tmp_path / "f", "123")
    assert list(tmp_path.iterdir()) == []


def test_no_such_file_and_no_server(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match=r"cannot download .*: Not Found"):
        download(url(server, "absent"), tmp_path / "f", MD5)
    with pytest.raises(DownloadError, match=r"refused"):
        download("http://127.0.0.1:9/file", tmp_path / "f", MD5)
    assert list(tmp_path.iterdir()) == []
