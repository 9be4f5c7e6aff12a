"""The web application as the settings make it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from bot.bootstrap import build
from bot.settings import Settings


@pytest.mark.parametrize(("address", "status"), [("10.0.0.1", 200), ("10.2.3.4", 200), ("10.3.0.1", 403)])
def test_the_headers_of_each_proxy_that_is_named_count(tmp_path: Path, address: str, status: int) -> None:
    """Set-up works over https alone, of which only the proxy knows."""
    settings = Settings(
        data_dir=tmp_path, workers=0, trusted_proxies="10.0.0.1,10.2.0.0/16", url="https://ci.example.org"
    )
    bot = build(settings, now=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    with TestClient(bot.asgi, base_url="http://ci.example.org", client=(address, 50000)) as client:
        found = client.get("/setup?link=x", headers={"x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.9"})
    bot.engine.dispose()
    assert found.status_code == status
