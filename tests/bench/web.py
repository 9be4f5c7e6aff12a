"""`python -m tests.bench.web`: the web alone, as where the workers are other processes; what comes in stays there."""

import uvicorn

from bot.bootstrap import build
from bot.cli.logs import configure_logs
from bot.settings import read


def main() -> None:
    settings = read()
    configure_logs(settings)
    host, port = settings.address
    asgi = build(settings).asgi
    uvicorn.run(asgi, host=host, port=port, log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
