"""The only async code: webhooks, pages, live logs, REST. Knows use cases and ports, no technology of theirs."""
