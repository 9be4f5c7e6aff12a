"""What settings leave open to others is told by name, without any value."""

from pathlib import Path

import pytest

from bot import settings
from bot.settings.exposed import exposed, room


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder to which everybody gets, as far as the folders above it are concerned."""
    folder = tmp_path / "data"
    folder.mkdir()
    for parent in (folder, *folder.parents):
        if parent.owner() == tmp_path.owner() and parent.is_relative_to(tmp_path.parents[2]):
            parent.chmod(0o755)
    monkeypatch.setenv("ASSAY_DATA_DIR", str(folder))
    return folder


def told() -> list[str]:
    return [one.text for one in exposed(settings.read()) if not one.ok]


def put(path: Path, mode: int) -> Path:
    path.write_text("a webhook secret of the tests")
    path.chmod(mode)
    return path


def test_files_that_only_their_owner_reads_are_as_they_should_be(data: Path) -> None:
    put(data / "assay.db", 0o600)
    put(data / "secret.key", 0o640)

    assert told() == []


@pytest.mark.parametrize("name", ["assay.db", "assay.db-wal", "secret.key"])
def test_a_file_that_everybody_may_read_is_told_with_its_mode(data: Path, name: str) -> None:
    path = put(data / name, 0o644)

    assert told() == [f"everybody on this machine may read {path}: its mode is 644"]


def test_in_a_folder_that_keeps_everybody_out_modes_do_not_matter(data: Path) -> None:
    put(data / "assay.db", 0o644)
    data.chmod(0o750)

    assert told() == []


def test_files_that_settings_name_are_looked_at(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(data / "token", 0o644)
    monkeypatch.setenv("ASSAY_METRICS_TOKEN_FILE", str(path))

    assert told() == [f"everybody on this machine may read {path}: its mode is 644"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("ASSAY_DATABASE_URL", "postgresql+psycopg://assay:postgres@db/assay"),
        ("ASSAY_DATABASE_URL", "postgresql+psycopg://somebody:Somebody@db/assay"),
        ("ASSAY_REDIS_URL", "redis://:changeme@redis:6379/0"),
        ("ASSAY_STORAGE_URL", "s3://key:minioadmin@assay/runs?endpoint=http://s3:9000"),
    ],
)
@pytest.mark.usefixtures("data")
def test_a_password_that_everybody_tries_is_told_without_it(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv(name, url)

    assert told() == [f"the password in {name} is one that anybody tries first"]


@pytest.mark.parametrize("url", ["redis://redis:6379/0", "redis://:0c6b1e0e5f6a4f0a@redis:6379/0"])
@pytest.mark.usefixtures("data")
def test_a_long_password_or_none_is_not_guessed(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ASSAY_REDIS_URL", url)

    assert told() == []


@pytest.mark.usefixtures("data")
def test_a_disk_with_less_than_the_reserve_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DISK_RESERVE", "1KiB")
    assert [one.ok for one in room(settings.read())] == [True]
