"""Repositories, forges and deaths that mean harm: S054, S055, S057, S060, C52, kill -9."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.domain.errors import BotError, SourceRefused, SourceUnavailable
from tests.githost import HostedRepository, git, serving
from tests.unit.source_git_place import Place, a_place

TOKEN = "ghs_canaryTOKEN0123456789"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as place:
        yield place


@pytest.fixture
def site(place: Place) -> HostedRepository:
    return place.host.repository("acme/site")


def until(happened: Callable[[], object]) -> None:
    """Fails by the test's own time limit."""
    while not happened():
        time.sleep(0.01)


def processes_that_mention(text: str) -> dict[int, bytes]:
    """Command lines by process."""
    found = {}
    for one in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (one / "cmdline").read_bytes()
            if text.encode() in line:
                found[int(one.name)] = line
    return found


@pytest.mark.parametrize("name", [".git", ".GIT", ".Git", "git~1", "GIT~1", ".g\u200cit", "..", "."])
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_a_disguised_git_folder_in_a_tree_is_refused(
    place: Place, site: HostedRepository, name: str, kind: str
) -> None:
    entries = {
        "file": ("100644", site.blob(b"gitdir: /tmp"), name),
        "folder": ("40000", site.tree([("100644", site.blob(b"[core]\n\tfsmonitor = touch pwned"), "config")]), name),
        "link": ("120000", site.blob(b"/etc"), name),
    }
    wanted = site.commit_tree(site.tree([entries[kind]]))

    with pytest.raises(SourceRefused, match="forbidden names"):
        place.checkout(wanted)

    assert not list((place.folder / "tree-0").iterdir())


def test_hooks_filters_and_monitors_that_a_repository_brings_do_nothing(place: Place, site: HostedRepository) -> None:
    script = site.blob(b"#!/bin/sh\ntouch pwned\n")
    hooks = site.tree([("100755", script, "post-checkout"), ("100755", script, "fsmonitor-watchman")])
    wanted = site.commit_tree(
        site.tree(
            [
                ("40000", hooks, "hooks"),
                ("100644", site.blob(b"* filter=evil diff=evil merge=evil\n"), ".gitattributes"),
                ("100644", site.blob(b'[filter "evil"]\n\tsmudge = touch pwned\n'), ".gitconfig"),
                ("100644", site.blob(b"[core]\n\thooksPath = hooks\n"), "config"),
            ]
        )
    )

    tree = place.checkout(wanted)

    assert (tree / "hooks/post-checkout").exists()
    assert not list(place.folder.rglob("pwned"))


def test_a_link_out_of_the_tree_stays_a_link_and_nothing_is_written_through_it(
    place: Place, site: HostedRepository
) -> None:
    outside = place.folder / "outside"
    outside.mkdir()
    inner = site.tree([("100644", site.blob(b"pwned"), "pwned")])
    wanted = site.commit_tree(site.tree([("120000", site.blob(str(outside).encode()), "a"), ("40000", inner, "A")]))

    tree = place.checkout(wanted)

    assert (tree / "a").is_symlink()
    assert not list(outside.iterdir())


@pytest.mark.parametrize("url", ["-u./payload", "--upload-pack=touch pwned"])
def test_a_submodule_address_that_is_an_option_is_refused(place: Place, site: HostedRepository, url: str) -> None:
    modules = site.blob(f'[submodule "x"]\n\tpath = x\n\turl = {url}\n'.encode())
    wanted = site.commit_tree(site.tree([("100644", modules, ".gitmodules"), ("160000", "2" * 40, "x")]))

    with pytest.raises(SourceRefused, match="forbidden"):
        place.checkout(wanted)


@pytest.mark.parametrize("url", ["file:///etc", "ext::sh -c touch% pwned", "../../other.git", "ssh://h/x"])
def test_a_submodule_is_never_fetched(place: Place, site: HostedRepository, url: str) -> None:
    modules = site.blob(f'[submodule "x"]\n\tpath = a\rb\n\turl = {url}\n'.encode())
    wanted = site.commit_tree(site.tree([("100644", modules, ".gitmodules"), ("160000", "2" * 40, "x")]))

    with contextlib.suppress(SourceRefused):
        place.checkout(wanted)

    assert place.host.fetches == 1
    assert not list(place.folder.rglob("pwned"))


def test_old_slips_in_an_honest_history_are_let_through(place: Place, site: HostedRepository) -> None:
    tree = git(site.path, "write-tree")
    raw = f"tree {tree}\nauthor A<a@b.c> 0 +051800\ncommitter A <a@b.c> 0 +0000\n\nx\n"
    sha = git(site.path, "hash-object", "-w", "-t", "commit", "--stdin", "--literally", stdin=raw.encode())
    git(site.path, "update-ref", "refs/heads/main", sha)

    place.checkout(sha)


