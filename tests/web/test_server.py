"""What the server itself bounds, over a real socket."""

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from bot.cli.server import config_of
from bot.web.asgi import make_asgi
from tests.ports import free_port
from tests.web.conftest import World


@pytest.fixture
def address(world: World) -> Iterator[str]:
    """Of a server over that world, configured like `assay serve`."""
    port = free_port()
    server = uvicorn.Server(config_of(make_asgi(world.app, world.watch), "127.0.0.1", port))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_who_follows_a_log_and_talks_much_is_cut_off(world: World, address: str) -> None:
    """S121: else some hundred of them would fill the memory with messages that nobody wants."""
    run = world.running(world.build())
    with connect(f"ws://{address}/runs/{run.id}/logs", proxy=None) as socket:
        socket.send("hello")
        socket.send("x" * 20_000)
        with pytest.raises(ConnectionClosed) as caught:
            socket.recv(timeout=20)
    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1009
