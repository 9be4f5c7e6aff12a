"""What a run left: listed, downloaded, never shown as a page of ours (RELIABILITY S102, S104, S105)."""

import io
import re

import pytest
from starlette.testclient import TestClient

from bot.domain.runs import Run
from bot.ports.artifacts import ArtifactFound, ArtifactKind
from tests.web.conftest import World


@pytest.fixture
def run(world: World) -> Run:
    run = world.finished()
    world.leave(run, {"out/deep/report.html": b"<script>alert(1)</script>", 'out/a "quoted"\u00fc.txt': b"x"})
    return run


def test_the_list_says_what_was_kept_and_what_was_not(client: TestClient, run: Run) -> None:
    rows = client.get(f"/runs/{run.id}/artifacts").json()["artifacts"]
    assert [(row["path"], row["size"], row["skipped"]) for row in rows] == [
        ('out/a "quoted"\u00fc.txt', 1, ""),
        ("out/deep/report.html", 25, ""),
        ("out/pipe", 0, "not a regular file"),
    ]
    assert rows[2]["url"] is None
    assert {row["kind"] for row in rows} == {"artifact"}


def test_the_log_of_a_service_is_linked_from_the_runs_page(world: World, client: TestClient, run: Run) -> None:
    stored = world.app.artifacts.put(io.BytesIO(b"listening\n"), 100)
    found = ArtifactFound(
        path="service:db.log", kind=ArtifactKind.SERVICE_LOG, sha256=stored.sha256, size=stored.size
    )
    with world.app.work() as work:
        work.artifacts.replace(run.id, ArtifactKind.SERVICE_LOG, [found], 3600)
    page = client.get(world.page_of(run)).text
    link = re.search(r'<a href="([^"]+)">log of service db</a>', page)
    assert link
    assert client.get(link[1]).text == "listening\n"
    assert "out/deep/report.html" in page


def test_a_file_is_downloaded_byte_by_byte_and_cannot_act_as_a_page(client: TestClient, run: Run) -> None:
    answer = client.get(f"/runs/{run.id}/artifacts/out/deep/report.html")
    assert (answer.status_code, answer.content) == (200, b"<script>alert(1)</script>")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith('attachment; filename="report.html"')
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_hostile_name_cannot_leave_its_header(client: TestClient, run: Run) -> None:
    row = client.get(f"/runs/{run.id}/artifacts").json()["artifacts"][0]
    answer = client.get(row["url"].removeprefix("https://ci.example.org"))
    assert answer.content == b"x"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"a__quoted__.txt\"; filename*=UTF-8''a%20%22quoted%22%C3%BC.txt"
    )


@pytest.mark.parametrize(
    "path",
    ["out/pipe", "out/none", "../secret.key", "out/..%2f..%2fsecret.key", "%2fetc%2fpasswd", "out%00", "x" * 4000],
)
def test_other_paths_lead_nowhere(client: TestClient, run: Run, path: str) -> None:
    assert client.get(f"/runs/{run.id}/artifacts/{path}").status_code == 404


def test_another_runs_file_is_not_there(world: World, client: TestClient, run: Run) -> None:
    other = world.finished(suite="lint")
    assert client.get(f"/runs/{other.id}/artifacts/out/deep/report.html").status_code == 404


def test_the_page_of_a_suite_lists_them(world: World, client: TestClient, run: Run) -> None:
    page = client.get(world.page_of(run)).text
    assert f'href="/runs/{run.id}/artifacts/out/deep/report.html"' in page
    assert "not kept: not a regular file" in page
