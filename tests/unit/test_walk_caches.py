"""Files that a suite's runs hand on to later ones: when, to whom, and what may break (`cache`)."""

from pathlib import Path

import pytest

from bot.domain.refs import Sha
from bot.domain.runs import RunState
from bot.ports.caches import CacheScope
from bot.ports.sandbox import Exit
from tests.fakes.forge import STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import ONE, TWO, World

SCRIPT = "sh tests/run.sh"
FILE = """
suites:
  unit:
    image: busybox
    run: sh tests/run.sh
    retries: 1
    cache: {key: "npm", paths: [.npm/]}
"""
BY_FILES = FILE.replace("npm", "npm-${{ files:code.txt }}", 1)
FILLS = Act(files={".npm/lib": b"library", "other": b"not of the cache"})
THREE = Sha("3" * 40)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return a_world(tmp_path)


def a_world(folder: Path, **rules: object) -> World:
    """Its suite fills the folder that is kept; pushes are to the default branch unless they say otherwise."""
    world = World(folder, **rules)
    world.forge.suite_files[""] = FILE.encode()
    world.sandbox.acts[SCRIPT] = FILLS
    return world


def push(world: World, sha: Sha = ONE, branch: str = "main") -> None:
    world.push(sha, branch)
    world.settle()


def change(world: World, number: int, head: Sha) -> None:
    """A stranger's, approved."""
    world.open_change(a_change(number, head, author=STAN, fork=True), sender=STAN)
    world.settle()
    world.say("/ok-to-test", number=number)


def found(world: World) -> bytes | None:
    """What the newest run found where the cache goes."""
    return world.sandbox.found[-1].get(".npm/lib")


def scopes(world: World) -> list[CacheScope]:
    return sorted(name.scope for name in world.caches.archives)


def log_of(world: World) -> str:
    """Of the newest run."""
    return world.app.logs.read(world.sandbox.jobs[-1].run, 0, 1 << 20).decode()


def test_what_a_passing_run_leaves_the_next_one_finds(world: World) -> None:
    push(world)
    assert found(world) is None
    push(world, TWO)
    assert found(world) == b"library"
    assert "other" not in world.sandbox.found[-1]


def test_the_log_tells_of_miss_and_hit_with_size_and_time(world: World) -> None:
    push(world)
    assert "[assay] Cache npm: nothing is kept under this key yet.\n" in log_of(world)
    assert "[assay] Cache npm: kept, 23 bytes in 0.0s.\n" in log_of(world)
    push(world, TWO)
    assert "[assay] Cache npm: restored, 23 bytes in 0.0s.\n" in log_of(world)
    assert "kept" not in log_of(world)


def test_another_content_of_the_keys_files_is_another_cache(world: World) -> None:
    world.forge.suite_files[""] = BY_FILES.encode()
    push(world)
    push(world, TWO)
    assert found(world) is None
    assert len(world.caches.archives) == 2
    world.source.commits[THREE] = {}
    world.push(THREE)
    world.source.add(THREE, {"code.txt": ONE})
    world.settle()
    assert found(world) == b"library"


def test_other_paths_are_another_cache(world: World) -> None:
    push(world)
    world.forge.suite_files[""] = FILE.replace(".npm/", ".npm/lib").encode()
    push(world, TWO)
    assert found(world) is None


def test_a_run_that_fails_keeps_nothing(world: World) -> None:
    world.sandbox.acts[SCRIPT] = Act(files=FILLS.files, exit=Exit(code=1))
    push(world)
    assert world.caches.archives == {}


def test_every_attempt_begins_with_what_was_kept_and_nothing_of_the_one_before(world: World) -> None:
    push(world)
    world.sandbox.turns[SCRIPT] = [Act(files={".npm/half": b"half"}, exit=Exit(code=1))]
    push(world, TWO)
    assert [job.attempt for job in world.sandbox.jobs] == [1, 1, 2]
    assert found(world) == b"library"
    assert ".npm/half" not in world.sandbox.found[-1]


def test_files_of_the_commit_win(world: World) -> None:
    push(world)
    world.push(TWO)
    world.source.add(TWO, {".npm/lib": "the commit's"})
    world.settle()
    assert found(world) == b"the commit's"


# To whom


