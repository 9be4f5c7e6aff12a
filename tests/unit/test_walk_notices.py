"""Channels hear of a branch that broke or was fixed (PRODUCT §2.12), once, whatever fails in between."""

from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql.tables_notices import notice as table
from bot.app import cataloguing, ending, notifying, own_channels, requesting, secrets
from bot.app.catalog import Draft
from bot.app.queries import Viewer
from bot.app.requesting import Order
from bot.domain.catalog import Kind
from bot.domain.errors import Refused, Unavailable
from bot.domain.notices import News, Notice, NoticeState, news_of
from bot.domain.refs import Sha
from bot.domain.runs import Reason
from bot.domain.suites import Send
from bot.domain.tokens import Scope
from bot.ports.queue import HandleDelivery, SendNotice
from bot.ports.sandbox import Exit
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import HELLO, STAN, a_change
from tests.fakes.sandbox import Act
from tests.walks import World

FILE = """suites:
  unit: {{image: busybox, run: "unit"}}
  lint: {{image: busybox, run: "lint", allow_failure: true}}
notify:
  - {{channel: team{more}}}
"""


def sha(number: int) -> Sha:
    return Sha(f"{number:040x}")


@pytest.fixture
def team() -> FakeChannel:
    return FakeChannel()


@pytest.fixture
def world(tmp_path: Path, team: FakeChannel) -> World:
    world = World(tmp_path)
    world.app = replace(world.app, channels={"team": team})
    ask(world)
    return world


def ask(world: World, more: str = "") -> None:
    world.forge.suite_files[""] = FILE.format(more=more).encode()


def push(world: World, number: int, *, passes: bool = True, branch: str = "main", suite: str = "unit") -> None:
    world.sandbox.acts[suite] = Act(exit=Exit(code=0 if passes else 1))
    world.push(sha(number), branch)
    world.settle()


def notices(world: World) -> list[Notice]:
    with world.app.work() as work:
        return list(work.notices.recent(100))


def later(world: World) -> None:
    """Every pause between tries is over."""
    with world.engine.begin() as connection:
        connection.execute(sa.update(table).values(next_at=0))


def test_by_default_only_a_turn_of_the_default_branch_is_news(world: World, team: FakeChannel) -> None:
    for number, passes in enumerate([True, True, False, False, True, True], 1):
        push(world, number, passes=passes)
    push(world, 7, passes=False, branch="wip")
    assert team.news == ["broke", "fixed"]
    broke = team.heard[0]
    assert broke.title == "acme/hello main broke: unit"
    assert broke.text.startswith("acme/hello main broke: unit at 0000000 by ana")
    assert broke.url == "https://ci.example.org/b/3"
    assert broke.facts["failed"] == ["unit"]


def test_what_may_fail_breaks_nothing(world: World, team: FakeChannel) -> None:
    push(world, 1, passes=False, suite="lint")
    assert team.news == []


def test_a_first_build_that_fails_broke(world: World, team: FakeChannel) -> None:
    push(world, 1, passes=False)
    assert team.news == ["broke"]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (", send: failures", ["broke", "failed"]),
        (", send: all", ["passed", "broke", "failed", "fixed"]),
        (", suites: [lint]", []),
        (", suites: [unit]", ["broke", "fixed"]),
        (', branches: ["release/*"]', []),
    ],
)
def test_the_suite_file_says_what_is_news(world: World, team: FakeChannel, more: str, expected: list[str]) -> None:
    ask(world, more)
    for number, passes in enumerate([True, False, False, True], 1):
        push(world, number, passes=passes)
    assert team.news == expected


def test_branches_are_chosen_by_globs(world: World, team: FakeChannel) -> None:
    ask(world, ', branches: ["release/*"]')
    push(world, 1, passes=False, branch="release/1")
    push(world, 2, passes=False)
    assert team.news == ["broke"]


def test_changes_are_no_news(world: World, team: FakeChannel) -> None:
    ask(world, ", send: all")
    world.open_change(a_change(7, sha(1)))
    world.open_change(a_change(8, sha(2), author=STAN, fork=True), sender=STAN)
    world.settle()
    assert team.news == []
    assert notices(world) == []


def test_a_build_that_was_cut_short_is_compared_with_nothing(world: World, team: FakeChannel) -> None:
    push(world, 1, passes=False)
    world.push(sha(2))
    world.step(HandleDelivery)
    runs = world.runs(2)
    with world.app.work() as work:
        for run in runs:
            ending.end_run(world.app, work, run, Reason.USER, "cancelled by ana")
    world.settle()
    push(world, 3)
    assert team.news == ["broke", "fixed"]


def test_a_lost_hint_delays_it_only(world: World, team: FakeChannel) -> None:
    world.sandbox.acts["unit"] = Act(exit=Exit(code=1))
    world.push(sha(1))
    while world.queue.tasks:
        if isinstance(world.queue.tasks[0], SendNotice):
            world.queue.tasks.popleft()
        else:
            world.step(type(world.queue.tasks[0]))
    assert team.news == []
    assert world.turn("notices") == 1
    world.settle()
    assert team.news == ["broke"]
    assert world.turn("notices") == 0


def test_a_doubled_hint_says_nothing_twice(world: World, team: FakeChannel) -> None:
    push(world, 1, passes=False)
    for _ in range(3):
        notifying.send(world.app, SendNotice(1))
    assert team.news == ["broke"]


