"""The server as a process: its start, its end, versions that change under load, its page."""

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
import uvicorn
from helpers.commands import Cli
from helpers.server_process import Server

from sentiment.inference import PortableClassifier
from sentiment.serving import server as server_module
from sentiment.serving.protocol import Limits
from sentiment.signals import StopRequest

BODY = json.dumps({"instances": ["a good film"]}).encode()


class Load:
    """Clients that ask without a pause; leaving the block stops them."""

    def __init__(self, server: Server, clients: int = 8) -> None:
        self.server = server
        self.codes: list[int] = []
        self.running = True
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        while self.running:
            try:
                self.codes.append(self.server.ask("/v1/models/reviews:predict", BODY)[0])
            except (urllib.error.URLError, ConnectionError):
                if self.running:
                    self.codes.append(0)

    def __enter__(self) -> "Load":
        for thread in self.threads:
            thread.start()
        while len(self.codes) < 20:
            threading.Event().wait(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.running = False
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_answers_as_the_export_and_ends_clean(number: int, versions: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(versions)
    code, answer = server.ask("/v1/models/reviews:predict", BODY)
    (expected,) = PortableClassifier.load(versions / "1").predict_proba(["a good film"])
    assert (code, answer["predictions"][0]["scores"]) == (200, pytest.approx(expected.tolist()))
    assert server.end(number) == 0
    server.wait_for("the server has stopped")
    assert not any("Traceback" in line for line in server.said)


def test_a_signal_waits_for_what_was_begun(versions: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(versions, "--batch-wait", 1000)
    codes: list[int] = []
    waits = False
    while not waits:  # a slow machine may see the answer first
        asking = threading.Thread(target=lambda: codes.append(server.ask("/v1/models/reviews:predict", BODY)[0]))
        asking.start()
        while asking.is_alive() and not waits:
            waits = 'sentiment_waiting_texts{model="reviews"} 1.0' in server.metrics()
    assert server.end(signal.SIGTERM) == 0
    asking.join()
    assert set(codes) == {200}


def test_a_new_version_is_picked_up_and_drops_no_request(versions: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(versions, "--poll", 1)
    with Load(server) as load:
        shutil.copytree(versions / "1", versions / "2")
        server.wait_for("version 1 is no longer served")
        before = len(load.codes)
        while len(load.codes) < before + 20:
            threading.Event().wait(0.01)
    assert set(load.codes) == {200}
    assert server.ask("/v1/models/reviews")[1]["model_version_status"][0]["version"] == "2"
    assert server.ask("/v1/models/reviews/versions/1")[0] == 404


def test_requests_that_do_not_come_whole(versions: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(versions, "--poll", 1, "--grace", 1)
    across, never = server.begin(BODY, 5), server.begin(BODY, 5)
    with across, never:
        shutil.copytree(versions / "1", versions / "2")
        server.wait_for("version 1 is no longer served")
        across.sendall(BODY[5:])
        assert across.recv(99).startswith(b"HTTP/1.1 200 ")
        assert server.end(signal.SIGTERM) == 0
        assert never.recv(999).startswith(b"HTTP/1.1 503 ")
    server.wait_for("after 1 s (--grace), 1 requests are cancelled")
    server.wait_for("the server has stopped")
    assert not any("Traceback" in line for line in server.said)


def test_connections_are_bounded_and_must_ask(versions: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(versions, "--max-connections", 2, "--read-timeout", 1)
    with server.begin(BODY, -1) as half, server.begin(BODY, 0) as none:
        with server.begin(BODY, len(BODY)) as third:
            answer = third.recv(999)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"too many connections" in answer
        assert none.recv(99).startswith(b"HTTP/1.1 408 ")
        with suppress(ConnectionResetError):
            assert half.recv(99) == b""
    assert server.ask("/v1/models/reviews:predict", BODY)[0] == 200


def test_heads_are_bounded(versions: Path, start_server: Callable[..., Server]) -> None:
    """Also one that does not end; what is sent at once is larger than what is read at once."""
    server = start_server(versions)
    with server.begin(b"", -1) as connection:
        with suppress(ConnectionError):
            for number in range(100):
                connection.sendall(f"X{number}: ".encode() + b"a" * 100_000 + b"\r\n")
        assert number < 99
        with suppress(ConnectionError):
            assert connection.recv(999).startswith(b"HTTP/1.1 431 ")
    assert server.ask("/v1/models/reviews:predict", BODY)[0] == 200


def test_a_secret_and_other_names(versions: Path, start_server: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    server = start_server(versions, "--token", tmp_path / "secret", "--allow-host", "reviews.example")
    assert server.ask("/v1/models/reviews:predict", BODY)[0] == 401
    for host, code in (("reviews.example", b"200"), ("localhost", b"200"), ("evil.example", b"403"),
                       ("evil.example\r\nHost: localhost", b"403")):
        with server.begin(BODY, len(BODY), headers=f"Authorization: Bearer s3cret\r\nHost: {host}\r\n") as connection:
            assert connection.recv(99).split()[1] == code


@pytest.mark.parametrize(("host", "names", "expected"), [
    ("127.0.0.1", (), {"localhost", "127.0.0.1", "::1"}), ("localhost", ("Reviews.example",), {
        "localhost", "127.0.0.1", "::1", "reviews.example"}),
    ("0.0.0.0", (), None),  # noqa: S104 - is what the test is about
    ("0.0.0.0", ("reviews.example",), {"localhost", "127.0.0.1", "::1", "reviews.example", "0.0.0.0"})])  # noqa: S104
def test_names_of_a_server(host: str, names: tuple[str, ...], expected: set[str] | None) -> None:
    network = server_module.Network(host, 0, names)
    with server_module._listening(network) as listening:
        assert server_module._names(network, listening) == expected


def test_a_thread_that_works_on_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    monkeypatch.setattr(server_module, "_end_at_once", ended.set)
    monkeypatch.setattr(server_module, "LAST_SECONDS", 0.0)
    stop = StopRequest()
    server = server_module._Server(uvicorn.Config(app=None), stop, server_module.Network(grace=0), Limits())  # type: ignore[arg-type]
    stop.signal = signal.SIGTERM
    asyncio.run(server.bounded_end())
    assert ended.wait(20)


@pytest.mark.extended
def test_a_run_is_served_too(tiny_run: Path, start_server: Callable[..., Server]) -> None:
    server = start_server(f"whole={tiny_run}")
    code, answer = server.ask("/v1/models/whole:explain", BODY)
    assert code == 200
    assert [one["word"] for one in answer["predictions"][0]["words"]] == ["a", "good", "film"]


def test_a_port_that_is_taken(versions: Path, run_cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = run_cli("serve", versions, "--port", port)
    assert code == 1
    assert f"cannot listen on --host '127.0.0.1', --port {port}: " in err


@pytest.mark.parametrize(("words", "message"), [
    (["{versions}/none", "--port", "0"], "no such model folder"),
    (["{versions}", "--host", "no such host"], "cannot listen on --host 'no such host'"),
    (["{versions}", "--host", "a..b"], "cannot listen on --host 'a..b'"),
    (["{versions}", "--port", "70000"], "--port must be between 0 and 65535"),
    (["{versions}", "--batch-wait", "nan"], "--batch-wait must be between 0 and 1000"),
    (["{versions}", "--max-in-flight", "3"], "--max-in-flight must be at least --max-body, 4"),
    (["{versions}", "--token", "s3cret"], "--token must name a readable file with the secret"),
    (["{versions}", "--token", "env:NO_SUCH_NAME"], "the secret of --token is empty"),
    (["{versions}", "--token", "{versions}/1/vocabulary.txt"], "not a word of printable ASCII characters"),
    (["{versions}", "--example", " "], "--example must be a text of 1 to 100,000 characters (--max-characters), not 1"),
    (["{versions}", "--max-characters", "3", "--example", "good"], "--example must be a text of 1 to 3 characters"),
    (["{versions}", "--queue", "10"], "--queue must be at least --max-texts, 256"),
    (["{versions}", "{versions}"], "two models are called 'reviews'")])
def test_mistakes_are_one_line(words: list[str], message: str, versions: Path, run_cli: Cli) -> None:
    code, out, err = run_cli("serve", *(word.format(versions=versions) for word in words))
    assert (code, out) == (1, "")
    assert message in err.splitlines()[-1]
    assert "s3cret" not in err


def test_without_the_extra(versions: Path) -> None:
    code = ("import sys; sys.modules['fastapi'] = None\nfrom sentiment.cli import main\n"
            f"sys.exit(main(['serve', {str(versions)!r}]))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1, "error: the server needs fastapi: install it (pip install '.[serve]')\n")


def test_the_page_in_a_browser(versions: Path, start_server: Callable[..., Server], tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no Chromium on this machine: the page is not opened")
    tokens = versions / "1" / "tokens.json"
    values = json.loads(tokens.read_text(encoding="utf-8"))
    del values["checksums"]
    tokens.write_text(json.dumps({**values, "notes": ["it is <b>a</b> toy"]}), encoding="utf-8")
    server = start_server(versions, f"twin={versions}")
    link = f"{server.url}/#text={quote('a good <b>film</b> zxqv qwrt')}&other=twin"
    done = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'b'}",
                           "--virtual-time-budget=10000", "--dump-dom", link], capture_output=True, text=True,
                          check=False, timeout=120)
    found = done.stdout
    assert found.count('<section>') == 2
    assert "<h2>reviews</h2>" in found
    assert "<h2>twin</h2>" in found
    assert '<span class="against unknown"' in found or '<span class="for unknown"' in found
    assert found.count("Note: it is &lt;b&gt;a&lt;/b&gt; toy.") == 2
    assert found.count("Do not rely on this answer: 60% of words known.") == 2
    assert 'id="failed" role="alert" class="failed" hidden=""' in found
