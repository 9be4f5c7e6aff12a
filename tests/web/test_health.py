"""For those who keep it running, and what surrounds every answer."""

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from bot.app import queries
from bot.domain.errors import SandboxUnavailable, StoreBusy
from bot.ports.store import UnitOfWork
from tests.web.conftest import MakeClient, World

TOKEN = "a-long-token-of-the-metrics"


def test_the_process_lives(client: TestClient) -> None:
    assert client.get("/healthz").text == "ok\n"


def test_it_is_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_it_is_not_ready_and_says_why(make_client: MakeClient) -> None:
    answer = make_client(ready=lambda: "the database is out of reach").get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"status": "not_ready", "reason": "the database is out of reach"}


def test_what_does_not_work_beside_the_web_is_named(make_client: MakeClient) -> None:
    answer = make_client(degraded=lambda: "Docker does not answer").get("/readyz")
    assert (answer.status_code, answer.json()["degraded"]) == (200, "Docker does not answer")


def test_an_engine_that_does_not_answer_is_named_too(make_client: MakeClient) -> None:
    def fail() -> str | None:
        raise SandboxUnavailable("no engine")

    assert make_client(degraded=fail).get("/readyz").json()["degraded"] == "no engine"


def test_without_its_database_it_is_not_ready(make_client: MakeClient) -> None:
    def fail() -> UnitOfWork:
        raise StoreBusy("the database is locked")

    answer = make_client(look=fail).get("/readyz")
    assert (answer.status_code, answer.json()["reason"]) == (503, "the database is locked")


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("10.0.0.7", {}, 403),
        ("somewhere", {}, 403),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, 403),
        ("127.0.0.1", {"forwarded": "for=127.0.0.1"}, 403),
        ("10.0.0.7", {"x-forwarded-for": "127.0.0.1"}, 403),
    ],
)
def test_metrics_without_a_token_are_for_this_machine(
    make_client: MakeClient, address: str, headers: dict[str, str], status: int
) -> None:
    assert make_client(address).get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("given", "status"),
    [(f"Bearer {TOKEN}", 200), (f"Bearer {TOKEN}0", 401), (f"Basic {TOKEN}", 401), ("Bearer é", 401), ("", 401)],
)
def test_metrics_with_a_token_are_for_its_holder(make_client: MakeClient, given: str, status: int) -> None:
    client = make_client(metrics_token=TOKEN)
    assert client.get("/metrics", headers=[(b"authorization", given.encode())]).status_code == status


def test_metrics_are_in_the_text_format(client: TestClient) -> None:
    answer = client.get("/metrics")
    assert "# TYPE assay_deliveries_total counter" in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")


@pytest.mark.parametrize("path", ["/", "/b/1", "/runs", "/healthz", "/static/live.js", "/nothing"])
def test_every_answer_has_safe_headers_and_an_id(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-request-id"]


def test_the_access_log_has_neither_query_nor_headers(client: TestClient) -> None:
    with capture_logs() as lines:
        client.get("/runs?token=abc", headers={"authorization": "Bearer abc"})
    assert [(line["event"], line["path"], line["status"]) for line in lines] == [("web.answered", "/runs", 401)]
    assert "abc" not in str(lines)


@pytest.mark.parametrize("path", ["//evil.example/", "//evil.example/%2e%2e", "/runs/", "/b/1/"])
def test_no_answer_leads_to_where_the_caller_says(client: TestClient, path: str) -> None:
    answer = client.request("GET", f"http://anything.test{path}", headers={"host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_links_are_made_of_the_configured_address_alone(world: World, client: TestClient) -> None:
    run = world.finished()
    spoofed = {"host": "evil.example", "x-forwarded-host": "evil.example", "x-forwarded-proto": "gopher"}
    answers = [client.get(path, headers=spoofed) for path in (f"/runs/{run.id}", world.page_of(run))]
    assert not [answer for answer in answers if "evil" in answer.text or "gopher" in answer.text]
    assert "evil" not in client.get(f"{world.page_of(run)}/log", headers=spoofed).headers["location"]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [(StoreBusy("locked"), 503, "store_busy"), (RuntimeError("a secret detail"), 500, "internal")],
)
@pytest.mark.parametrize("path", ["/b/1", "/builds/1"])
def test_faults_are_answered_without_details(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, error: Exception, status: int, said: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(queries, "build", fail)
    answer = client.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, said)
    assert "secret" not in answer.text
    assert "locked" not in answer.text
