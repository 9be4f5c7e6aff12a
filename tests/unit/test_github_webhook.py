"""What GitHub, or somebody who says so, may send to the webhook (RELIABILITY §8A, §8B; C01, C02)."""

import copy
import gzip
import hmac
import json
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from bot.adapters.forge_github.signature import usable_secrets, verify
from bot.domain.errors import BadInput, BadSignature, UnsupportedMedia
from bot.domain.events import ForgeEvent, Ignored, Pushed
from bot.foreign.calls import json_object
from tests.contract.forge_world import SECRET, Counts, github_forge, signed_headers
from tests.sims.github_wire import Clock
from tests.unit.test_github_payloads import EXPECTED, payload

OLD: Final = "the secret before this one"
BODY: Final = b'{"text": "\xc3\xa7 \\u001B \\u001b \\/ \xf0\x9f\x90\xb3",\r\n  "n":1 }'
DIGEST: Final = hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
FORGE: Final = github_forge(httpx.Client(transport=httpx.BaseTransport()), "4711", Clock(), Counts())


def check(signature: str, body: bytes = BODY, name: str = "X-Hub-Signature-256") -> None:
    verify(usable_secrets([OLD, SECRET]), {name: signature}, body)


def as_form(body: bytes, **fields: str) -> bytes:
    return urlencode({**fields, "payload": body.decode()}).encode()


def push_body(**changes: object) -> bytes:
    return json.dumps({**payload("push.branch"), **changes}, ensure_ascii=False).encode()


@pytest.mark.parametrize("secret", [OLD, SECRET])
@pytest.mark.parametrize("body", [BODY, b"\xef\xbb\xbf{}", b"", b"\xff\xfe", b'{"a":\r\n1}'])
def test_each_of_two_secrets_signs_the_raw_bytes(secret: str, body: bytes) -> None:
    check("sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(), body)


def test_the_published_example_of_github_verifies() -> None:
    secrets = usable_secrets(["It's a Secret to Everybody"])
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"

    verify(secrets, {"x-hub-signature-256": signature}, b"Hello, World!")


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "sha256=",
        DIGEST,
        f"sha256={DIGEST[:-1]}",
        f"sha256={DIGEST}0",
        f"sha256={DIGEST.upper()}",
        f"SHA256={DIGEST}",
        f"sha256={DIGEST}\n",
        f" sha256={DIGEST}",
        f"sha256={DIGEST}, sha256={DIGEST}",
        f"sha256={'0' * 64}",
        "sha256=" + "é" * 64,
        "sha256=" + "\u0661" * 64,
        "sha256=" + "a" * 1_000_000,
        f"sha1={hmac.new(SECRET.encode(), BODY, 'sha1').hexdigest()}",
        f"sha256={hmac.new(b'a secret that was removed', BODY, 'sha256').hexdigest()}",
        f"sha256={hmac.new(b'', BODY, 'sha256').hexdigest()}",
    ],
)
def test_anything_else_is_refused_without_a_word(signature: str) -> None:
    with pytest.raises(BadSignature, match=r"^$"):
        check(signature)


def test_one_changed_byte_is_refused() -> None:
    with pytest.raises(BadSignature):
        check(f"sha256={DIGEST}", BODY.replace(b"1B", b"1b"))


def test_the_old_header_of_github_is_not_looked_at() -> None:
    with pytest.raises(BadSignature):
        check(f"sha256={DIGEST}", name="X-Hub-Signature")


def test_a_signature_that_is_sent_twice_is_refused() -> None:
    twice = {"X-Hub-Signature-256": f"sha256={DIGEST}", "x-hub-signature-256": f"sha256={DIGEST}"}

    with pytest.raises(BadSignature):
        verify(usable_secrets([SECRET]), twice, BODY)


def test_a_signature_that_the_web_server_got_twice_is_refused() -> None:
    header = b"x-hub-signature-256", f"sha256={DIGEST}".encode()

    verify(usable_secrets([SECRET]), Headers(raw=[header]), BODY)
    with pytest.raises(BadSignature):
        verify(usable_secrets([SECRET]), Headers(raw=[header, header]), BODY)


@pytest.mark.parametrize("secrets", [[], [""], [" " * 20], ["x" * 15], [SECRET, ""], [SECRET, OLD, "y" * 20]])
def test_secrets_that_protect_nothing_are_refused(secrets: list[str]) -> None:
    with pytest.raises(BadInput, match="secret"):
        usable_secrets(secrets)


def test_a_form_is_read_like_json() -> None:
    body = push_body(note="100% + & = ü 🐳")
    form = as_form(body, other="x")
    headers = signed_headers("push", form) | {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}

    delivery = FORGE.read(headers, form)

    assert delivery.event == EXPECTED["push.branch"]
    assert delivery.payload == body


