"""One server for all tests of a file that steer it; each test has a change of its own."""

from collections.abc import Iterator

import pytest

from tests.faults.place import Place, place
from tests.steering import ADMIN, NOBODY, WRITER


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with place(tmp_path_factory.mktemp("steering")) as one:
        for login, role in ((WRITER, "write"), (ADMIN, "admin")):
            one.repo.roles[one.github.add_person(login).id] = role
        one.github.add_person(NOBODY)
        one.serve.start()
        yield one
