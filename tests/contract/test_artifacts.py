"""What every place for the contents of artifacts must do."""

import hashlib
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.adapters.artifacts_fs import FileArtifacts
from bot.adapters.storage_s3 import S3Artifacts, open_store
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.ports.artifacts import Artifacts, Sha256, Stored, Stream
from tests.fakes.artifacts import FakeArtifacts

Age = Callable[[Sha256], None]
"""Makes a content look as if it had been put long ago."""

LONG_AGO: Final = 500.0
LIMIT: Final = 1 << 22
ODD: Final = [
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "a" * 63,
    "A" * 64,
    "g" * 64,
    "a" * 64 + "\n",
    "a\0" * 32,
    "unfinished",
]


class AgedS3Artifacts(S3Artifacts):
    """Objects can't be made to look old; these are said to be."""

    def __init__(self, url: str) -> None:
        super().__init__(open_store(url))
        self.old: set[str] = set()

    def put(self, stream: Stream, limit: int) -> Stored:
        stored = super().put(stream, limit)
        self.old.discard(stored.sha256)
        return stored

    def _modified(self, meta: Any) -> float:  # noqa: ANN401  # obstore's own record
        return LONG_AGO - 1 if meta["path"].rpartition("/")[2] in self.old else super()._modified(meta)


@pytest.fixture(params=["files", "memory", "s3"])
def artifacts(request: pytest.FixtureRequest, tmp_path: Path) -> Artifacts:
    match request.param:
        case "files":
            return FileArtifacts(tmp_path / "artifacts")
        case "s3":
            return AgedS3Artifacts(request.getfixturevalue("s3_server").url)
        case _:
            return FakeArtifacts()


@pytest.fixture
def age(artifacts: Artifacts, tmp_path: Path) -> Age:
    def make_old(sha256: Sha256) -> None:
        if isinstance(artifacts, FakeArtifacts):
            artifacts.times[sha256] = LONG_AGO - 1
        elif isinstance(artifacts, AgedS3Artifacts):
            artifacts.old.add(sha256)
        else:
            os.utime(tmp_path / "artifacts" / sha256[:2] / sha256, (LONG_AGO - 1, LONG_AGO - 1))

    return make_old


def put(artifacts: Artifacts, data: bytes, limit: int = LIMIT) -> Sha256:
    return artifacts.put(io.BytesIO(data), limit).sha256


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), start=st.integers(0, 310), length=st.integers(0, 310))
def test_any_part_of_what_was_put_is_read_again(artifacts: Artifacts, data: bytes, start: int, length: int) -> None:
    stored = artifacts.put(io.BytesIO(data), LIMIT)
    assert stored.sha256 == hashlib.sha256(data).hexdigest()
    assert stored.size == len(data)
    assert artifacts.read(stored.sha256, start, length) == data[start : start + length]


def test_a_big_stream_arrives_whole(artifacts: Artifacts) -> None:
    data = os.urandom((1 << 20) * 2 + 12345)
    sha256 = put(artifacts, data)
    assert artifacts.read(sha256, 0, 1 << 22) == data


def test_a_stream_up_to_the_limit_is_kept(artifacts: Artifacts) -> None:
    assert artifacts.read(put(artifacts, b"x" * 100, 100), 0, 200) == b"x" * 100


@pytest.mark.parametrize(("size", "limit"), [(101, 100), (1, 0), (1 << 21, 1 << 20)])
def test_a_stream_beyond_the_limit_is_refused_and_leaves_nothing(artifacts: Artifacts, size: int, limit: int) -> None:
    data = b"x" * size
    with pytest.raises(BadInput, match="more than"):
        put(artifacts, data, limit)
    with pytest.raises(Gone):
        artifacts.read(Sha256(hashlib.sha256(data).hexdigest()), 0, 1)


def test_an_endless_stream_is_read_no_further_than_the_limit(artifacts: Artifacts) -> None:
    endless = Endless()
    with pytest.raises(BadInput):
        artifacts.put(endless, 5000)
    assert endless.given <= 5001