@pytest.mark.parametrize("form", [b"", b"a=b", b"payload={}&payload={}", b"payload=%ff", b"\xff", b"&x=1" * 50])
def test_a_form_without_a_readable_payload_is_bad_input(form: bytes) -> None:
    headers = signed_headers("push", form) | {"Content-Type": "application/x-www-form-urlencoded"}

    with pytest.raises(BadInput):
        FORGE.read(headers, form)


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "text/json", "multipart/form-data", "application/json; charset=utf-16", "é"]
)
def test_other_content_types_are_unsupported(kind: str) -> None:
    with pytest.raises(UnsupportedMedia):
        FORGE.read(signed_headers("push", BODY) | {"Content-Type": kind}, BODY)


def test_a_compressed_body_is_unsupported() -> None:
    body = gzip.compress(BODY)

    with pytest.raises(UnsupportedMedia):
        FORGE.read(signed_headers("push", body) | {"Content-Encoding": "gzip"}, body)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_json_may_name_its_charset(kind: str) -> None:
    body = push_body()

    assert isinstance(FORGE.read(signed_headers("push", body) | {"Content-Type": kind}, body).event, Pushed)


@pytest.mark.parametrize("delivery", ["", "a b", "x" * 101, "é", "a:b"])
def test_a_delivery_without_a_proper_id_is_bad_input(delivery: str) -> None:
    with pytest.raises(BadInput, match="X-GitHub-Delivery"):
        FORGE.read(signed_headers("push", BODY, delivery), BODY)


def test_the_key_of_a_delivery_names_its_hook() -> None:
    headers = signed_headers("push", BODY, "72d3162e-cc78-11e3-81ab-4c9367dc0958")

    assert FORGE.read(headers, BODY).key == "9:72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert FORGE.read(headers | {"X-GitHub-Hook-ID": "10"}, BODY).key != FORGE.read(headers, BODY).key


@pytest.mark.parametrize("name", ["", "__class__", "../x", "x" * 10_000, "pusH", "é\n\x1b"])
def test_events_that_nobody_knows_are_ignored(name: str) -> None:
    delivery = FORGE.read(signed_headers(name, BODY), BODY)

    assert isinstance(delivery.event, Ignored)
    assert delivery.event.reason.startswith("unsupported event")
    assert (delivery.event.reason + delivery.name).isprintable()
    assert len(delivery.name) <= 64


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"5",
        b"{",
        b"\xff{}",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"n": ' + b"9" * 5000 + b"}",
        b'{"n": NaN}',
        b'{"n": -Infinity}',
        b'{"n": 1e400}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"\\uDFFF": 1}',
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_not_a_plain_json_object_is_bad_input(body: bytes) -> None:
    with pytest.raises(BadInput, match="invalid payload"):
        FORGE.read(signed_headers("push", body), body)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert json_object(b'{"a": "\\ud83d\\udc33"}') == {"a": "🐳"}


def test_a_push_with_twenty_thousand_commits_is_read() -> None:
    commit = payload("push.branch")["head_commit"]
    body = push_body(commits=[commit] * 20_000)

    assert isinstance(FORGE.read(signed_headers("push", body), body).event, Pushed)


REMOVED: Final = object()
JUNK: Final = st.one_of(
    st.just(REMOVED),
    st.none(),
    st.booleans(),
    st.sampled_from([-1, 0, 2**63, 10**400, 1.5, "", "\0", "x" * 70_000, "0" * 40, "\ud800", "\u202e", [], {}, [[]]]),
    st.lists(st.none(), max_size=2),
    st.text(max_size=5),
)


def paths_of(data: object, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(data, dict):
        return [at]
    return [at, *(path for key, value in data.items() for path in paths_of(value, (*at, key)))]


PLACES: Final = [(name, path) for name in EXPECTED for path in paths_of(payload(name)) if path]


def damaged(name: str, path: tuple[str, ...], junk: object) -> bytes:
    """The payload with junk at that place, or without the field."""
    data = copy.deepcopy(payload(name))
    holder: Any = data
    for key in path[:-1]:
        holder = holder[key]
    if junk is REMOVED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = junk
    return json.dumps(data).encode()


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(place=st.sampled_from(PLACES), junk=JUNK)
def test_no_field_can_break_the_translation(place: tuple[str, tuple[str, ...]], junk: object) -> None:
    name, path = place

    event = FORGE.parse(name.partition(".")[0], damaged(name, path, junk))

    assert isinstance(event, ForgeEvent | Ignored)


@given(name=st.sampled_from(["push", "pull_request", "installation"]), body=st.binary(max_size=200))
def test_no_bytes_can_break_the_translation(name: str, body: bytes) -> None:
    assert isinstance(FORGE.parse(name, body), Ignored)