def test_a_hanging_fetch_shows_no_credential_in_any_command_line_and_ends_when_told(
    place: Place, site: HostedRepository
) -> None:
    place.headers = {"Authorization": f"Bearer {TOKEN}"}
    place.host.hang = threading.Event()
    wanted = site.commit({"a.txt": b"x"})
    seen: dict[int, bytes] = {}

    def look_and_stop() -> bool:
        if place.host.arrived.is_set():
            seen.update(processes_that_mention(place.host.url))
        return bool(seen)

    with pytest.raises(SourceUnavailable, match="stopped"):
        place.checkout(wanted, should_stop=look_and_stop)

    assert len(seen) > 1, "git and its transport"
    assert TOKEN.encode() not in b"".join(seen.values())
    until(lambda: not processes_that_mention(place.host.url))


def test_a_forge_that_never_answers_is_unavailable_after_the_time_limit(place: Place, site: HostedRepository) -> None:
    place.host.hang = threading.Event()

    with pytest.raises(SourceUnavailable, match="too long"):
        place.checkout("1" * 40, source=place.source(time_limit=0.5))

    until(lambda: not processes_that_mention(place.host.url))


def test_a_redirect_to_another_host_is_not_followed(place: Place, site: HostedRepository, tmp_path: Path) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.headers = {"Authorization": f"Bearer {TOKEN}"}

    with serving(tmp_path / "served") as other:
        place.host.redirect_to = other.url
        with pytest.raises(SourceUnavailable, match="redirects"):
            place.checkout(wanted)

    assert other.requests == []


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_no_error_text_shows_the_credential(
    place: Place, site: HostedRepository, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    place.headers = {"Authorization": f"Bearer {TOKEN}"}
    place.host.statuses = [status]

    with pytest.raises(BotError) as failed:
        place.checkout("1" * 40)

    assert TOKEN not in repr([failed.value, failed.value.__cause__, failed.value.__context__])
    assert TOKEN not in "".join(capfd.readouterr())


def ruin_packs(mirror: Path) -> None:
    for pack in mirror.rglob("*.pack"):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:20])


def lose_packs(mirror: Path) -> None:
    for pack in mirror.rglob("*.pack"):
        pack.unlink()


def empty_refs(mirror: Path) -> None:
    for ref in (mirror / "refs/assay").iterdir():
        ref.write_text("")


def leave_locks(mirror: Path) -> None:
    for name in ("shallow.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "objects/pack/tmp_pack_abc"):
        (mirror / name).write_text("")


def ruin_config(mirror: Path) -> None:
    (mirror / "config").write_text("[[[")


def ruin_head(mirror: Path) -> None:
    (mirror / "HEAD").write_text("")


@pytest.mark.parametrize("ruin", [ruin_packs, lose_packs, empty_refs, leave_locks, ruin_config, ruin_head])
def test_a_ruined_mirror_heals_for_old_commits_and_new_ones(
    place: Place, site: HostedRepository, ruin: Callable[[Path], None]
) -> None:
    old = site.commit({"a.txt": b"old"})
    place.checkout(old)
    ruin(place.mirror)

    tree = place.checkout(old)
    ruin(place.mirror)
    new = place.checkout(site.commit({"a.txt": b"new"}, old))

    assert [(one / "a.txt").read_bytes() for one in (tree, new)] == [b"old", b"new"]


def test_a_file_in_the_place_of_the_mirrors_is_unavailable(place: Place, site: HostedRepository) -> None:
    (place.folder / "mirrors").write_text("")

    with pytest.raises(SourceUnavailable):
        place.checkout(site.commit({"a.txt": b"x"}))


WORKER = """
import sys
from pathlib import Path
from tests.githost import GitHost
from tests.unit.source_git_place import Place
place = Place(Path(sys.argv[1]), GitHost(Path(), sys.argv[2]))
place.checkout(sys.argv[3])
"""


def test_after_a_worker_was_killed_in_a_fetch_the_next_one_goes_on(place: Place, site: HostedRepository) -> None:
    wanted = site.commit({"a.txt": b"x"})
    place.host.hang = threading.Event()
    with subprocess.Popen([sys.executable, "-c", WORKER, place.folder, place.host.url, wanted]) as worker:  # noqa: S603  # our own interpreter
        until(place.host.arrived.is_set)
        os.kill(worker.pid, signal.SIGKILL)
    place.host.hang.set()
    (place.folder / "tree-0").rename(place.folder / "left")

    tree = place.checkout(wanted)

    assert (tree / "a.txt").read_bytes() == b"x"
