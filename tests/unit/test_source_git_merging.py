"""Merges made by the git source: right also where the mirror's history is cut off, and without a trace in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.source_git.mirror import DEPTH
from bot.domain.errors import SourceUnavailable
from bot.domain.refs import Sha
from bot.ports.source import Wanted
from tests.githost import HostedRepository, git
from tests.unit.source_git_place import SITE, Place, a_place


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with a_place(tmp_path) as place:
        yield place


@pytest.fixture
def site(place: Place) -> HostedRepository:
    return place.host.repository("acme/site")


def wanted(head: Sha, base: Sha) -> Wanted:
    onto = Wanted(repository=SITE, sha=base, refs=("refs/heads/main",))
    return Wanted(repository=SITE, sha=head, refs=("refs/pull/7/head",), onto=onto)


def merge(place: Place, head: Sha, base: Sha) -> Path:
    """The work tree of the merge, whose tree is the one that was told before."""
    source = place.source()
    made = source.merge(wanted(head, base), place.access, lambda: False)
    tree = place.folder / f"tree-{next(place.numbers)}"
    tree.mkdir()
    source.checkout(wanted(head, base), place.access, tree, lambda: False)
    assert git(tree / ".git", "rev-parse", "HEAD^{tree}") == made.tree
    return tree


def grow(site: HostedRepository, start: Sha, name: str, count: int, ref: str, **kept: bytes) -> Sha:
    """So many commits on top, each of which changes that file."""
    for number in range(count):
        start = site.commit({**kept, name: f"{number}".encode()}, start, ref=ref)
    return start


def test_the_merge_is_a_commit_of_ours_with_tip_and_head_as_parents(place: Place, site: HostedRepository) -> None:
    start = site.commit({"a": b"1", "b": b"1"})
    base = site.commit({"a": b"1", "b": b"2"}, start)
    head = site.commit({"a": b"2", "b": b"1"}, start, ref="refs/pull/7/head")

    first, second = merge(place, head, base), merge(place, head, base)

    shown = git(first / ".git", "log", "-1", "--format=%P|%an|%ae|%s", "HEAD")
    assert shown == f"{base} {head}|Assay|assay@localhost|Merge {head} onto {base}"
    assert git(first / ".git", "rev-parse", "HEAD") == git(second / ".git", "rev-parse", "HEAD")
    assert [(first / name).read_text() for name in "ab"] == ["2", "2"]


@pytest.mark.parametrize("count", [DEPTH + 5, 11 * DEPTH], ids=["a little deeper", "all"])
def test_history_that_the_mirror_lacks_is_brought(place: Place, site: HostedRepository, count: int) -> None:
    start = site.commit({"a": b"0", "b": b"0"})
    base = grow(site, start, "a", count, "refs/heads/main", b=b"0")
    head = site.commit({"a": b"0", "b": b"new"}, start, ref="refs/pull/7/head")

    tree = merge(place, head, base)

    assert ((tree / "a").read_text(), (tree / "b").read_text()) == (str(count - 1), "new")


def test_a_nearer_ancestor_behind_the_cut_is_found(place: Place, site: HostedRepository) -> None:
    """The head's short way leads to an old ancestor; its long way to a newer one, which the first fetch cuts off."""
    old = site.commit({"a": b"old", "b": b"1"})
    near = site.commit({"a": b"near", "b": b"1"}, old)
    long_way = grow(site, near, "c", DEPTH + 5, "refs/heads/long", a=b"near", b=b"1")
    short_way = site.commit({"a": b"old", "b": b"1", "d": b"1"}, old, ref="refs/heads/short")
    head = site.commit({"a": b"near", "b": b"2"}, short_way, long_way, ref="refs/pull/7/head")
    base = site.commit({"a": b"newest", "b": b"1"}, near)

    tree = merge(place, head, base)

    assert ((tree / "a").read_text(), (tree / "b").read_text()) == ("newest", "2")


def test_a_fork_head_is_found_where_only_refs_are_handed_out(place: Place, site: HostedRepository) -> None:
    start = site.commit({"a": b"0", "b": b"0"})
    base = grow(site, start, "a", DEPTH + 5, "refs/heads/main", b=b"0")
    head = site.commit({"a": b"0", "b": b"new"}, start, ref="refs/pull/7/head")
    site.commit({"a": b"0", "b": b"newer"}, head, ref="refs/pull/7/head")
    place.host.only_advertised = True

    assert (merge(place, head, base) / "b").read_text() == "new"


def test_a_rename_on_one_side_and_a_change_on_the_other_go_together(place: Place, site: HostedRepository) -> None:
    text = b"".join(b"line %d\n" % number for number in range(50))
    start = site.commit({"old": text})
    base = site.commit({"new": text}, start)
    head = site.commit({"old": text + b"more\n"}, start, ref="refs/pull/7/head")

    assert (merge(place, head, base) / "new").read_bytes() == text + b"more\n"


def test_a_merge_leaves_nothing_in_the_mirror(place: Place, site: HostedRepository) -> None:
    start = site.commit({"a": b"1", "b": b"1"})
    base = site.commit({"a": b"1", "b": b"2"}, start)
    head = site.commit({"a": b"2", "b": b"1"}, start, ref="refs/pull/7/head")
    place.source().merge(wanted(head, base), place.access, lambda: False)
    before = sorted(place.mirror.rglob("*"))

    merge(place, head, base)

    assert sorted(place.mirror.rglob("*")) == before


def test_a_merge_that_nobody_wants_any_more_ends(place: Place, site: HostedRepository) -> None:
    start = site.commit({"a": b"1"})

    with pytest.raises(SourceUnavailable, match="stopped"):
        place.source().merge(wanted(start, start), place.access, lambda: True)


def test_history_that_the_forge_withholds_is_worth_another_try(place: Place, site: HostedRepository) -> None:
    start = site.commit({"a": b"0", "b": b"0"})
    base = grow(site, start, "a", DEPTH + 5, "refs/heads/main", b=b"0")
    head = site.commit({"a": b"0", "b": b"new"}, start, ref="refs/pull/7/head")
    place.checkout(base)
    place.checkout(head)
    place.host.statuses = [503] * 9

    with pytest.raises(SourceUnavailable, match="history"):
        place.source().merge(wanted(head, base), place.access, lambda: False)
