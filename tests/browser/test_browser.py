"""What people do on the pages, in Chromium: without scripts wherever it must work; axe finds nothing to mend."""

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.app import setting_up
from bot.demo.forge.hooks import wait_until
from bot.domain.results import Case, Failure, Outcome, Results
from bot.domain.runs import Build, RunState
from bot.domain.suites import Notify
from tests.browser.conftest import Site, site
from tests.fakes.forge import FakeForge
from tests.images import busybox
from tests.web.conftest import World

pytestmark = [pytest.mark.docker, pytest.mark.browser, pytest.mark.timeout(120)]

FILES: Final = """
version: 1
suites:
  unit:
    image: {image}
    run:
      - echo one
      - echo two; exit 1
  lint:
    image: {image}
    run: "true"
"""
PHONE: Final = 360
NOW: Final = datetime.fromtimestamp(time.time(), UTC)
_SCHEMES: Final[dict[Literal["light", "dark"], dict[str, object]]] = {
    "light": {},
    "dark": {"runOnly": ["color-contrast"]},
}
"""All rules once, and those about colours for the other colours too."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """With a build that failed and one that waits for an approval."""
    with site(tmp_path_factory.mktemp("site"), has_app=True) as made:
        github, files = made.github, {".assay.yml": FILES.format(image=busybox()).encode()}
        web = github.add_repository("acme/web", files, roles={"ana": "write"})
        fork = github.fork(web, "stan")
        github.commit(web, "main", {"a.txt": b"a"}, "Add a")
        github.commit(fork, "mend", {"tox.ini": b"[tox]", **files}, "Mend it", author="stan")
        github.open_pull(web, "mend", fork=fork, title="Mend it", author="stan")
        wait_until(lambda: _words(made) >= {"failed", "waiting"}, 60, "the builds did not come so far")
        _fill_settings(made)
        yield made


def _fill_settings(made: Site) -> None:
    build = _build(made, is_change=False)
    with made.bot.app.work() as work:
        work.secrets.put(build.repository, "TOKEN", b"sealed", "ana")
        work.own_channels.put(build.repository, "team", "slack", b"sealed", "ana")
        work.notices.add(build.id, Notify(channel="team"))


def _build(made: Site, *, is_change: bool) -> Build:
    with made.bot.app.work() as work:
        return next(one for one in reversed(work.builds.recent(10)) if (one.change is not None) is is_change)


def _words(made: Site) -> set[str]:
    with made.bot.app.work() as work:
        return {run.word for build in work.builds.recent(10) for run in work.runs.of_build(build.id)}


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Without scripts."""
    with chromium.new_context(java_script_enabled=False) as context:
        yield context.new_page()


def sign_in(page: Page, place: Site) -> None:
    page.goto(place.url)
    page.get_by_role("link", name="sign in").click()
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="I am ana").click()
    expect(page.get_by_role("button", name="sign out")).to_be_visible()


def test_a_failure_is_found_and_run_again(page: Page, place: Site) -> None:
    failed = _build(place, is_change=False)
    sign_in(page, place)
    page.get_by_role("link", name=str(failed.id), exact=True).click()
    page.get_by_role("link", name="unit", exact=True).click()
    expect(page.locator("body")).to_contain_text("two")
    page.get_by_role("link", name=f"build {failed.id}").first.click()
    page.get_by_role("button", name="Re-run failed").click()
    with place.bot.app.work() as work:
        runs = [run.suite.name for run in work.runs.of_commit(failed.repository, failed.sha)]
    assert sorted(runs) == ["lint", "unit", "unit"]


def test_a_change_of_a_stranger_is_approved(page: Page, place: Site) -> None:
    sign_in(page, place)
    page.get_by_role("link", name="approvals").click()
    card = page.get_by_role("article")
    expect(card).to_contain_text("tox.ini")
    card.get_by_role("button", name=re.compile("Approve")).click()
    expect(page.get_by_text("Approved by ana")).to_be_visible()


def test_an_operator_makes_a_token(page: Page, place: Site) -> None:
    sign_in(page, place)
    page.get_by_role("link", name="tokens", exact=True).click()
    page.get_by_label("Name").fill("robot")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text(re.compile(r"assay_\w+_"))).to_be_visible()
    page.get_by_role("button", name="Revoke robot").click()
    expect(page.get_by_role("row", name=re.compile("robot .* revoked"))).to_be_visible()


def test_a_forge_is_set_up_from_the_link_to_the_first_installation(
    page: Page, chromium: Browser, tmp_path: Path
) -> None:
    with site(tmp_path, has_app=False) as bare:
        bare.github.add_repository("acme/web", {"README.md": b"x"}, roles={"ana": "write"})
        page.goto(setting_up.make_link(bare.bot.app, "only-the-link-has-it", actor="test"))
        page.get_by_role("button", name="Begin the set-up").click()
        with chromium.new_context(storage_state=page.context.storage_state()) as seen:
            looks_well(seen.new_page(), f"{bare.url}/setup")
        set_up_the_app(page)
        assert [one.ok for one in bare.bot.app.forge(next(iter(bare.bot.app.forges))).examine()] == [True]
        first_suite_file(page, bare)


def first_suite_file(page: Page, place: Site) -> None:
    """From the repository's page to a pull request that is green."""
    web = next(one for one in place.github.world.repos if one.path == "acme/web")
    place.github.commit(web, "main", {"Makefile": b"test:\n\ttrue\n"}, "Tests")
    to_the_first_suite_file(page, place)
    expect(page.get_by_text("make test")).to_be_visible()
    page.get_by_role("link", name="Make the file on GitHub").click()
    page.get_by_label("Text").fill(FILES.format(image=busybox()).replace("exit 1", "exit 0"))
    page.get_by_role("button", name="Propose new file").click()
    wait_until(lambda: _words(place) == {"passed"}, 60, "the pull request did not become green")


