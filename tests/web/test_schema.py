"""The OpenAPI document and the server tell the same, whatever comes in (by schemathesis)."""

from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bot.domain.tokens import Scope
from tests.web.conftest import MakeClient, World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES = 4
"""Of each operation."""


QUICK = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)


@pytest.mark.parametrize("mode", GenerationMode)
def test_the_server_keeps_to_its_document(world: World, make_client: MakeClient, mode: GenerationMode) -> None:
    client = make_client(call_burst=1e9)
    headers = {**world.token(*Scope), "host": "ci.example.org"}
    run = world.finished()
    world.leave(run, {"a.txt": b"kept"})
    there = {"id": run.id, "number": run.build, "path": "a.txt"}
    tried = 0

    def keeps(case: schemathesis.Case[Any], known: bool) -> None:
        nonlocal tried
        tried += 1
        if known and mode.is_positive:
            case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
        answer = case.call(headers=headers, base_url="http://ci.example.org")
        # 413 is as good a refusal as any.
        is_refused = answer.status_code == 413
        case.validate_response(
            answer, checks=[one for one in CHECKS if not (is_refused and one is negative_data_rejection)]
        )

    for found in schemathesis.openapi.from_asgi("/openapi.json", client.app).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        # For some no input is wrong.
        with suppress(Unsatisfiable):
            QUICK(given(case=operation.as_strategy(mode), known=st.booleans())(keeps))()
    assert tried > 20 * EXAMPLES
