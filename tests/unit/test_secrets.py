"""Secrets are written by the operator, kept sealed, and given to trusted runs that name them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.store_sql import SqlWork, open_engine
from bot.adapters.store_sql.tables import metadata
from bot.adapters.vault_fernet import FernetVault, new_key
from bot.app import secrets
from bot.app.suitefile import parse
from bot.domain.errors import BadInput, Gone, InvalidSuiteFile, Refused
from bot.domain.masking import masked
from bot.domain.refs import ForgeName, Repository
from bot.domain.runs import Trust
from bot.ports.store import UnitOfWork
from bot.ports.vault import Vault
from tests.contract.store_values import GITHUB, stored_repository

GITLAB = ForgeName("gitlab")
VALUE = "correct horse battery staple"


@dataclass
class Place:
    """A store with one repository, and a vault."""

    vault: Vault = field(default_factory=lambda: FernetVault([new_key()]))

    def __post_init__(self) -> None:
        self.engine: sa.Engine = open_engine("sqlite://")
        metadata.create_all(self.engine)
        with self.work() as work:
            self.repository: Repository = stored_repository(work)

    def work(self) -> UnitOfWork:
        return SqlWork(self.engine, _no_hints)

    def set(self, name: str = "TOKEN", value: str = VALUE) -> bool:
        return secrets.set_secret(self, self.repository, name, value, actor="ada")

    def granted(self, *names: str, trust: Trust = Trust.TRUSTED) -> secrets.Granted:
        return secrets.secrets_for(self, self.repository.id, names, trust)

    @property
    def audit(self) -> list[tuple[str, str, str]]:
        with self.work() as work:
            return [(one.actor, one.action, one.subject) for one in work.audit.recent(9, public_only=False)]


def _no_hints(task: object, *, delay: float = 0) -> None:
    raise AssertionError(f"nothing is to be done {delay} seconds later")


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.engine.dispose()


def test_a_trusted_run_gets_the_secrets_that_it_names(place: Place) -> None:
    place.set("TOKEN")
    place.set("OTHER", "not asked for")
    granted = place.granted("TOKEN", "MISSING")
    assert granted.values == {"TOKEN": VALUE}
    assert granted.missing == ("MISSING",)
    assert granted.notes == ("Not set in this repository, so left unset: MISSING",)


@pytest.mark.parametrize("trust", [one for one in Trust if one is not Trust.TRUSTED])
def test_any_other_run_gets_none_and_is_told(place: Place, trust: Trust) -> None:
    place.set()
    granted = place.granted("TOKEN", "MISSING", trust=trust)
    assert granted.values == {}
    assert granted.withheld == ("TOKEN", "MISSING")
    assert granted.notes == ("Secrets are not available to runs of forks; left unset: TOKEN, MISSING",)


def test_a_run_that_names_none_needs_nothing(place: Place) -> None:
    place.set()
    assert place.granted() == secrets.Granted()


def test_another_repository_s_secrets_are_out_of_reach(place: Place) -> None:
    place.set()
    with place.work() as work:
        other = stored_repository(work, forge_id=7002, path="eve/evil")
    assert secrets.secrets_for(place, other.id, ["TOKEN"], Trust.TRUSTED).missing == ("TOKEN",)


def test_a_secret_stays_with_its_repository_when_that_is_renamed(place: Place) -> None:
    place.set()
    with place.work() as work:
        renamed = stored_repository(work, path="Ada/Analytical-Engine")
    assert secrets.secrets_for(place, renamed.id, ["TOKEN"], Trust.TRUSTED).values == {"TOKEN": VALUE}


def test_nothing_readable_is_stored_or_printed(place: Place) -> None:
    place.set()
    with place.engine.connect() as connection:
        (row,) = connection.execute(sa.text("SELECT value FROM secret"))
    assert VALUE.encode() not in row.value
    assert VALUE not in repr(place.granted("TOKEN"))
    assert VALUE not in repr(secrets.list_secrets(place, place.repository.id))


def test_writing_and_removing_are_on_record(place: Place) -> None:
    assert place.set()
    assert not place.set(value="another value")
    secrets.remove_secret(place, place.repository, "TOKEN", actor="bob")
    assert place.granted("TOKEN").missing == ("TOKEN",)
    assert place.audit == [
        ("bob", "remove secret", "secret:TOKEN"),
        ("ada", "set secret", "secret:TOKEN"),
        ("ada", "set secret", "secret:TOKEN"),
    ]


def test_removing_what_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(Gone, match="Ada/Engine has no secret TOKEN"):
        secrets.remove_secret(place, place.repository, "TOKEN", actor="bob")
    assert place.audit == []


def test_the_list_has_names_dates_and_authors(place: Place) -> None:
    place.set("ZETA")
    place.set("ALPHA")
    first, second = secrets.list_secrets(place, place.repository.id)
    assert (first.name, second.name, first.actor) == ("ALPHA", "ZETA", "ada")
    assert 1_600_000_000 < first.created_at <= first.updated_at


@pytest.mark.parametrize("name", ["", "token", "1TOKEN", "_TOKEN", "TO-KEN", "TOKEN\n", "TÖKEN", "T" * 65, "A=B"])
def test_what_is_no_name_is_refused(place: Place, name: str) -> None:
    with pytest.raises(BadInput, match="capital letters"):
        place.set(name)


@pytest.mark.parametrize(
    "name", ["CI", "ASSAY_RUN_ID", "MATRIX_OS", "PATH", "LD_PRELOAD", "IFS", "GIT_SSH", "NO_PROXY"]
)
def test_names_that_mean_something_else_are_refused_as_in_the_suite_file(place: Place, name: str) -> None:
    with pytest.raises(BadInput, match=name):
        place.set(name)
    with pytest.raises(InvalidSuiteFile):
        parse_asking_for(name)


@given(st.from_regex(r"(?:GIT|LD|CI|ASSAY|HTTP|BASH|PS|MATRIX)[A-Z0-9_]{0,12}", fullmatch=True))
def test_a_secret_may_have_any_name_that_a_suite_may_ask_for(name: str) -> None:
    assert bool(secrets.fault_of_name(name)) == _is_refused_in_a_suite(name)


def parse_asking_for(name: str) -> None:
    text = f"suites:\n  unit:\n    image: busybox\n    run: 'true'\n    secrets: [{name}]\n"
    parse(".assay.yml", text.encode(), later=frozenset())


def _is_refused_in_a_suite(name: str) -> bool:
    try:
        parse_asking_for(name)
    except InvalidSuiteFile:
        return True
    return False


@pytest.mark.parametrize(
    "name", ["A", "T" * 64, "STRIPE_TEST_KEY", "GITHUB_TOKEN", "GIT_AUTHOR_NAME", "CI_TOKEN", "X1"]
)
def test_names_of_all_allowed_forms_are_taken(place: Place, name: str) -> None:
    assert place.set(name)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "less than 8"),
        ("1", "less than 8"),
        ("true", "less than 8"),
        ("1234567", "less than 8"),
        ("1234567\n", "less than 8"),
        ("  true        ", "less than 8"),
        ("\n\n\n\n\n\n\n\n\n\n", "less than 8"),
        ("short\nlines\nonly\n", "every line of the value has less than 8"),
        ("has a \0 in it", "NUL"),
        ("not text \udcff", "not valid text"),
        ("x" * (32 * 1024 + 1), "more than 32 KiB"),
        ("é" * (16 * 1024 + 1), "more than 32 KiB"),
    ],
)
def test_what_cannot_be_kept_or_masked_is_refused_without_showing_it(place: Place, value: str, words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        place.set("SECRET", value)
    assert value not in str(refused.value) or len(value) < 8
    assert place.granted("SECRET").missing == ("SECRET",)


@pytest.mark.parametrize(
    "value", ["12345678", "x" * 32 * 1024, "-----BEGIN KEY-----\nabc\n-----END KEY-----\n", "{\n}\nlong enough\n"]
)
def test_what_can_be_is_kept_exactly(place: Place, value: str) -> None:
    place.set(value=value)
    assert place.granted("TOKEN").values == {"TOKEN": value}


@given(st.text(max_size=40))
def test_whatever_is_accepted_is_masked_when_it_is_printed(value: str) -> None:
    assert secrets.fault_of_value(value) or value not in masked([value], f"<{value}>")


def test_after_a_rotation_the_old_key_is_not_needed(place: Place) -> None:
    old, new = new_key(), new_key()
    place.vault = FernetVault([old])
    place.set("ONE")
    place.set("TWO")
    place.vault = FernetVault([new, old])
    assert secrets.reseal(place) == secrets.Resealed(2, ())
    place.vault = FernetVault([new])
    assert place.granted("ONE", "TWO").values == {"ONE": VALUE, "TWO": VALUE}


def test_a_rotation_goes_on_past_what_no_key_opens(place: Place) -> None:
    place.set("LOST")
    place.vault = FernetVault([new_key()])
    place.set("KEPT")
    resealed = secrets.reseal(place)
    assert (resealed.done, [one.name for one in resealed.locked]) == (1, ["LOST"])


def test_a_secret_under_a_lost_key_is_refused_with_the_setting_named(place: Place) -> None:
    place.set()
    place.vault = FernetVault([new_key()])
    with pytest.raises(Refused, match="ASSAY_SECRET_KEY"):
        place.granted("TOKEN")


@pytest.mark.parametrize("text", ["Ada/Engine", "ada/engine", "github:ada/engine"])
def test_a_repository_is_found_by_its_name(place: Place, text: str) -> None:
    assert secrets.find_repository(place, text, [GITHUB, GITLAB]) == place.repository


@pytest.mark.parametrize("text", ["ada/other", "gitlab:ada/engine", "gitea:ada/engine", "", ":", "Engine"])
def test_a_repository_that_was_not_seen_is_told_so(place: Place, text: str) -> None:
    with pytest.raises(Gone, match="has not been seen yet"):
        secrets.find_repository(place, text, [GITHUB, GITLAB])


def test_a_name_on_two_forges_needs_its_forge(place: Place) -> None:
    with place.work() as work:
        other = stored_repository(work, forge=GITLAB)
    with pytest.raises(BadInput, match="could be github:Ada/Engine or gitlab:Ada/Engine"):
        secrets.find_repository(place, "ada/engine", [GITHUB, GITLAB])
    assert secrets.find_repository(place, "gitlab:ada/engine", [GITHUB, GITLAB]) == other
