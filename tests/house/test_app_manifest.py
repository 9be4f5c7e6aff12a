"""app.yml asks GitHub for exactly what the code uses (FORGES §1.2, §1.12)."""

import ast
import re
from typing import Any, Final

import yaml

from bot.adapters.forge_github import making
from bot.adapters.forge_github.auth import WRITING
from bot.adapters.forge_github.standing import NEEDED
from bot.adapters.forge_github.translation import SUBSCRIBED
from bot.demo.forge.app import EVENTS, PERMISSIONS
from tests.house.tree import BOT, ROOT, name_of, syntax

KEYS: Final = {
    "name",
    "url",
    "hook_attributes",
    "redirect_url",
    "callback_urls",
    "setup_url",
    "setup_on_update",
    "description",
    "public",
    "default_permissions",
    "default_events",
    "request_oauth_on_install",
}
EVENT_NEEDS: Final = {
    "check_run": ("checks", "write"),
    "check_suite": ("checks", "write"),
    "issue_comment": ("issues", "read"),
    "merge_group": ("merge_queues", "read"),
    "pull_request": ("pull_requests", "read"),
    "pull_request_review_comment": ("pull_requests", "read"),
    "push": ("contents", "read"),
    "repository": ("metadata", "read"),
}
"""Re-run buttons of checks need the right to write them."""
CALL_NEEDS: Final = {
    # Where the installation has it beyond what the App asks for (set-up offers it).
    r"/git/refs|/contents\{/path\*\}": None,
    # Where browsers go, there and back.
    r"/(?:organizations|settings/apps|sign-in|done|webhooks|installations|new)\b.*": None,
    # With a person's token.
    r"/(?:hooks|user)\b.*": None,
    # Reading them is part of writing them.
    r"/statuses\b.*|/commits/\{sha\}/statuses\b.*": ("statuses", "write"),
    r"/commits/\{sha\}/check-runs\b.*": ("checks", "read"),
    r"/check-runs\b.*": ("checks", "write"),
    r"/issues\b.*": ("issues", "write"),
    r"/pulls/comments/\{comment\}/reactions": ("pull_requests", "write"),
    r"/pulls\b.*": ("pull_requests", "read"),
    r"/(?:commits|contents|compare|git)\b.*": ("contents", "read"),
    r"/collaborators\b.*": ("metadata", "read"),
    r"/repositories/\{id\}|/repos\{/\w+\*\}": ("metadata", "read"),
    r"/app\b.*|/repos\{/path\*\}/installation|/rate_limit|/api/v3": None,
}
"""Addresses below a repository's and what an installation needs to call them; the last need nothing."""


def manifest() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "app.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def calls() -> list[str]:
    """The address templates in GitHub's adapter."""
    return sorted(
        {
            node.value
            for path in BOT
            if name_of(path).startswith("bot/adapters/forge_github/")
            for node in syntax(path)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"/[a-z]", node.value)
        }
    )


def need_of(call: str) -> tuple[str, str] | None:
    """Raises: StopIteration: nobody has said yet what the call needs."""
    return next(need for pattern, need in CALL_NEEDS.items() if re.fullmatch(pattern, call))


def test_it_has_only_keys_that_github_knows() -> None:
    assert manifest().keys() <= KEYS


def test_it_is_private_and_names_the_webhook() -> None:
    assert manifest()["public"] is False
    assert manifest()["hook_attributes"]["url"] == manifest()["url"] + "/webhooks/github"


def test_its_events_are_those_that_are_handled() -> None:
    assert manifest()["default_events"] == sorted(SUBSCRIBED)


def test_its_permissions_are_those_that_events_and_calls_need() -> None:
    # Reading comes before writing, so that of both the dictionary keeps writing, which includes it.
    needs = {EVENT_NEEDS[event] for event in SUBSCRIBED} | {need for call in calls() if (need := need_of(call))}
    assert manifest()["default_permissions"] == dict(sorted(needs)) == NEEDED


def test_writing_files_is_asked_for_by_choice_alone() -> None:
    usual, more = (making.manifest("Assay", "https://ci.example.org", writes_files=one) for one in (False, True))
    assert usual["default_permissions"] == NEEDED
    assert more == {**usual, "default_permissions": {**NEEDED, **WRITING}}


def test_the_pretend_forge_grants_no_more_than_it_asks_for() -> None:
    assert manifest()["default_permissions"] == PERMISSIONS
    assert manifest()["default_events"] == sorted(EVENTS)
