"""An operator's browser without the browser: signs in and posts the portal's action forms."""

import http.cookiejar
import re
import urllib.error
import urllib.request
from urllib.parse import urlencode, urlsplit

from config.devstack.scenario.api import ScenarioFailed

TIMEOUT_SECONDS = 30
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_REFUSED = re.compile(
    r'class="(?:portal-refusal|portal-field-error|errornote)".*?>(.*?)</(?:div|p)>', re.DOTALL
)
_TAGS = re.compile(r"<[^>]+>|\s+")
PAGE_SHOWN_MAX = 300


class Operator:
    """One person's session."""

    def __init__(self, portal_url: str, *, name: str, password: str) -> None:
        self.name = name
        self._root = portal_url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        landed, page = self._send(
            "login/", {"username": name, "password": password, "next": urlsplit(portal_url).path}
        )
        if "login" in urlsplit(landed).path:
            raise ScenarioFailed(f"{name} could not sign in: {_complaints(page)}")

    def act(self, path: str, action: str, **fields: str) -> str:
        """Do a service action on the object at ``path`` (``kyc/investor/<uuid>``).

        Returns the page that answers. Raises ScenarioFailed with its complaint when it refuses.
        """
        landed, page = self._send(f"{path}/do/{action}/", fields)
        shown_again = landed.endswith(f"/do/{action}/") and 'id="result-title"' not in page
        if shown_again or _REFUSED.search(page):
            raise ScenarioFailed(f"{self.name}: {action} on {path} refused: {_complaints(page)}")
        return page

    def refused(self, path: str, action: str, **fields: str) -> str:
        """Try an action that must be refused and return the complaint."""
        try:
            self.act(path, action, **fields)
        except ScenarioFailed as refusal:
            return str(refusal)
        raise ScenarioFailed(f"{self.name} was allowed to {action} on {path}")

    def _send(self, target: str, fields: dict[str, str]) -> tuple[str, str]:
        """Fetch the form, post it with its token, and return where we landed and the page."""
        url = self._root + target
        _, form = self._open(urllib.request.Request(url))  # noqa: S310 - our own loopback address
        token = _TOKEN.search(form)
        if token is None:
            raise ScenarioFailed(f"{url} shows no form to {self.name}: {_complaints(form)}")
        body = urlencode({**fields, "csrfmiddlewaretoken": token.group(1)}).encode()
        request = urllib.request.Request(url, body, {"Referer": url})  # noqa: S310 - as above
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> tuple[str, str]:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return response.geturl(), response.read().decode()
        except urllib.error.HTTPError as answer:
            page = answer.read().decode(errors="replace")
            # A refused action is shown on its page again, with the reason.
            if answer.code in (400, 409, 422):
                return answer.geturl() or request.full_url, page
            raise ScenarioFailed(
                f"{request.full_url} answered {answer.code} to {self.name}"
            ) from None


def _complaints(page: str) -> str:
    """What the page complains about, else the start of its text."""
    found = " ".join(_REFUSED.findall(page)) or page[page.find("<body") :]
    return _TAGS.sub(" ", found).strip()[:PAGE_SHOWN_MAX]
