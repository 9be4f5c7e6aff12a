"""What every store must do with repositories and builds."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.domain.errors import Gone, Problem
from bot.domain.refs import ForgeName, RepositoryId
from bot.domain.runs import BuildId, Cause, RunState, Trust
from bot.ports.store import UnitOfWork
from tests.contract.store_values import (
    GITHUB,
    OTHER_SHA,
    SHA,
    a_build,
    a_seen,
    stored_build,
    stored_repository,
    stored_run,
)

OpenWork = Callable[[], UnitOfWork]


def test_a_repository_keeps_its_number_and_the_names_it_was_first_seen_with(work: OpenWork) -> None:
    with work() as unit:
        first = unit.repositories.see(a_seen())
        again = unit.repositories.see(a_seen(path="old/name-in-a-late-delivery"))
        assert again == first
        assert unit.repositories.get(first.id) == first
    assert first.path == "Ada/Engine"


def test_an_update_renames_and_keeps_an_installation_that_it_does_not_know(work: OpenWork) -> None:
    with work() as unit:
        first = unit.repositories.see(a_seen())
        renamed = unit.repositories.update(a_seen(path="ada/loom", private=True, installation=None))
        assert unit.repositories.get(first.id) == renamed
    assert renamed == replace(first, path="ada/loom", private=True)


def test_an_update_of_an_unknown_repository_makes_it(work: OpenWork) -> None:
    with work() as unit:
        made = unit.repositories.update(a_seen())
        assert unit.repositories.see(a_seen()) == made


def test_a_repository_is_found_by_its_name_in_any_letter_case(work: OpenWork) -> None:
    with work() as unit:
        known = stored_repository(unit)
        assert unit.repositories.find(GITHUB, "aDA/eNGINE") == known
        assert unit.repositories.find(ForgeName("gitlab"), "Ada/Engine") is None
        assert unit.repositories.find(GITHUB, "ada/engin_") is None


def test_a_name_that_was_given_away_belongs_to_who_was_seen_with_it_last(work: OpenWork) -> None:
    with work() as unit:
        unit.repositories.see(a_seen())
    with work() as unit:
        heir = unit.repositories.see(a_seen(forge_id=7002))
        assert unit.repositories.find(GITHUB, "ada/engine") == heir


def test_an_unknown_repository_is_gone(work: OpenWork) -> None:
    with work() as unit, pytest.raises(Gone):
        unit.repositories.get(RepositoryId(404))


def test_a_build_comes_back_as_it_was_stored_with_a_number(work: OpenWork) -> None:
    with work() as unit:
        build = a_build(
            stored_repository(unit).id,
            cause=Cause.CHANGE,
            ref="topic",
            base_ref="main",
            base_sha=OTHER_SHA,
            change=7,
            title="Adds \N{SNOWMAN}",
            sender_id=2**40,
            sender="ada",
            trust=Trust.UNTRUSTED,
            suite_file=".assay.yml",
            problems=(Problem("unknown_key", 3, 5, "no such key", "did you mean run?", 9),),
            note="a note",
            risky_paths=(".assay.yml", "Makefile"),
        )
        stored = unit.builds.add(build)
        assert stored is not None
        assert stored == replace(build, id=stored.id)
    with work() as unit:
        assert unit.builds.get(stored.id) == unit.builds.by_key(build.key) == stored


def test_a_trigger_makes_one_build(work: OpenWork) -> None:
    with work() as unit:
        first = stored_build(unit, key="push-1")
        assert unit.builds.add(a_build(first.repository, key="push-1", sha=OTHER_SHA)) is None
        assert unit.builds.by_key("push-1") == first
        assert unit.builds.by_key("push-2") is None


def test_an_unknown_build_is_gone(work: OpenWork) -> None:
    with work() as unit, pytest.raises(Gone):
        unit.builds.get(BuildId(404))


def test_builds_of_a_change_are_newest_first(work: OpenWork) -> None:
    with work() as unit:
        old, new = stored_build(unit, change=7), stored_build(unit, change=7, sha=OTHER_SHA)
        stored_build(unit, change=8)
        assert unit.builds.of_change(old.repository, 7) == [new, old]
        assert unit.builds.of_change(RepositoryId(99), 7) == []


def test_builds_at_a_commit_are_newest_first(work: OpenWork) -> None:
    with work() as unit:
        old, new = stored_build(unit), stored_build(unit, change=7)
        stored_build(unit, sha=OTHER_SHA)
        assert unit.builds.at(old.repository, SHA) == [new, old]


def test_builds_of_a_branch_are_those_of_pushes_that_have_unfinished_runs(work: OpenWork) -> None:
    with work() as unit:
        busy, waiting, done, borrower = (stored_build(unit) for _ in range(4))
        tag = stored_build(unit, cause=Cause.TAG)
        other = stored_build(unit, ref="topic")
        run = stored_run(unit, busy)
        stored_run(unit, waiting, state=RunState.AWAITING_APPROVAL)
        stored_run(unit, done, state=RunState.PASSED)
        stored_run(unit, tag)
        stored_run(unit, other)
        unit.builds.share(borrower.id, run.id)
        assert unit.builds.of_branch(busy.repository, "main") == [borrower, waiting, busy]


def test_recent_builds_are_paged_and_private_ones_come_only_on_request(work: OpenWork) -> None:
    with work() as unit:
        first, second, third = (stored_build(unit) for _ in range(3))
        repository = unit.repositories.see(a_seen(forge_id=8, private=True)).id
        secret = unit.builds.add(a_build(repository))
        assert unit.builds.recent(2) == [third, second]
        assert unit.builds.recent(2, before=second.id) == [first]
        assert unit.builds.recent(1, public_only=False) == [secret]
