"""Ports that are free, and stay so while their server is down."""

import random
import socket
from typing import Final

_PORTS: Final = range(20_000, 32_000)
"""Below those that outgoing connections get: one of them could have ours while the process is down."""


def free_port() -> int:
    while True:
        number = random.choice(_PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.connect_ex(("127.0.0.1", number)):
                return number