def test_a_branch_sees_what_the_default_branch_kept_and_keeps_what_is_new_for_branches(world: World) -> None:
    push(world)
    push(world, TWO, "feature")
    assert found(world) == b"library"
    assert scopes(world) == [CacheScope.DEFAULT]


def test_the_default_branch_sees_nothing_that_a_branch_kept(world: World) -> None:
    push(world, ONE, "feature")
    assert scopes(world) == [CacheScope.TRUSTED]
    push(world, TWO, "other")
    assert found(world) == b"library"
    push(world, THREE)
    assert found(world) is None
    assert scopes(world) == [CacheScope.DEFAULT, CacheScope.TRUSTED]


def test_a_tag_called_like_the_default_branch_is_not_it(world: World) -> None:
    world.forge.suite_files[""] = (FILE + "    when: {events: [tag]}\n").encode()
    world.push(ONE, branch=None, tag="main")  # type: ignore[arg-type]  # a tag has no branch
    world.settle()
    assert scopes(world) == [CacheScope.TRUSTED]


def test_a_strangers_change_sees_what_the_default_branch_kept_and_keeps_nothing(world: World) -> None:
    change(world, 7, ONE)
    assert world.sandbox.jobs
    assert world.caches.archives == {}
    assert "not kept, as for every change from outside" in log_of(world)
    push(world, TWO)
    change(world, 8, THREE)
    assert found(world) == b"library"
    assert "restored" in log_of(world)


def test_a_strangers_change_sees_nothing_that_a_branch_kept(world: World) -> None:
    push(world, ONE, "feature")
    change(world, 7, TWO)
    assert found(world) is None


# What may break


def test_a_broken_cache_is_left_out_and_made_anew(world: World) -> None:
    push(world)
    (name,) = world.caches.archives
    world.caches.archives[name] = b"rubbish"
    push(world, TWO)
    assert world.run(2).state is RunState.PASSED
    assert "Cache npm: left out, the archive is broken." in log_of(world)
    push(world, THREE)
    assert found(world) == b"library"


def test_a_stranger_removes_no_cache_however_broken(world: World) -> None:
    push(world)
    (name,) = world.caches.archives
    world.caches.archives[name] = b"rubbish"
    change(world, 7, TWO)
    assert world.caches.archives == {name: b"rubbish"}


def test_a_place_for_caches_that_is_out_of_reach_fails_no_run(world: World) -> None:
    world.caches.broken = "caches: no space left"
    push(world)
    assert world.run().state is RunState.PASSED
    assert "Cache: left out, caches: no space left." in log_of(world)


def test_a_cache_beyond_the_limit_is_not_kept_and_fails_no_run(tmp_path: Path) -> None:
    world = a_world(tmp_path, cache_limit=10)
    push(world)
    assert (world.run().state, world.caches.archives) == (RunState.PASSED, {})
    assert "Cache npm: not kept, more than 10 bytes." in log_of(world)


def test_paths_without_files_keep_nothing(world: World) -> None:
    world.sandbox.acts.clear()
    push(world)
    assert (world.run().state, world.caches.archives) == (RunState.PASSED, {})
    assert "Cache npm: not kept, there are none of its files." in log_of(world)


# How much


def test_what_was_used_longest_ago_goes_when_a_repository_has_too_much(tmp_path: Path) -> None:
    world = a_world(tmp_path, cache_limit=50)
    for sha, key in ((ONE, "first"), (TWO, "second")):
        world.forge.suite_files[""] = FILE.replace("npm", key, 1).encode()
        push(world, sha)
    first, second = world.caches.archives
    world.forge.suite_files[""] = FILE.replace("npm", "first", 1).encode()
    push(world, THREE)
    world.forge.suite_files[""] = FILE.replace("npm", "third", 1).encode()
    push(world, Sha("4" * 40))
    assert first in world.caches.archives
    assert second not in world.caches.archives
    assert len(world.caches.archives) == 2


def test_upkeep_holds_all_together_to_their_limit_and_clears_up(tmp_path: Path) -> None:
    world = a_world(tmp_path, cache_limit_all=30)
    for sha, branch in ((ONE, "feature"), (TWO, "main")):
        push(world, sha, branch)
    assert scopes(world) == [CacheScope.DEFAULT]
    world.caches.unfinished = [0.0]
    assert world.turn("caches") == 1
    assert world.turn("caches") == 0