def test_a_stream_that_breaks_leaves_nothing(artifacts: Artifacts) -> None:
    with pytest.raises(EOFError):
        artifacts.put(Breaking(b"the first half"), LIMIT)
    with pytest.raises(Gone):
        artifacts.read(Sha256(hashlib.sha256(b"the first half").hexdigest()), 0, 1)


def test_what_nobody_put_is_gone(artifacts: Artifacts) -> None:
    with pytest.raises(Gone):
        artifacts.read(Sha256("0" * 64), 0, 1)


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_gone(artifacts: Artifacts, name: str) -> None:
    with pytest.raises(Gone):
        artifacts.read(Sha256(name), 0, 1)


def test_what_is_old_is_removed(artifacts: Artifacts, age: Age) -> None:
    sha256 = put(artifacts, b"old")
    age(sha256)
    assert artifacts.remove(sha256, LONG_AGO)
    with pytest.raises(Gone):
        artifacts.read(sha256, 0, 1)
    assert not artifacts.remove(sha256, LONG_AGO)


def test_what_was_put_again_meanwhile_stays(artifacts: Artifacts, age: Age) -> None:
    sha256 = put(artifacts, b"twice")
    age(sha256)
    put(artifacts, b"twice")
    assert not artifacts.remove(sha256, LONG_AGO)
    assert artifacts.read(sha256, 0, 9) == b"twice"


def test_cleaning_takes_what_is_old_and_not_kept(artifacts: Artifacts, age: Age) -> None:
    kept, old, young = put(artifacts, b"kept"), put(artifacts, b"old"), put(artifacts, b"young")
    age(kept)
    age(old)
    assert artifacts.delete_before(LONG_AGO, lambda sha256: sha256 == kept) == 1
    assert artifacts.read(kept, 0, 9) + artifacts.read(young, 0, 9) == b"keptyoung"
    with pytest.raises(Gone):
        artifacts.read(old, 0, 1)


def test_only_contents_are_left_in_the_folder_and_nobody_else_reads_them(tmp_path: Path) -> None:
    artifacts = FileArtifacts(tmp_path)
    name = put(artifacts, b"one")
    put(artifacts, b"one")
    with pytest.raises(BadInput):
        put(artifacts, b"too long", 3)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / name[:2] / name]
    assert files[0].stat().st_mode & 0o077 == 0


def test_what_an_interrupted_put_left_is_cleaned_away_when_it_is_old(tmp_path: Path) -> None:
    artifacts = FileArtifacts(tmp_path)
    put(artifacts, b"makes the folders")
    half, fresh = tmp_path / "unfinished" / "half", tmp_path / "unfinished" / "fresh"
    half.write_bytes(b"ha")
    fresh.write_bytes(b"fr")
    os.utime(half, (LONG_AGO - 1, LONG_AGO - 1))
    artifacts.delete_before(LONG_AGO, lambda _: True)
    assert [half.exists(), fresh.exists()] == [False, True]


def test_files_of_others_in_the_folder_are_left_alone(tmp_path: Path) -> None:
    stranger = tmp_path / "ab" / "notes.txt"
    stranger.parent.mkdir()
    stranger.write_bytes(b"mine")
    os.utime(stranger, (LONG_AGO - 1, LONG_AGO - 1))
    assert FileArtifacts(tmp_path).delete_before(LONG_AGO, lambda _: False) == 0
    assert stranger.exists()


def test_nothing_is_put_when_the_disk_is_nearly_full(tmp_path: Path) -> None:
    artifacts = FileArtifacts(tmp_path, reserve=shutil.disk_usage(tmp_path).total + 1)
    with pytest.raises(StoreBusy, match="are kept free"):
        put(artifacts, b"x")


def test_a_folder_that_cannot_be_used_is_worth_another_try(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreBusy, match="artifacts"):
        put(FileArtifacts(tmp_path / "file"), b"x")


class Endless:
    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return b"\0" * size


class Breaking:
    def __init__(self, first: bytes) -> None:
        self._pieces = [first]

    def read(self, _size: int, /) -> bytes:
        if not self._pieces:
            raise EOFError
        return self._pieces.pop()
