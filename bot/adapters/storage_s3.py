"""Artifacts and closed logs as objects of an S3 store.

What is put is gathered in a file of its own first: its name is its content's hash, and it shall appear whole.
"""

import hashlib
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from bot.domain import packing
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.runs import RunId
from bot.domain.texts import size
from bot.ports.artifacts import Sha256, Stored, Stream

_PIECE: Final = 1 << 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_ANSWER: Final = timedelta(seconds=30)
_CONNECT: Final = timedelta(seconds=5)
_TRIES: Final = 2


def open_store(url: str) -> S3Store:
    """`s3://KEY:SECRET@BUCKET/PREFIX?endpoint=https://HOST&region=REGION`; without a key, as the machine may."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    endpoint, region = options.get("endpoint"), options.get("region", "us-east-1")
    config: Any = {"region": region}
    if endpoint:
        config |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
    if parts.username and parts.password:
        config |= {"access_key_id": unquote(parts.username), "secret_access_key": unquote(parts.password)}
    return S3Store(
        parts.hostname or "",
        prefix=parts.path.strip("/") or None,
        config=config,
        client_options={
            "allow_http": (endpoint or "").startswith("http://"),
            "timeout": _ANSWER,
            "connect_timeout": _CONNECT,
        },
        retry_config={"max_retries": _TRIES, "retry_timeout": _ANSWER},
    )


class S3Artifacts:
    """Contents of artifacts, named by their SHA-256."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def put(self, stream: Stream, limit: int) -> Stored:
        """Also when it is there already: the new object's time tells that somebody is about to refer to it."""
        with _troubles(), tempfile.TemporaryFile() as file:
            stored = _gathered(stream, file, limit)
            file.seek(0)
            obstore.put(self._store, _key(stored.sha256), file)
        return stored

    def read(self, sha256: Sha256, start: int, length: int) -> bytes:
        with _troubles():
            end = min(start + length, self._head(sha256)["size"])
            return bytes(obstore.get_range(self._store, _key(sha256), start=start, end=end)) if start < end else b""

    def remove(self, sha256: Sha256, before: float) -> bool:
        """S3 knows no removal on a condition: a put between the look and the removal would be lost.

        `before` lies so far back that nobody refers to what is that old while it is put anew in the same moment.
        """
        with _troubles():
            try:
                is_old = self._modified(self._head(sha256)) < before
            except (NotFoundError, FileNotFoundError):
                return False
            if is_old:
                obstore.delete(self._store, _key(sha256))
        return is_old

    def delete_before(self, before: float, is_kept: Callable[[Sha256], bool]) -> int:
        with _troubles():
            found = [one for page in obstore.list(self._store, prefix="artifacts") for one in page]
        old = [Sha256(str(one["path"]).rpartition("/")[2]) for one in found if self._modified(one) < before]
        return sum(self.remove(name, before) for name in old if _SHA256.fullmatch(name) and not is_kept(name))

    def _head(self, sha256: Sha256) -> Any:  # obstore has this type for readers of types alone
        return obstore.head(self._store, _key(sha256))

    def _modified(self, meta: Any) -> float:
        return float(meta["last_modified"].timestamp())


class S3Logs:
    """Closed logs, packed."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def pack(self, run: RunId, pieces: Iterable[bytes]) -> tuple[int, ...]:
        with _troubles(), tempfile.TemporaryFile() as file:
            members = packing.pack(file, pieces)
            file.seek(0)
            obstore.put(self._store, _log(run), file)
        return members

    def read(self, run: RunId, members: Sequence[int], start: int, end: int) -> bytes:
        first, last = packing.place(members, start, end)
        with _troubles():
            packed = bytes(obstore.get_range(self._store, _log(run), start=first, end=last))
        return packing.unpack(packed, start, end)

    def remove(self, run: RunId) -> None:
        with _troubles():
            obstore.delete(self._store, _log(run))


def _gathered(stream: Stream, file: IO[bytes], limit: int) -> Stored:
    digest, length = hashlib.sha256(), 0
    while piece := stream.read(min(_PIECE, limit - length + 1)):
        length += len(piece)
        if length > limit:
            raise BadInput(f"more than {size(limit)}")
        digest.update(piece)
        file.write(piece)
    return Stored(Sha256(digest.hexdigest()), length)


def _key(sha256: Sha256) -> str:
    if not _SHA256.fullmatch(sha256):
        raise Gone("that is not the SHA-256 of an artifact")
    return f"artifacts/{sha256[:2]}/{sha256}"


def _log(run: RunId) -> str:
    if not _RUN_ID.fullmatch(run):
        raise BadInput("not the id of a run")
    return f"logs/{run[:2]}/{run}.log.gz"


@contextmanager
def _troubles() -> Iterator[None]:
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise Gone("the storage does not have it any more") from error
    except (BaseError, OSError) as error:
        raise StoreBusy(f"storage: {error}") from error