def test_a_chosen_right_lets_the_app_open_the_pull_request_with_the_first_suite_file(
    page: Page, tmp_path: Path
) -> None:
    with site(tmp_path, has_app=False) as bare:
        web = bare.github.add_repository("acme/web", {"README.md": b"x"}, roles={"ana": "write"})
        page.goto(setting_up.make_link(bare.bot.app, "only-the-link-has-it", actor="test"))
        page.get_by_role("button", name="Begin the set-up").click()
        page.get_by_label("Let it open the pull request").check()
        set_up_the_app(page)
        bare.github.commit(web, "main", {"Makefile": b"test:\n\ttrue\n"}, "Tests")
        to_the_first_suite_file(page, bare)
        page.get_by_role("button", name="Open a pull request").click()
        expect(page.get_by_role("link", name=f"{bare.github.url}/acme/web/pull/1")).to_be_visible()
        (pull,) = bare.github.world.pulls
        assert (pull.head_ref, pull.author.login) == ("assay/first-suite-file", "assay[bot]")
        wait_until(
            lambda: {"assay", "assay / make"} <= {one.name for one in bare.github.check_runs(web, pull.head_sha)},
            30,
            "its own checks did not come",
        )


def set_up_the_app(page: Page) -> None:
    page.get_by_role("button", name="Make the App").click()
    page.get_by_role("button", name=re.compile("Go to 127.0.0.1")).click()
    page.get_by_role("button", name="Create GitHub App").click()
    page.get_by_role("link", name="Install the App").click()
    page.get_by_role("button", name="Install on acme").click()
    expect(page.get_by_text("acme: installed")).to_be_visible()


def to_the_first_suite_file(page: Page, place: Site) -> None:
    """As ana, from the repository's page."""
    wait_until(lambda: _knows(place, "acme/web"), 30, "the push was not heard")
    page.goto(f"{place.url}/repos/github/acme/web")
    page.get_by_role("link", name="sign in").click()
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="I am ana").click()
    page.get_by_role("link", name="Let one be proposed").click()


def _knows(place: Site, path: str) -> bool:
    with place.bot.app.work() as work:
        return any(one.path == path for one in work.repositories.known(10))


@pytest.fixture
def told(place: Site) -> World:
    """Hands that put runs into the server's store, so that no container is waited for."""
    return World(place.bot.app, FakeForge(), PrometheusTelemetry(), [], now=NOW)


def test_a_live_log_is_followed_to_its_end(chromium: Browser, place: Site, told: World) -> None:
    run = told.running(told.build(ref="live"))
    told.write(run, b"one\ntwo\n")
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{place.url}{told.page_of(run)}")
        expect(page.locator("#lines")).to_contain_text("two")
        told.write(run, b"three\n\x1b[31mfour\x1b[0m\n50 %\r100 %")
        expect(page.locator("#lines")).to_contain_text("four")
        expect(page.locator("#open")).to_contain_text("100 %")
        told.write(run, b"\n")
        told.end(run, exit_code=0)
        expect(page.locator("#state .verdict")).to_contain_text("passed")
        assert page.locator("#lines a[data-n]").all_inner_texts() == [""] * 5
        assert "four\n" in page.locator("#lines").inner_text()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_a_failing_test_leads_to_its_line(chromium: Browser, place: Site, told: World, *, has_scripts: bool) -> None:
    run = told.running(told.build(ref="red"))
    told.write(run, b"".join(b"line %d\n" % number for number in range(1, 5001)))
    failure = Failure(name="t::bad", message="no", log_line=4321)
    with told.app.work() as work:
        work.results.add(run, [Case(name="t::bad", outcome=Outcome.FAILED, message="no")])
        work.results.conclude(run, "", Results(failed=1, new=1, failures=(failure,)))
    told.end(run, RunState.FAILED, exit_code=1)
    with chromium.new_context(java_script_enabled=has_scripts) as context:
        page = context.new_page()
        page.goto(f"{place.url}{told.page_of(run)}")
        page.get_by_role("link", name="log line 4321").click()
        expect(page.locator("#L4321")).to_be_in_viewport()
        expect(page.locator("#L1")).not_to_be_in_viewport()


def looks_well(page: Page, url: str) -> None:
    """In light and dark, and on a phone nothing is wider than the screen."""
    page.goto(url)
    for scheme, rules in _SCHEMES.items():
        page.emulate_media(color_scheme=scheme)
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{url}, {scheme}: {found.generate_report()}"
    page.set_viewport_size({"width": PHONE, "height": 740})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE, f"{url} is {wide} wide"


PAGES: Final = (
    "/",
    "/b/{failed}",
    "/b/{failed}/unit",
    "/b/{waiting}",
    "/b/{failed}/unit/compare",
    "/repos/github/acme/web",
    "/repos/github/acme/web/-/settings",
    "/repos/github/acme/web/-/first-suite-file",
    "/repos/github/acme/web/-/flaky",
    "/approvals",
    "/admin/work",
    "/admin/repositories",
    "/admin/tokens",
    "/admin/notices",
    "/setup",
    "/audit",
    "/nothing",
)


def test_every_page_can_be_read_by_everybody(chromium: Browser, place: Site) -> None:
    numbers = {"failed": _build(place, is_change=False).id, "waiting": _build(place, is_change=True).id}
    with chromium.new_context() as context:
        looks_well(context.new_page(), f"{place.url}/sign-in")
        sign_in(context.new_page(), place)
        for path in PAGES:
            page = context.new_page()
            looks_well(page, f"{place.url}{path.format(**numbers)}")
            page.close()
