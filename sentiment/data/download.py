"""Fetch a file over HTTP: resumed when broken off, checked, and never left half-written under its name."""

import hashlib
import http.client
import lzma
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from sentiment.console import log
from sentiment.errors import UserError

BLOCK_BYTES = 1 << 20
TIMEOUT_SECONDS = 20


class DownloadError(UserError):
    """The file could not be fetched."""


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download(url: str, target: Path, md5: str) -> Path:
    """Fetch `url` to `target`, continuing from `<target>.part` if an earlier try broke off.

    The file gets its name only when its MD5 is right; a partial file that turns out wrong is removed.

    Raises:
        DownloadError: if the server cannot be reached, the transfer breaks off, or the MD5 differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _fetch(url, part)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        kept = f" ({part.stat().st_size:,} bytes are kept in {part} and will be resumed)" if part.exists() else ""
        raise DownloadError(f"cannot download {url}: {reason}{kept}") from None
    found = md5_of(part)
    if found != md5:
        part.unlink()
        raise DownloadError(f"{url} has the MD5 {found}, expected {md5}: the file was removed; try again")
    part.replace(target)
    return target


def _fetch(url: str, part: Path) -> None:
    """Append what is missing of `url` to `part`."""
    start = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            return
        raise
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        start = start if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        log(f"{'resuming' if resumed else 'downloading'} {url}")
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
                   TimeRemainingColumn())
        with part.open("ab" if resumed else "wb") as file, Progress(*columns, console=log.console) as progress:
            task = progress.add_task("download", total=total, completed=start)
            while block := response.read(BLOCK_BYTES):
                file.write(block)
                progress.advance(task, len(block))
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"the connection closed after {part.stat().st_size:,} of {total:,} bytes")


def unpack(archive: Path, folder: Path, member: str) -> Path:
    """Unpack a tar archive and move its top-level `member` into `folder`.

    Everything is written to a temporary folder next to it first and renamed when complete. Members that would leave the
    folder, links and device files are refused.

    Returns:
        The path of the member.

    Raises:
        UserError: if the archive is damaged, unsafe or has no such member.
    """
    log(f"unpacking {archive}")
    beside = Path(tempfile.mkdtemp(prefix=f".{member}-", dir=folder))
    try:
        with tarfile.open(archive) as tar:
            _extract(archive, tar, beside.resolve())
        if not (beside / member).is_dir():
            raise UserError(f"{archive} holds no folder {member}/")
        (beside / member).replace(folder / member)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise UserError(f"{archive} is damaged: {error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder / member


def _extract(archive: Path, tar: tarfile.TarFile, folder: Path) -> None:
    """Write files and folders; `extractall` has a filter that does this only since Python 3.11.4.

    Raises:
        UserError: for a member that is neither, or that lies elsewhere.
    """
    for member in tar:
        target = (folder / member.name).resolve()
        content = tar.extractfile(member) if member.isreg() else None
        if not target.is_relative_to(folder) or (content is None and not member.isdir()):
            raise UserError(f"{archive} is not safe to unpack: {member.name} is outside of it, or no file")
        if content is None:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
