"""Download and unpacking of archives: resumable, checked and atomic."""

import gzip
import hashlib
import http.client
import io
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
UNPACKED_BYTES = 1 << 30  # maximum content of an archive, three times that of IMDB's


class DownloadError(UserError):
    """The file could not be downloaded."""


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def download(url: str, target: Path, md5: str) -> Path:
    """Download `url` to `target`, continuing from `<target>.part` after an interrupted attempt.

    The file gets its final name only after its MD5 is checked; a file with a wrong MD5 is removed.

    Raises:
        DownloadError: if the server cannot be reached, the transfer is interrupted, or the MD5 differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    try:
        _fetch(url, part)
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", None) or error
        size = part.stat().st_size if part.exists() else 0
        kept = f" ({size:,} bytes are kept in {part} and will be resumed)" if size else ""
        raise DownloadError(f"cannot download {url}: {reason}{kept}") from None
    found = md5_of(part)
    if found != md5:
        part.unlink()
        raise DownloadError(f"{url} has the MD5 {found}, expected {md5}: the file was removed; try again")
    part.replace(target)
    return target


def _fetch(url: str, part: Path) -> None:
    """Append the missing part of `url` to `part`."""
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
            while block := response.read1(BLOCK_BYTES):  # `read` would lose the received bytes if the rest stalls
                file.write(block)
                progress.advance(task, len(block))
    if total is not None and part.stat().st_size < total:
        raise ConnectionError(f"the connection closed after {part.stat().st_size:,} of {total:,} bytes")


def unpack(archive: Path, folder: Path, member: str, *, md5: str | None = None, limit: int = UNPACKED_BYTES) -> Path:
    """Unpack a tar archive and move its top-level `member` into `folder`.

    Everything is written to a temporary folder next to it, and renamed after the checksums of gzip or xz at its end
    were checked. Absolute names, names with `..`, links and device files are refused.

    Args:
        archive: a `.tar.gz` or `.tar.xz` file, which may be untrusted.
        folder: the destination of the member.
        member: the name of a folder in the archive.
        md5: of the archive, if known.
        limit: the maximum number of bytes of its content, including the headers of its members.

    Returns:
        The path of the member.

    Raises:
        UserError: if the archive has another MD5, is damaged, unsafe or too large, or has no such member.
    """
    if md5 is not None and (found := md5_of(archive)) != md5:
        raise UserError(f"{archive} has the MD5 {found}, expected {md5}: it is damaged, incomplete, or not the "
                        "official archive; download it again, or give an archive of your own another name")
    log(f"unpacking {archive}")
    beside = Path(tempfile.mkdtemp(prefix=f".{member}-", dir=folder))
    try:
        with _decompressed(archive) as content:
            limited = _Limited(content, archive, limit)
            with tarfile.open(fileobj=limited, mode="r|") as tar:
                _extract(archive, tar, beside)
            while limited.read(BLOCK_BYTES):  # read to the end, where the checksum is
                pass
        if not (beside / member).is_dir():
            raise UserError(f"{archive} contains no folder {member}/")
        (beside / member).replace(folder / member)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError, ValueError, FileExistsError,
            IsADirectoryError, NotADirectoryError) as error:  # the last two are raised for conflicting names
        raise UserError(f"{archive} is damaged: {error}") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder / member


class _Limited(io.BufferedIOBase):
    """Content of an archive with a limit on the number of bytes."""

    def __init__(self, content: io.BufferedIOBase, archive: Path, limit: int) -> None:
        self._content, self._archive, self._limit = content, archive, limit

    def read(self, size: int | None = -1, /) -> bytes:
        """Read at most `size` bytes.

        Raises:
            UserError: beyond the limit.
        """
        block = self._content.read(size)
        self._limit -= len(block)
        if self._limit < 0:
            raise UserError(f"{self._archive} is not safe to unpack: it contains far more than the corpus")
        return block


def _decompressed(archive: Path) -> io.BufferedIOBase:
    """Open the content of a gzip or xz file, by its first bytes; both check their checksum at the end.

    Raises:
        UserError: for another file.
    """
    with archive.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(archive)
    if start == b"\xfd7zXZ\0":
        return lzma.open(archive)
    raise UserError(f"{archive} is damaged: it is neither a gzip nor an xz file")


def _extract(archive: Path, tar: tarfile.TarFile, folder: Path) -> None:
    """Extract only files and folders; `extractall` has such a filter only since Python 3.11.4.

    Raises:
        UserError: for another type of member, a sparse file, which may have any size, or one outside of the folder.
    """
    for member in tar:
        path = Path(member.name)
        if path.is_absolute() or ".." in path.parts or member.issparse() \
                or not (member.isreg() or member.isdir()):
            raise UserError(f"{archive} is not safe to unpack: {member.name} is outside of it, or no file")
        target = folder / path
        (target if member.isdir() else target.parent).mkdir(parents=True, exist_ok=True)
        content = tar.extractfile(member)
        if content is not None:
            with content, target.open("xb") as file:
                shutil.copyfileobj(content, file)
