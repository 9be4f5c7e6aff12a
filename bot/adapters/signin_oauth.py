"""Signing in at GitHub and GitLab by Authlib."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.requests_client import OAuth2Session

from bot.domain.errors import ForgeUnavailable, Refused
from bot.domain.refs import Person

_SECONDS: Final = 10.0
_AGENT: Final = "assay-bot"
_MOST: Final = 2**63 - 1


def _github_person(facts: Mapping[str, Any]) -> tuple[object, object, bool]:
    return facts.get("id"), facts.get("login"), facts.get("type") == "Bot"


def _gitlab_person(facts: Mapping[str, Any]) -> tuple[object, object, bool]:
    return facts.get("id"), facts.get("username"), facts.get("bot") is True


class OAuthSignIn:
    """One registered client at one forge."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        authorize_url: str,
        token_url: str,
        user_url: str,
        scope: str,
        read: Callable[[Mapping[str, Any]], tuple[object, object, bool]],
    ) -> None:
        self._client = (client_id, client_secret)
        self._authorize_url, self._token_url, self._user_url = authorize_url, token_url, user_url
        self._scope = scope
        self._read = read

    def address(self, *, state: str, verifier: str, redirect: str) -> str:
        with self._session(redirect) as session:
            url, _ = session.create_authorization_url(self._authorize_url, state=state, code_verifier=verifier)
        return str(url)

    def person(self, *, code: str, verifier: str, redirect: str) -> Person:
        with self._session(redirect) as session:
            try:
                session.fetch_token(self._token_url, code=code, code_verifier=verifier, allow_redirects=False)
                answer = session.get(self._user_url, allow_redirects=False)
                facts = answer.json() if answer.status_code == 200 else None  # noqa: PLR2004  # OK
            except (AuthlibBaseError, ValueError) as error:
                raise Refused(f"the forge did not take the code: {type(error).__name__}") from error
            except requests.RequestException as error:
                raise ForgeUnavailable(f"the forge did not answer: {type(error).__name__}") from error
        if not isinstance(facts, dict):
            raise Refused("the forge did not say who that is")
        return self._person(facts)

    def _person(self, facts: Mapping[str, Any]) -> Person:
        number, login, is_bot = self._read(facts)
        if type(number) is not int or not 0 < number <= _MOST or not isinstance(login, str) or not login:
            raise Refused("the forge did not say who that is")
        return Person(number, login, is_bot)

    def _session(self, redirect: str) -> OAuth2Session:
        client_id, client_secret = self._client
        return OAuth2Session(
            client_id,
            client_secret,
            scope=self._scope,
            redirect_uri=redirect,
            code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_post",  # noqa: S106  # the name of a method
            default_timeout=_SECONDS,
        )


def github(url: str, api: str, client_id: str, client_secret: str) -> OAuthSignIn:
    """A GitHub App's or an OAuth app's client; it needs no scope to say who somebody is."""
    return OAuthSignIn(
        client_id=client_id,
        client_secret=client_secret,
        authorize_url=f"{url}/login/oauth/authorize",
        token_url=f"{url}/login/oauth/access_token",
        user_url=f"{api}/user",
        scope="",
        read=_github_person,
    )


def gitlab(url: str, client_id: str, client_secret: str) -> OAuthSignIn:
    """A GitLab application with the scope read_user."""
    return OAuthSignIn(
        client_id=client_id,
        client_secret=client_secret,
        authorize_url=f"{url}/oauth/authorize",
        token_url=f"{url}/oauth/token",
        user_url=f"{url}/api/v4/user",
        scope="read_user",
        read=_gitlab_person,
    )
