"""An operator's browser without the browser: signs in and posts the portal's action forms."""

import http.cookiejar
import re
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

from config.devstack.scenario.api import ScenarioFailed

TIMEOUT_SECONDS = 30
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_REFUSED = re.compile(
    r'class="(?:portal-refusal|portal-field-error|errornote)".*?>(.*?)</(?:div|p)>', re.DOTALL
)
_TAGS = re.compile(r"<[^>]+>|\s+")
PAGE_SHOWN_MAX = 300
_CODE = re.compile(r"Code <code>(\w+)</code>")
_BOUNDARY = "sharemint-form-boundary"


class PortalRefused(ScenarioFailed):
    """The portal showed a refusal, with the status and code the API would have given."""

    def __init__(self, text: str, *, status: int, code: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class _Page(NamedTuple):
    status: int
    url: str
    page: str


class Operator:
    """One person's session."""

    def __init__(self, portal_url: str, *, name: str, password: str) -> None:
        self.name = name
        self._root = portal_url
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)
        asked = {"username": name, "password": password, "next": urlsplit(portal_url).path}
        answer = self._send(f"{portal_url}login/", asked)
        if "login" in urlsplit(answer.url).path:
            raise ScenarioFailed(f"{name} could not sign in: {_complaints(answer.page)}")

    def act(self, path: str, action: str, *, file: bytes | None = None, **fields: str) -> None:
        """Do a service action on the object at ``path`` (``kyc/investor/<uuid>``).

        ``file`` is uploaded as the field of that name. Raises PortalRefused.
        """
        url = f"{self._root}{path}/do/{action}/"
        answer = self._send(url, fields, file=file)
        code = _CODE.search(answer.page)
        shown_again = (
            answer.url.endswith(f"/do/{action}/") and 'id="result-title"' not in answer.page
        )
        if shown_again or code is not None:
            raise PortalRefused(
                f"{self.name}: {action} on {path} refused: {_complaints(answer.page)}",
                status=answer.status,
                code=code.group(1) if code else "",
            )

    def refused(
        self, path: str, action: str, *, file: bytes | None = None, **fields: str
    ) -> PortalRefused:
        """Try an action that must be refused, and return the refusal."""
        try:
            self.act(path, action, file=file, **fields)
        except PortalRefused as refusal:
            return refusal
        raise ScenarioFailed(f"{self.name} was allowed to {action} on {path}")

    def choice(self, path: str, action: str, label: str) -> str:
        """The value behind an option of the action's form."""
        form = self._open(_request(f"{self._root}{path}/do/{action}/")).page
        found = re.search(rf'<option value="([^"]+)"[^>]*>{re.escape(label)}</option>', form)
        if found is None:
            raise ScenarioFailed(f"{action} offers no {label}")
        return found.group(1)

    def _send(self, url: str, fields: dict[str, str], *, file: bytes | None = None) -> _Page:
        """Fetch the form and post it with its token."""
        form = self._open(_request(url)).page
        token = _TOKEN.search(form)
        if token is None:
            raise ScenarioFailed(f"{url} shows no form to {self.name}: {_complaints(form)}")
        filled = {**fields, "csrfmiddlewaretoken": token.group(1)}
        if file is None:
            request = _request(url, urlencode(filled).encode())
        else:
            request = _request(url, _multipart(filled, file))
            request.add_header("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}")
        request.add_header("Referer", url)
        return self._open(request)

    def _open(self, request: urllib.request.Request) -> _Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                return _Page(response.status, response.geturl(), response.read().decode())
        except urllib.error.HTTPError as answer:
            page = answer.read().decode(errors="replace")
            # A refused action is shown on its page again, with the reason.
            if answer.code in (400, 409, 422):
                return _Page(answer.code, request.full_url, page)
            raise ScenarioFailed(
                f"{request.full_url} answered {answer.code} to {self.name}"
            ) from None


def _request(url: str, body: bytes | None = None) -> urllib.request.Request:
    return urllib.request.Request(url, body)  # noqa: S310 - our own loopback address


def _multipart(fields: dict[str, str], file: bytes) -> bytes:
    """The form with its one file, as browsers send it."""
    head = f"--{_BOUNDARY}\r\nContent-Disposition: form-data; name="
    parts = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    described = f'{head}"file"; filename="upload.csv"\r\nContent-Type: text/csv\r\n\r\n'
    return b"".join([*parts, described.encode(), file, f"\r\n--{_BOUNDARY}--\r\n".encode()])


def _complaints(page: str) -> str:
    """What the page complains about, else the start of its text."""
    found = " ".join(_REFUSED.findall(page)) or page[page.find("<body") :]
    return _TAGS.sub(" ", found).strip()[:PAGE_SHOWN_MAX]
