"""Whoever asks on a change for the commit that broke its target: one comment, from looking to the result."""

from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import announcing
from bot.domain.bisecting import BisectionState
from bot.domain.errors import ForgeUnavailable
from bot.domain.refs import Sha
from bot.ports.sandbox import Exit
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import a_change
from tests.fakes.sandbox import Act
from tests.searches import (
    COMMITS,
    PUSHED,
    broken,
    build_of,
    found,
    go_on,
    report,
    sandbox,
    search_world,
    steps,
)
from tests.talks import last_reply
from tests.walks import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return search_world(tmp_path, FakeChannel())


@pytest.fixture
def asked(world: World) -> World:
    """A green change whose target is broken."""
    broken(world, 4)
    green = Act(exit=Exit(code=0), files={"r.xml": report(a=True)})
    sandbox(world).at = {**sandbox(world).at, Sha("e" * 40): green, Sha("f" * 40): green}
    world.open_change(a_change(7, Sha("e" * 40)))
    world.settle()
    assert world.forge.said == []
    return world


def test_who_asks_on_a_change_gets_one_comment_that_becomes_the_result(asked: World) -> None:
    asked.say("/assay bisect")
    page = asked.app.build_url(build_of(asked).id)
    mark = f"\n\n<!-- assay:bisect v1 {COMMITS[PUSHED]} -->"
    commits = "https://github.example/acme/hello/commit"
    go_on(asked)
    assert asked.forge.said == [
        f"Looking for what broke `unit` on `main`: 11 commits, about 3 steps. [Steps]({page}){mark}",
        (
            f"**[`0000000`]({commits}/{COMMITS[4]}) broke `unit` on `main`**: Commit 5, by @\u200bAna \\*Doe\\*\n\n"
            f"`t::a` fails from there on; all was well at [`0000000`]({commits}/{COMMITS[3]}). "
            f"<sub>[4 runs among 11 commits]({page})</sub>{mark}"
        ),
    ]
    assert len(asked.forge.replies) == 1
    assert found(asked).actor == "ana"


def test_asked_again_later_the_answer_is_pointed_at(asked: World) -> None:
    asked.say("/assay bisect")
    go_on(asked)
    asked.say("/assay bisect unit")
    page = asked.app.build_url(build_of(asked).id)
    assert last_reply(asked) == f"That was looked for before, and the answer stands here already: {page}"
    assert len(asked.forge.said) == 3


def test_asked_on_two_changes_both_are_told(asked: World) -> None:
    asked.open_change(a_change(8, Sha("f" * 40)))
    asked.settle()
    for number in (7, 8):
        asked.say("/assay bisect", number=number)
    go_on(asked)
    assert [text.count("broke `unit` on `main`**") for text in asked.forge.replies.values()] == [1, 1]


def test_the_answer_comes_though_the_process_died_and_the_forge_was_away(asked: World) -> None:
    asked.say("/assay bisect")
    while found(asked).state is BisectionState.RUNNING:
        asked.turn("bisections")
        asked.turn("runs")
        asked.settle()
    asked.lose_hints()
    asked.forge.trouble["reply"] = [ForgeUnavailable("away")]
    asked.turn("reports")
    asked.settle()
    asked.turn("reports")
    asked.settle()
    assert "broke `unit` on `main`**" in last_reply(asked)
    assert len(asked.forge.replies) == 1


def test_an_answer_that_somebody_deleted_is_not_written_again(asked: World) -> None:
    asked.say("/assay bisect")
    asked.forge.replies.clear()
    go_on(asked)
    assert asked.forge.replies == {}


def test_a_search_that_finds_nothing_says_so_on_the_change(asked: World) -> None:
    sandbox(asked).at = {**sandbox(asked).at, COMMITS[4]: Act(exit=Exit(code=2))}
    asked.say("/assay bisect")
    go_on(asked)
    words = "What broke `unit` on `main` was not found: one of 2 commits, of which the others can't be tested: "
    assert last_reply(asked).startswith(f"{words}0000000, 0000000. [Steps](")


def test_a_search_that_is_stopped_says_so_on_the_change(asked: World) -> None:
    asked.say("/assay bisect")
    stopped = next(run for run in steps(asked) if run.state.is_final)
    ended = replace(
        found(asked), state=BisectionState.STOPPED, note="stopped by ana", finished_at=stopped.finished_at
    )
    with asked.app.work() as work:
        assert work.bisections.save(ended)
        announcing.search_ended(work, stopped.repository, COMMITS[PUSHED])
    asked.settle()
    assert last_reply(asked).startswith("The search for what broke `unit` on `main` ended early: stopped by ana. [")


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/assay bisect lint", "`lint` has not failed with the newest push to `main`"),
        ("/assay bisect unit lint", "Name one suite at most: `/assay bisect SUITE`."),
    ],
)
def test_there_is_a_word_where_nothing_can_be_searched_for(world: World, said: str, answer: str) -> None:
    broken(world, 4)
    world.open_change(a_change(7, Sha("e" * 40)))
    world.settle()
    world.say(said)
    assert answer in last_reply(world)
