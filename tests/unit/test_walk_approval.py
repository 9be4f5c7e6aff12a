"""A stranger's change runs when somebody approved exactly this head, without network or secrets."""

import pytest

from bot.app import approving
from bot.domain.errors import Gone, NotAllowed
from bot.domain.events import ChangeClosed
from bot.domain.runs import BuildId, RunState
from bot.domain.suites import Network
from tests.fakes.forge import ANA, HELLO, STAN, a_change
from tests.walks import ONE, TWO, World


@pytest.fixture
def waiting(world: World) -> World:
    world.open_change(a_change(7, ONE, author=STAN, fork=True), sender=STAN)
    world.settle()
    return world


def approve(world: World, build: int = 1) -> None:
    approving.approve(world.app, BuildId(build), actor="ana")
    world.settle()


def test_an_approved_build_runs_without_network(waiting: World) -> None:
    approve(waiting)
    assert waiting.conclusions() == {"assay": "success", "assay / unit": "success"}
    assert [job.network for job in waiting.sandbox.jobs] == [Network.NONE]


def test_an_approval_is_audited(waiting: World) -> None:
    approve(waiting)
    with waiting.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT actor, action, subject, detail FROM audit").all()
    assert [tuple(row) for row in rows] == [("ana", "approve", "build:1", ONE)]


def test_a_second_approval_has_nothing_to_do(waiting: World) -> None:
    approve(waiting)
    with pytest.raises(NotAllowed, match="nothing waits"):
        approve(waiting)
    assert len(waiting.sandbox.jobs) == 1


def test_a_head_that_has_moved_on_is_not_approved(waiting: World) -> None:
    waiting.forge.changes[7] = a_change(7, TWO, author=STAN, fork=True)
    with pytest.raises(NotAllowed, match="moved on"):
        approve(waiting)
    assert waiting.sandbox.jobs == []


def test_a_new_base_takes_the_approval_back(waiting: World) -> None:
    waiting.forge.changes[7] = a_change(7, ONE, author=STAN, fork=True, base_ref="release")
    with pytest.raises(NotAllowed, match="moved on"):
        approve(waiting)


def test_a_closed_change_runs_nothing_also_when_the_approval_comes_late(waiting: World) -> None:
    waiting.forge.changes[7] = a_change(7, ONE, author=STAN, fork=True, is_open=False)
    with pytest.raises(NotAllowed, match="closed"):
        approve(waiting)
    assert waiting.sandbox.jobs == []


def test_a_head_pushed_between_approval_and_claim_is_not_run(waiting: World) -> None:
    approving.approve(waiting.app, BuildId(1), actor="ana")
    waiting.forge.changes[7] = a_change(7, TWO, author=STAN, fork=True)
    waiting.settle()
    assert waiting.run().state is RunState.SUPERSEDED
    assert waiting.sandbox.jobs == []


def test_a_later_push_waits_again(waiting: World) -> None:
    approve(waiting)
    waiting.open_change(a_change(7, TWO, author=STAN, fork=True), action="synchronize", sender=STAN)
    waiting.settle()
    assert waiting.conclusions(TWO) == {"assay": "action_required"}
    assert len(waiting.sandbox.jobs) == 1


def test_closing_rejects_what_waits(waiting: World) -> None:
    waiting.forge.changes[7] = a_change(7, ONE, author=STAN, fork=True, is_open=False)
    waiting.hear(ChangeClosed(repository=HELLO, number=7, merged=False, sender=ANA))
    waiting.settle()
    assert waiting.run().state is RunState.REJECTED


def test_what_nobody_approves_ends_by_itself(waiting: World) -> None:
    with waiting.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE run SET since = since - 8 * 86400")
    waiting.turn("deadlines")
    assert waiting.run().state is RunState.REJECTED


def test_an_unknown_build_is_said_to_be_unknown(world: World) -> None:
    with pytest.raises(Gone):
        approve(world, 99)


def test_a_trusted_build_needs_no_approval(world: World) -> None:
    world.push()
    world.settle()
    with pytest.raises(NotAllowed, match="needs no approval"):
        approve(world)
