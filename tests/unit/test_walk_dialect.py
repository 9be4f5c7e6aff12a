"""People read the words of their forge, and the form of commands that works there (BEHAVIOUR §2)."""

from pathlib import Path

import pytest

from bot.domain.dialect import GITLAB
from tests.fakes.forge import ANA, STAN, a_change
from tests.talks import last_reply, wait
from tests.walks import ONE, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.forge.dialect = GITLAB
    return world


def test_on_gitlab_a_strangers_change_is_a_merge_request_and_has_no_button(world: World) -> None:
    wait(world)

    summary = world.forge.check(ONE, "assay").check.summary
    assert "Nothing is wrong with this merge request." in summary
    assert "Approve this commit with `/assay ok-to-test`, or on the server with" in summary


def test_on_github_it_is_a_pull_request_with_a_button(tmp_path: Path) -> None:
    world = wait(World(tmp_path))

    summary = world.forge.check(ONE, "assay").check.summary
    assert "Nothing is wrong with this pull request." in summary
    assert "Approve this commit with the button, with `/ok-to-test`, or" in summary


def test_the_head_of_a_merge_request_is_fetched_where_gitlab_keeps_it(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()

    assert {one.refs for one in world.source.checkouts} == {("refs/merge-requests/7/head",)}


def test_help_on_gitlab_shows_the_form_that_it_never_swallows(world: World) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()

    world.say("/assay help")

    forms = [line.split("|")[1].strip() for line in last_reply(world).split("\n") if line.startswith("| `")]
    assert forms[0] == "`/assay retest [SUITE…]`"
    assert all(form.startswith("`/assay ") for form in forms)
    assert "`/assay assay" not in last_reply(world)


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("/run", "Name one suite: `/assay run SUITE`."),
        ("/assay override unit", "Give a suite and the reason: `/assay override SUITE REASON`."),
        ("/retest", "`/assay test` runs everything anyway."),
        (f"/ok-to-test {'2' * 40}", "is not the head of this merge request"),
    ],
)
def test_answers_on_gitlab_do_so_as_well(world: World, said: str, answer: str) -> None:
    world.open_change(a_change(7, ONE))
    world.settle()

    world.say(said)

    assert answer in last_reply(world)


def test_where_bare_commands_are_off_the_long_form_is_shown_everywhere(tmp_path: Path) -> None:
    world = World(tmp_path, bare_commands=False)
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()

    world.say("/assay run", by=ANA)

    assert last_reply(world) == "Name one suite: `/assay run SUITE`."
    assert "with the button, with `/assay ok-to-test`" in world.forge.check(ONE, "assay").check.summary
