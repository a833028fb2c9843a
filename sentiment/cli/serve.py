"""`sentiment serve`: serve models over HTTP."""

import argparse
import os
from pathlib import Path
from typing import Any

from sentiment.errors import UserError
from sentiment.shipped import EXAMPLES, NAME, shipped_export

MEGABYTE = 1 << 20
BETWEEN = {"port": (0, 65_535), "batch_size": (1, 4096), "batch_wait": (0, 1000), "queue": (1, 1 << 20),
           "max_texts": (1, 1 << 20), "max_characters": (1, 1 << 30), "max_body": (1, 1024), "versions": (1, 100),
           "poll": (1, 86_400), "max_in_flight": (1, 1 << 16), "max_connections": (1, 65_535),
           "read_timeout": (1, 86_400), "grace": (0, 3600)}
OF_ENVIRONMENT = "env:"


def add_to(commands: Any) -> None:
    """Add the command's parser."""
    parser = commands.add_parser("serve", help="serve models over HTTP, with TensorFlow Serving's interface")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="the folder of a run or of an export, or a folder "
                        "with such folders named 1, 2, ..., of which the newest is served; NAME=FOLDER sets the name "
                        "(default: the included film-review model)")
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 for all networks (default: this machine only)")
    parser.add_argument("--port", type=int, default=8501, help="0 selects a free port (default: 8501)")
    parser.add_argument("--batch-size", type=int, default=64, help="maximum texts of a batch (default: 64)")
    parser.add_argument("--batch-wait", type=float, default=2.0, metavar="MS",
                        help="maximum time that the first text of a batch waits for others (default: 2)")
    parser.add_argument("--queue", type=int, default=1024,
                        help="maximum queued texts; further requests get status 503 (default: 1024)")
    parser.add_argument("--max-texts", type=int, default=256, help="maximum texts per request (default: 256)")
    parser.add_argument("--max-characters", type=int, default=100_000,
                        help="maximum characters per text (default: 100000)")
    parser.add_argument("--max-body", type=int, default=4, metavar="MB",
                        help="maximum size of a request body (default: 4)")
    parser.add_argument("--max-in-flight", type=int, default=64, metavar="MB",
                        help="maximum total size of unanswered requests; further ones get status 503 (default: 64)")
    parser.add_argument("--max-connections", type=int, default=512,
                        help="maximum open connections; further ones get status 503 (default: 512)")
    parser.add_argument("--read-timeout", type=float, default=30.0, metavar="SECONDS",
                        help="time in which a request must arrive (default: 30)")
    parser.add_argument("--grace", type=float, default=10.0, metavar="SECONDS",
                        help="maximum time to finish requests in progress after SIGINT or SIGTERM (default: 10)")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="another accepted value of "
                        "the Host header; may be repeated. Without it, a server for this machine only accepts "
                        "localhost, its address and --host, and a server for other machines accepts every name")
    parser.add_argument("--token", metavar="FILE|env:NAME", help="a file or an environment variable with a secret that "
                        "clients must send, as 'Authorization: Bearer SECRET'; /healthz and /readyz need none")
    parser.add_argument("--example", action="append", metavar="TEXT", help="an example text on the page; may be "
                        "repeated (default: for the film-review model three sentences, else none)")
    parser.add_argument("--versions", type=int, default=1, help="served versions of a model (default: 1)")
    parser.add_argument("--poll", type=int, default=5, metavar="SECONDS",
                        help="interval between checks for new versions (default: 5)")


def run(arguments: argparse.Namespace) -> None:
    """Serve until SIGINT or SIGTERM."""
    try:
        from sentiment.serving.batcher import Batching
        from sentiment.serving.metrics import Metrics
        from sentiment.serving.models import Models, load_version, named_models
        from sentiment.serving.protocol import Limits
        from sentiment.serving.server import Network, serve
    except ModuleNotFoundError as error:
        raise UserError(f"the server needs {error.name}: install it (pip install '.[serve]')") from None
    _check(arguments)
    batching = Batching(arguments.batch_size, arguments.batch_wait / 1000, arguments.queue)
    limits = Limits(texts=arguments.max_texts, characters=arguments.max_characters,
                    body=arguments.max_body * MEGABYTE, in_flight=arguments.max_in_flight * MEGABYTE,
                    seconds=arguments.read_timeout)
    network = Network(arguments.host, arguments.port, arguments.allow_host, arguments.max_connections, arguments.grace)
    token = None if arguments.token is None else _token(arguments.token)
    metrics = Metrics()
    named = named_models(arguments.models or [f"{NAME}={shipped_export()}"])
    models = Models(named, load_version, batching, kept=arguments.versions, watch=metrics.batch)
    examples = arguments.example or (() if arguments.models else EXAMPLES)
    serve(models, limits, metrics, network, poll_seconds=arguments.poll, token=token, examples=examples)


def _check(arguments: argparse.Namespace) -> None:
    for name, (least, most) in BETWEEN.items():
        if not least <= getattr(arguments, name) <= most:
            raise UserError(f"--{name.replace('_', '-')} must be between {least} and {most}")
    if arguments.max_texts > arguments.queue:
        raise UserError(f"--queue must be at least --max-texts, {arguments.max_texts}, to hold a whole request")
    for text in arguments.example or ():
        if not text.strip() or len(text) > arguments.max_characters:
            raise UserError(f"--example must be a text of 1 to {arguments.max_characters:,} characters "
                            f"(--max-characters), not {len(text):,}{'' if text.strip() else ' without a word'}")
    if arguments.max_body > arguments.max_in_flight:
        raise UserError(f"--max-in-flight must be at least --max-body, {arguments.max_body}, to hold a whole request")


def _token(source: str) -> str:
    """Return the secret from a file or an environment variable; messages omit `source`, which may be the secret.

    Raises:
        UserError: if it is missing or not valid in a header.
    """
    if source.startswith(OF_ENVIRONMENT):
        token = os.environ.get(source.removeprefix(OF_ENVIRONMENT), "")
    else:
        try:
            token = Path(source).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise UserError("--token must name a readable file with the secret or, as env:NAME, an environment "
                            "variable; it is not the secret itself, which other users of this machine could see"
                            ) from None
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        raise UserError("the secret of --token is empty or not a word of printable ASCII characters: create one with "
                        "`openssl rand -hex 32`")
    return token
