"""POST /webhooks/{forge}: what the forge is answered, and that the limits hold."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from bot import faultpoints
from bot.app import intake
from bot.domain.errors import BadInput, StoreBusy, UnsupportedMedia
from bot.domain.events import Ignored, RefDeleted
from bot.ports.deliveries import DeliveryStatus
from bot.ports.queue import HandleDelivery
from bot.web.throttle import address_key
from tests.fakes.forge import HELLO
from tests.web.conftest import MakeClient, World

EVENT = RefDeleted(repository=HELLO, branch="topic", tag=None)
RIGHT = {"signature": "right"}


def test_a_call_is_stored_and_hinted_before_it_is_answered(world: World, client: TestClient) -> None:
    answer = client.post("/webhooks/github", content=world.forge.delivery(EVENT), headers=RIGHT)
    assert (answer.status_code, answer.json()) == (202, {"status": "stored"})
    assert world.hints == [HandleDelivery(1)]


def test_the_same_call_again_is_a_duplicate(world: World, client: TestClient) -> None:
    body = world.forge.delivery(EVENT)
    client.post("/webhooks/github", content=body, headers=RIGHT)
    with world.app.work() as work:
        work.deliveries.claim(1, 60)
        work.deliveries.finish(1, DeliveryStatus.PROCESSED, "done")
    answer = client.post("/webhooks/github", content=body, headers=RIGHT)
    assert (answer.status_code, answer.json()["status"]) == (200, "duplicate")
    assert answer.json()["reason"]


def test_what_does_not_concern_us_is_ignored_with_the_reason(world: World, client: TestClient) -> None:
    body = world.forge.delivery(Ignored("nothing is done for star"))
    answer = client.post("/webhooks/github", content=body, headers=RIGHT)
    assert (answer.status_code, answer.json()) == (200, {"status": "ignored", "reason": "nothing is done for star"})


@pytest.mark.parametrize("forge", ["github", "gitlab", "no-such-forge", "github%00"])
def test_a_bad_signature_and_an_unknown_forge_are_answered_alike(client: TestClient, forge: str) -> None:
    answer = client.post(f"/webhooks/{forge}", content=b"{}", headers={"signature": "wrong"})
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (BadInput("not a JSON object"), 400, {"error": "bad_input", "reason": "not a JSON object"}),
        (UnsupportedMedia("text/xml"), 415, {"error": "unsupported_media", "reason": "text/xml"}),
        (StoreBusy("locked"), 503, {"error": "unavailable", "reason": "not stored; send it again"}),
        (RuntimeError("a bug"), 503, {"error": "unavailable", "reason": "not stored; send it again"}),
    ],
)
def test_every_fault_has_its_answer_and_none_is_a_500(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, said: dict[str, str]
) -> None:
    def refuse(*_: object) -> intake.Answer:
        raise error

    monkeypatch.setattr(intake, "accept", refuse)
    answer = client.post("/webhooks/github", content=b"{}")
    assert (answer.status_code, answer.json()) == (status, said)


def test_what_could_not_be_stored_is_asked_for_again(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> intake.Answer:
        raise StoreBusy("locked")

    monkeypatch.setattr(intake, "accept", refuse)
    assert client.post("/webhooks/github", content=b"{}").headers["retry-after"] == "5"


@pytest.mark.parametrize("point", ["web.after_body", "web.after_commit"])
def test_a_fault_on_the_way_is_answered_so_that_the_forge_sends_again(
    world: World, client: TestClient, point: str
) -> None:
    faultpoints.arm(f"{point}=raise")
    body = world.forge.delivery(EVENT)
    first = client.post("/webhooks/github", content=body, headers=RIGHT)
    second = client.post("/webhooks/github", content=body, headers=RIGHT)
    assert (first.status_code, second.status_code) == (503, 202)


def test_a_body_up_to_the_limit_is_taken(make_client: MakeClient, world: World) -> None:
    body = world.forge.delivery(EVENT)
    client = make_client(body_limit=len(body))
    assert client.post("/webhooks/github", content=body, headers=RIGHT).status_code == 202


def test_a_body_that_says_it_is_too_large_is_not_read(make_client: MakeClient) -> None:
    client = make_client(body_limit=1000)
    answer = client.post("/webhooks/github", content=b"x" * 1001)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")
    assert answer.headers["connection"] == "close"


def test_a_body_without_a_length_is_refused_at_the_limit(make_client: MakeClient) -> None:
    client = make_client(body_limit=1000)

    def endless() -> Iterator[bytes]:
        yield from (b"x" * 100 for _ in range(11))

    assert client.post("/webhooks/github", content=endless()).status_code == 413


@pytest.mark.parametrize("length", ["9" * 5000, "1001"])
def test_a_length_that_lies_upwards_is_believed(make_client: MakeClient, length: str) -> None:
    client = make_client(body_limit=1000)
    answer = client.post("/webhooks/github", content=b"{}", headers={"content-length": length})
    assert answer.status_code == 413


def test_calls_are_counted_by_what_became_of_them(world: World, client: TestClient) -> None:
    client.post("/webhooks/github", content=world.forge.delivery(EVENT), headers=RIGHT)
    client.post("/webhooks/github", content=b"{}")
    client.post("/webhooks/made-up", content=b"{}")
    text = world.telemetry.render().decode()
    assert 'assay_deliveries_total{forge="github",outcome="stored"} 1.0' in text
    assert 'assay_deliveries_total{forge="github",outcome="unauthorized"} 1.0' in text
    assert 'assay_deliveries_total{forge="unknown",outcome="unauthorized"} 1.0' in text
    assert "assay_intake_seconds_count 3.0" in text
    assert "made-up" not in text


def test_calls_from_one_address_beyond_the_limit_are_turned_away_before_they_are_looked_at(
    world: World, make_client: MakeClient
) -> None:
    client = make_client("203.0.113.9", webhook_rate=0.1)
    answers = [client.post("/webhooks/github", content=world.forge.delivery(EVENT), headers=RIGHT) for _ in range(4)]
    assert [one.status_code for one in answers] == [202, 202, 202, 429]
    assert answers[3].json()["error"] == "too_fast"
    assert int(answers[3].headers["retry-after"]) >= 1
    assert len(world.hints) == 3


def test_of_calls_that_prove_nothing_fewer_may_come(make_client: MakeClient) -> None:
    client = make_client("203.0.113.9", webhook_rate=0.7)
    answers = [client.post("/webhooks/github", content=b"{}", headers={"signature": "wrong"}) for _ in range(4)]
    assert [one.status_code for one in answers] == [401, 401, 401, 429]


def test_who_sends_too_much_costs_nobody_else_anything(world: World, make_client: MakeClient) -> None:
    client = make_client("10.0.0.1", webhook_rate=0.04, trusted_proxies=["10.0.0.1"])
    ours = {**RIGHT, "X-Forwarded-For": "203.0.113.9"}
    theirs = {"signature": "wrong", "X-Forwarded-For": "198.51.100.7"}
    flood = [client.post("/webhooks/github", content=b"{}", headers=theirs).status_code for _ in range(3)]
    good = client.post("/webhooks/github", content=world.forge.delivery(EVENT), headers=ours)
    assert (flood, good.status_code) == ([401, 429, 429], 202)


def test_nobody_gets_another_address_by_saying_so(world: World, make_client: MakeClient) -> None:
    client = make_client("203.0.113.9", webhook_rate=0.04)
    said = ({**RIGHT, "X-Forwarded-For": f"198.51.100.{number}"} for number in range(3))
    answers = [client.post("/webhooks/github", content=world.forge.delivery(EVENT), headers=one) for one in said]
    assert [one.status_code for one in answers] == [202, 429, 429]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:203.0.113.9", "203.0.113.9", True),
        ("203.0.113.9", "203.0.113.10", False),
        ("testclient", "", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same