def test_a_channel_that_fails_is_tried_five_times_then_given_up(world: World, team: FakeChannel) -> None:
    team.trouble = [Unavailable("no answer") for _ in range(9)]
    push(world, 1, passes=False)
    for attempt in range(1, 5):
        (one,) = notices(world)
        assert (one.state, one.attempts, one.error) == (NoticeState.PENDING, attempt, "no answer")
        assert world.turn("notices") == 0
        later(world)
        world.turn("notices")
        world.settle()
    (one,) = notices(world)
    assert (one.state, one.attempts) == (NoticeState.DEAD, 5)


def test_a_channel_that_recovers_hears_it_late(world: World, team: FakeChannel) -> None:
    team.trouble = [Unavailable("no answer")]
    push(world, 1, passes=False)
    later(world)
    world.turn("notices")
    world.settle()
    assert team.news == ["broke"]
    assert notices(world)[0].state is NoticeState.SENT


def test_a_refusal_is_final_and_can_be_sent_again_by_hand(world: World, team: FakeChannel) -> None:
    team.trouble = [Refused("answered 404")]
    push(world, 1, passes=False)
    (one,) = notices(world)
    assert (one.state, one.error) == (NoticeState.DEAD, "answered 404")
    assert notifying.again(world.app, one.id, actor="token:robot")
    world.settle()
    assert team.news == ["broke"]
    assert not notifying.again(world.app, 987, actor="token:robot")


def test_a_channel_that_nobody_set_up_is_said_where_the_operator_looks(world: World) -> None:
    world.app = replace(world.app, channels={})
    push(world, 1, passes=False)
    (one,) = notices(world)
    assert one.state is NoticeState.DEAD
    assert "nobody has set up a channel team" in one.error


def test_a_channel_of_the_repository_goes_before_the_operators(world: World, team: FakeChannel) -> None:
    own, led = FakeChannel(), list[str]()

    def open_channel(address: str) -> FakeChannel:
        led.append(address)
        return own

    world.app = replace(world.app, open_channel=open_channel)
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    own_channels.put(world.app, repository, "team", "slack+https://hooks.example.org/x", actor="ada")
    push(world, 1, passes=False)
    assert (own.news, team.news) == (["broke"], [])
    assert set(led) == {"slack+https://hooks.example.org/x"}


def test_a_channel_whose_key_is_lost_is_said_where_people_look(world: World) -> None:
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
        work.own_channels.put(repository.id, "team", "slack", b"sealed with another key", "ada")
    push(world, 1, passes=False)
    (one,) = notices(world)
    assert one.state is NoticeState.DEAD
    assert "ASSAY_SECRET_KEY" in one.error


def test_another_key_opens_the_addresses_of_channels_too(world: World) -> None:
    world.app = replace(world.app, open_channel=lambda _: FakeChannel())
    with world.app.work() as work:
        repository = work.repositories.see(HELLO)
    own_channels.put(world.app, repository, "team", "slack+https://hooks.example.org/x", actor="ada")
    assert secrets.reseal(world.app).done == 1
    own_channels.test(world.app, repository, "team")


def test_text_of_people_cannot_spill_over_lines(world: World, team: FakeChannel) -> None:
    world.sandbox.acts["unit"] = Act(exit=Exit(code=1))
    world.push(sha(1), message="one\x1b[31m\u202e\ntwo")
    world.settle()
    assert team.heard[0].text.isprintable()


@pytest.mark.parametrize(
    ("send", "before", "now", "expected"),
    [
        (Send.CHANGES, None, True, None),
        (Send.CHANGES, None, False, News.BROKE),
        (Send.CHANGES, True, True, None),
        (Send.CHANGES, True, False, News.BROKE),
        (Send.CHANGES, False, True, News.FIXED),
        (Send.CHANGES, False, False, None),
        (Send.FAILURES, None, True, None),
        (Send.FAILURES, None, False, News.FAILED),
        (Send.FAILURES, True, True, None),
        (Send.FAILURES, True, False, News.BROKE),
        (Send.FAILURES, False, True, None),
        (Send.FAILURES, False, False, News.FAILED),
        (Send.ALL, None, True, News.PASSED),
        (Send.ALL, None, False, News.FAILED),
        (Send.ALL, True, True, News.PASSED),
        (Send.ALL, True, False, News.BROKE),
        (Send.ALL, False, True, News.FIXED),
        (Send.ALL, False, False, News.FAILED),
    ],
)
def test_what_is_news(send: Send, before: bool | None, now: bool, expected: News | None) -> None:
    assert news_of(send, before, now) is expected


def test_a_registered_suite_says_itself_who_hears_of_it(world: World, team: FakeChannel) -> None:
    world.forge.suite_files.clear()
    world.source.add(sha(1), {})
    world.forge.refs["main"] = sha(1)
    robot = Viewer(token="t", name="robot", scopes=frozenset({Scope.READ, Scope.WRITE, Scope.SUITES}))
    nightly = {"suite": {"image": "busybox", "run": "nightly"}, "notify": [{"channel": "team"}]}
    made = cataloguing.register(world.app, robot, Kind.SUITE, Draft("nightly", nightly))
    world.sandbox.acts["nightly"] = Act(exit=Exit(code=1))
    order = Order(repository="acme/hello", sha=None, ref="", suites=(), suite_id=made.id)
    requesting.start(world.app, robot, order, None)
    world.settle()
    assert team.news == ["broke"]
