"""What every channel must do: say it in a form that its service takes, and tell what failed without secrets."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Mail
from email.policy import default
from typing import Any, Final

import pytest
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook as Verifier

from bot.adapters.channel_apprise import AppriseChannel
from bot.adapters.channel_email import Mailbox
from bot.adapters.channel_http import Matrix, Slack, Webhook
from bot.demo.command import free_port
from bot.domain.errors import Refused, Unavailable
from bot.domain.notices import Message, News
from bot.ports.notices import Channel
from tests.sims.web_service import WebService, web_service

SECRET: Final = "whsec_" + base64.b64encode(b"k" * 32).decode()
TOKEN: Final = "a token that nobody may see"  # of a pretended server
BROKE: Final = Message(
    key="notice-7",
    news=News.BROKE,
    title="acme/web main broke: unit",
    text="acme/web main broke: unit at 77aa01c by ana: <!channel> a & b",
    url="https://ci.example.org/b/3",
    facts={"type": "build.broke", "failed": ["unit"], "url": "https://ci.example.org/b/3"},
)


@pytest.fixture
def service() -> Iterator[WebService]:
    with web_service() as found:
        yield found


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the verifier looks at the true time


MAKERS: Final[dict[str, Callable[[str], Channel]]] = {
    "slack": lambda url: Slack(f"{url}/services/T/B/x", local=True),
    "matrix": lambda url: Matrix(url, "!room:example.org", TOKEN, local=True),
    "webhook": lambda url: Webhook(f"{url}/hook?team=a", SECRET, now, local=True),
    "apprise": lambda url: AppriseChannel(url.replace("http:", "json:")),
}
OURS: Final = ("slack", "matrix", "webhook")


@pytest.fixture(params=MAKERS)
def channel(request: pytest.FixtureRequest, service: WebService) -> Channel:
    return MAKERS[request.param](service.url)


@pytest.fixture(params=OURS)
def own_channel(request: pytest.FixtureRequest, service: WebService) -> Channel:
    return MAKERS[request.param](service.url)


def test_it_says_what_happened_and_where_to_look(channel: Channel, service: WebService) -> None:
    channel.send(BROKE)
    (asked,) = service.asked
    said = asked.body.decode()
    assert "https://ci.example.org/b/3" in said
    assert "77aa01c" in said or "unit" in said


@pytest.mark.parametrize("name", OURS)
def test_its_kind_is_the_first_word_of_its_address_alone(name: str, service: WebService) -> None:
    assert MAKERS[name](service.url).kind == name


def test_the_kind_of_another_service_is_its_scheme(service: WebService) -> None:
    assert MAKERS["apprise"](service.url).kind == "json"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_service_that_is_busy_is_asked_again_later(channel: Channel, service: WebService, status: int) -> None:
    service.status = status
    with pytest.raises(Unavailable):
        channel.send(BROKE)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_what_a_service_will_never_take_is_refused(own_channel: Channel, service: WebService, status: int) -> None:
    service.status = status
    with pytest.raises(Refused, match=str(status)):
        own_channel.send(BROKE)


def test_a_service_that_is_gone_is_unavailable(own_channel: Channel, service: WebService) -> None:
    own_channel.send(BROKE)
    service.status = 0  # no HTTP
    with pytest.raises(Unavailable):
        own_channel.send(BROKE)


def test_nobody_is_led_elsewhere(own_channel: Channel, service: WebService) -> None:
    service.status, service.headers = 302, {"Location": f"{service.url}/elsewhere"}
    with pytest.raises(Refused, match="302"):
        own_channel.send(BROKE)
    assert len(service.asked) == 1


def test_an_answer_without_end_is_not_read_to_its_end(own_channel: Channel, service: WebService) -> None:
    service.body, service.times = b"x" * (1 << 20), 2000
    own_channel.send(BROKE)


def test_secrets_are_not_in_what_a_fault_says(own_channel: Channel, service: WebService) -> None:
    service.status, service.body = 500, f"{SECRET} {TOKEN}".encode()
    with pytest.raises(Unavailable) as caught:
        own_channel.send(BROKE)
    assert all(secret not in f"{caught.value}{own_channel!r}" for secret in (SECRET, TOKEN, "services/T/B/x"))


def test_slack_gets_text_that_calls_nobody(service: WebService) -> None:
    MAKERS["slack"](service.url).send(BROKE)
    assert json.loads(service.asked[0].body) == {
        "text": "acme/web main broke: unit at 77aa01c by ana: &lt;!channel&gt; a &amp; b "
        "<https://ci.example.org/b/3|Build>"
    }


def test_matrix_counts_a_notice_that_comes_twice_once(service: WebService) -> None:
    for _ in range(2):
        MAKERS["matrix"](service.url).send(BROKE)
    path = "/_matrix/client/v3/rooms/%21room%3Aexample.org/send/m.room.message/notice-7"
    assert {(one.method, one.path) for one in service.asked} == {("PUT", path)}
    assert service.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_a_webhook_can_be_verified_by_its_receiver(service: WebService) -> None:
    MAKERS["webhook"](service.url).send(BROKE)
    (asked,) = service.asked
    assert asked.path == "/hook?team=a"
    headers = {name.lower(): value for name, value in asked.headers.items()}
    found: Any = Verifier(SECRET).verify(asked.body, headers)
    assert (found["type"], found["data"]["failed"]) == ("build.broke", ["unit"])


@pytest.mark.parametrize("secret", ["", "short", "whsec_!!!", "whsec_" + base64.b64encode(b"k" * 8).decode()])
def test_a_webhook_without_a_good_secret_is_refused(secret: str) -> None:
    with pytest.raises(Refused):
        Webhook("https://example.org/", secret, now)


def test_apprise_knows_no_such_service() -> None:
    with pytest.raises(Refused):
        AppriseChannel("nonsense")


class Heard:
    """What arrived at a mail server."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.answer = "250 fine"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: ANN401, N802  # aiosmtpd's
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=default))
        return self.answer


