"""What GitLab, or somebody who says so, may send to the webhook (RELIABILITY S001-S009, FORGES §3.1)."""

import base64
import json
from pathlib import Path
from typing import Final

import pytest

from bot.adapters.forge_gitlab.signature import usable_secrets, verify
from bot.domain.errors import BadInput, BadSignature, UnsupportedMedia
from bot.domain.events import Ignored, Pushed
from tests.contract.gitlab_world import SIGNING, TOKEN, GitLabWorld, signed_headers
from tests.unit.test_gitlab_payloads import payload

OTHER_KEY: Final = b"the key that comes next, 32 byte"
OTHER: Final = "whsec_" + base64.b64encode(OTHER_KEY).decode()
BODY: Final = json.dumps(payload("push.branch"), ensure_ascii=False).encode()


@pytest.fixture
def world(tmp_path: Path) -> GitLabWorld:
    return GitLabWorld(tmp_path)


def plain(token: str, **more: str) -> dict[str, str]:
    return {"X-Gitlab-Token": token, "X-Gitlab-Event": "Push Hook", "Content-Type": "application/json", **more}


def test_the_published_example_of_a_signature_verifies(world: GitLabWorld) -> None:
    secrets = usable_secrets(["whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="])
    headers = {
        "webhook-id": "f5e5f430-f57b-4e6e-9fac-d9128cd7232f",
        "webhook-timestamp": "1790000000",
        "webhook-signature": "v1,GJt4ClxuC09R26v3kjjwoAJ6EVdW6qqR1U04Psq6+WE=",
    }
    world.clock.seconds += 1_790_000_000 - world.clock.time()

    assert verify(secrets, headers, b'{"object_kind":"push"}', world.clock.now()) == headers["webhook-id"]


def test_a_token_may_have_letters_beyond_ascii(world: GitLabWorld) -> None:
    """GitLab sends UTF-8, and headers are read as Latin-1."""
    token = "ein geheimer Schlüssel"
    headers = plain(token.encode().decode("latin-1"))
    assert verify(usable_secrets([token]), headers, BODY, world.clock.now()) == ""


@pytest.mark.parametrize("age", [0, 240, -240, 299])
def test_a_signature_within_five_minutes_is_good(world: GitLabWorld, age: float) -> None:
    headers = signed_headers("Push Hook", BODY, world.clock, age=age)

    assert isinstance(world.forge.read(headers, BODY).event, Pushed)


@pytest.mark.parametrize("age", [360, -360])
def test_an_older_or_younger_one_is_refused(world: GitLabWorld, age: float) -> None:
    headers = signed_headers("Push Hook", BODY, world.clock, age=age)

    with pytest.raises(BadSignature, match=r"^$"):
        world.forge.read(headers, BODY)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "1e9"),
        ("webhook-timestamp", "9" * 5000),
        ("webhook-id", ""),
        ("webhook-id", "d-2"),
        ("webhook-id", "é" * 10),
        ("webhook-signature", ""),
        ("webhook-signature", "v1,"),
        ("webhook-signature", "v1a," + "A" * 44),
        ("webhook-signature", "é" * 100),
        ("webhook-signature", "v1,AAAA " * 100_000),
    ],
)
def test_a_signature_that_is_not_whole_is_refused_without_a_word(world: GitLabWorld, header: str, value: str) -> None:
    headers = {**signed_headers("Push Hook", BODY, world.clock), header: value}

    with pytest.raises(BadSignature, match=r"^$"):
        world.forge.read(headers, BODY)


def test_one_of_several_signatures_is_enough(world: GitLabWorld) -> None:
    headers = signed_headers("Push Hook", BODY, world.clock)
    headers["webhook-signature"] = "v1,AAAA " + headers["webhook-signature"]

    assert world.forge.read(headers, BODY).key == "d-1"


def test_while_the_key_is_changed_both_sign(world: GitLabWorld) -> None:
    old = signed_headers("Push Hook", BODY, world.clock)
    new = signed_headers("Push Hook", BODY, world.clock, key=OTHER_KEY)

    for headers in (old, new):
        assert world.forge.read(headers, BODY, [SIGNING, OTHER]).key == "d-1"
    with pytest.raises(BadSignature):
        world.forge.read(old, BODY, [OTHER])


def test_the_id_of_a_signed_call_is_the_one_that_was_signed(world: GitLabWorld) -> None:
    headers = {**signed_headers("Push Hook", BODY, world.clock), "Idempotency-Key": "another"}

    assert world.forge.read(headers, BODY).key == "d-1"


def test_a_plain_token_is_good(world: GitLabWorld) -> None:
    delivery = world.forge.read(plain(TOKEN, **{"Idempotency-Key": "k-1"}), BODY)

    assert (delivery.key, delivery.name) == ("k-1", "Push Hook")


@pytest.mark.parametrize("token", ["", TOKEN[:-1], f"{TOKEN} ", TOKEN.upper(), "é" * 20, "x" * 1_000_000, SIGNING])
def test_any_other_token_is_refused(world: GitLabWorld, token: str) -> None:
    with pytest.raises(BadSignature, match=r"^$"):
        world.forge.read(plain(token), BODY)


def test_a_token_that_is_sent_twice_is_refused(world: GitLabWorld) -> None:
    with pytest.raises(BadSignature):
        world.forge.read({**plain(TOKEN), "x-gitlab-token": TOKEN}, BODY)


def test_a_signing_token_sent_in_clear_is_worth_nothing(world: GitLabWorld) -> None:
    with pytest.raises(BadSignature):
        world.forge.read(plain(SIGNING), BODY, [SIGNING])


def test_without_any_secret_nobody_is_believed(world: GitLabWorld) -> None:
    with pytest.raises(BadInput):
        world.forge.read(plain(""), BODY, [])


@pytest.mark.parametrize("secret", ["", "   ", "short", " " * 20, "whsec_AAAA", "whsec_###", "whsec_"])
def test_a_secret_that_can_be_guessed_is_not_taken(secret: str) -> None:
    with pytest.raises(BadInput):
        usable_secrets([secret])


def test_older_servers_name_no_delivery_so_event_and_body_do(world: GitLabWorld) -> None:
    chain = {"X-Gitlab-Event-UUID": "u-1"}
    first, again = (world.forge.read(plain(TOKEN, **chain), BODY).key for _ in range(2))
    other = world.forge.read(plain(TOKEN, **chain), BODY + b" ").key

    assert first == again != other
    assert first.startswith("u-1:")


@pytest.mark.parametrize("change", [{"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}])
def test_only_plain_json_is_read(world: GitLabWorld, change: dict[str, str]) -> None:
    with pytest.raises(UnsupportedMedia):
        world.forge.read({**plain(TOKEN), **change}, BODY)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b'{"a":NaN}'])
def test_a_body_that_is_no_object_is_bad_input(world: GitLabWorld, body: bytes) -> None:
    with pytest.raises(BadInput):
        world.forge.read(plain(TOKEN), body)


def test_our_own_notes_are_known_once_we_have_written_one(world: GitLabWorld) -> None:
    number = world.open_change(world.commit("Two", {"b": b"b"}), world.commit("One", {}))
    world.forge.reply(world.repository, number, "hello", None)
    note = json.dumps(payload("note.own")).encode()

    event = world.forge.read({**plain(TOKEN), "X-Gitlab-Event": "Note Hook"}, note).event

    assert event == Ignored("a comment by ourselves")
