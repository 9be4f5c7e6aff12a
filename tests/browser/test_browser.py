"""What people do on the pages, in Chromium: without scripts wherever it must work; axe finds nothing to mend."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from bot.app import setting_up
from bot.demo.forge.hooks import wait_until
from bot.domain.runs import Build
from tests.browser.conftest import Site, site
from tests.images import busybox

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
_SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")


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
        yield made


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
    page.get_by_role("link", name="tokens").click()
    page.get_by_label("Name").fill("robot")
    page.get_by_role("button", name="Make a token").click()
    expect(page.get_by_text(re.compile(r"assay_\w+_"))).to_be_visible()
    page.get_by_role("button", name="Revoke robot").click()
    expect(page.get_by_role("row", name=re.compile("robot revoked"))).to_be_visible()


def test_a_forge_is_set_up_from_the_link_to_the_first_installation(
    page: Page, chromium: Browser, tmp_path: Path
) -> None:
    with site(tmp_path, has_app=False) as bare:
        bare.github.add_repository("acme/web", {"README.md": b"x"}, roles={"ana": "write"})
        page.goto(setting_up.make_link(bare.bot.app, "only-the-link-has-it", actor="test"))
        page.get_by_role("button", name="Begin the set-up").click()
        with chromium.new_context(storage_state=page.context.storage_state()) as seen:
            looks_well(seen.new_page(), f"{bare.url}/setup")
        page.get_by_role("button", name="Make the App").click()
        page.get_by_role("button", name=re.compile("Go to 127.0.0.1")).click()
        page.get_by_role("button", name="Create GitHub App").click()
        expect(page).to_have_url(f"{bare.url}/setup")
        page.get_by_role("link", name="Install the App").click()
        page.get_by_role("button", name="Install on acme").click()
        expect(page.get_by_text("acme: installed")).to_be_visible()
        assert [one.ok for one in bare.bot.app.forge(next(iter(bare.bot.app.forges))).examine()] == [True]
        first_suite_file(page, bare)


def first_suite_file(page: Page, place: Site) -> None:
    """From the repository's page to a pull request that is green."""
    web = next(one for one in place.github.world.repos if one.path == "acme/web")
    place.github.commit(web, "main", {"Makefile": b"test:\n\ttrue\n"}, "Tests")
    wait_until(lambda: _knows(place, "acme/web"), 30, "the push was not heard")
    page.goto(f"{place.url}/repos/github/acme/web")
    page.get_by_role("link", name="sign in").click()
    page.get_by_role("link", name="Sign in with GitHub").click()
    page.get_by_role("link", name="I am ana").click()
    page.get_by_role("link", name="Let one be proposed").click()
    expect(page.get_by_text("make test")).to_be_visible()
    page.get_by_role("link", name="Make the file on GitHub").click()
    page.get_by_label("Text").fill(FILES.format(image=busybox()).replace("exit 1", "exit 0"))
    page.get_by_role("button", name="Propose new file").click()
    wait_until(lambda: _words(place) == {"passed"}, 60, "the pull request did not become green")


def _knows(place: Site, path: str) -> bool:
    with place.bot.app.work() as work:
        return any(one.path == path for one in work.repositories.known(10))


def looks_well(page: Page, url: str) -> None:
    """In light and dark, and on a phone nothing is wider than the screen."""
    for scheme in _SCHEMES:
        page.emulate_media(color_scheme=scheme)
        page.goto(url)
        found = Axe().run(page)
        assert found.violations_count == 0, f"{url}, {scheme}: {found.generate_report()}"
    page.set_viewport_size({"width": PHONE, "height": 740})
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE, f"{url} is {wide} wide"


PAGES: Final = (
    "/",
    "/b/{failed}",
    "/b/{failed}/unit",
    "/b/{waiting}",
    "/repos/github/acme/web",
    "/approvals",
    "/admin/work",
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