@pytest.fixture
def post_office() -> Iterator[tuple[str, Heard]]:
    heard = Heard()
    port = free_port(0)
    controller = Controller(heard, hostname="127.0.0.1", port=port)
    controller.start()
    yield f"smtp://127.0.0.1:{port}", heard
    controller.stop()


def test_a_mail_says_it_in_its_subject(post_office: tuple[str, Heard]) -> None:
    url, heard = post_office
    Mailbox(url, "ci@example.org", ["team@example.org", "ana@example.org"]).send(BROKE)
    (mail,) = heard.mails
    assert mail["subject"] == "acme/web main broke: unit"
    assert mail["to"] == "team@example.org, ana@example.org"
    assert "https://ci.example.org/b/3" in str(mail.get_payload())


@pytest.mark.parametrize(("answer", "error"), [("451 later", Unavailable), ("554 never", Refused)])
def test_a_mail_server_may_say_no(post_office: tuple[str, Heard], answer: str, error: type[Exception]) -> None:
    url, heard = post_office
    heard.answer = answer
    with pytest.raises(error):
        Mailbox(url, "ci@example.org", ["team@example.org"]).send(BROKE)


def test_a_password_never_goes_over_the_wire_in_clear(post_office: tuple[str, Heard]) -> None:
    url, heard = post_office
    with pytest.raises(Unavailable):
        Mailbox(url.replace("//", "//user:secret@"), "ci@example.org", ["team@example.org"]).send(BROKE)
    assert heard.mails == []


@pytest.mark.parametrize(
    ("url", "sender", "to"),
    [("", "a@x", ["b@x"]), ("http://x", "a@x", ["b@x"]), ("smtp://x", "", ["b@x"]), ("smtp://x", "a@x", [])],
)
def test_half_a_mailbox_is_refused(url: str, sender: str, to: list[str]) -> None:
    with pytest.raises(Refused):
        Mailbox(url, sender, to)
