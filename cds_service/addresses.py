"""Web addresses compared by their parsed parts: scheme, lower-case host, port and path, never by prefix.

The ground that `tenants` (what is registered) and `egress` (where a packet may go) stand on.
"""

import re
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, unquote, urljoin, urlsplit

_ACCEPTABLE: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%|^{}\"<>`]+")
"""Printable ASCII without space and backslash; FHIR servers leave `|` and some others raw in links."""

_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]+")
_DEFAULT_PORT: Final = {"https": 443, "http": 80}
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class UnacceptableAddress(ValueError):
    """Not an address that we register or call; the message says what is wrong and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Address:
    """An absolute http or https address, taken apart; the host in lower case, the rest as it was written."""

    scheme: str
    host: str
    port: int
    path: str = ""
    query: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """What two addresses must share to be the same server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host, with the port where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORT[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether the name itself says: this machine."""
        return self.host in _LOOPBACK

    @property
    def target(self) -> str:
        """What stands in the request line."""
        return (self.path or "/") + (f"?{self.query}" if self.query else "")

    @property
    def text(self) -> str:
        """The whole address again."""
        return f"{self.scheme}://{self.authority}{self.path}" + (f"?{self.query}" if self.query else "")

    def covers(self, other: "Address") -> bool:
        """Whether the other is on the same server, at this path or under it."""
        base = self.path.rstrip("/")
        return self.origin == other.origin and (other.path == base or other.path.startswith(f"{base}/"))

    def under(self, *segments: str) -> "Address":
        """The address of something below this one; segments are escaped."""
        path = "/".join([self.path.rstrip("/"), *(quote(segment, safe="") for segment in segments)])
        return replace(self, path=path, query="")

    def asking(self, query: str) -> "Address":
        """This address with another query, escaped already."""
        return replace(self, query=query)


def parse_address(text: str) -> Address:
    """Take an absolute address apart.

    Raises UnacceptableAddress for other schemes, user info, fragments, a trailing dot of the host, dot
    segments (encoded too), backslashes, spaces, controls and letters outside ASCII.
    """
    if not _ACCEPTABLE.fullmatch(text):
        raise UnacceptableAddress("has characters that no address may have")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise UnacceptableAddress("cannot be taken apart") from error
    if parts.scheme not in _DEFAULT_PORT:
        raise UnacceptableAddress("is not https")
    if "@" in parts.netloc or "#" in text:
        raise UnacceptableAddress("carries user information or a fragment")
    if not _HOST.fullmatch(host) or port == 0:
        raise UnacceptableAddress("has no acceptable host")
    _refuse_dot_segments(parts.path)
    port = _DEFAULT_PORT[parts.scheme] if port is None else port
    return Address(parts.scheme, host, port, parts.path, parts.query)


def parse_registered(text: str, *, loopback: bool = False) -> Address:
    """An address that we may call: https, or http on this machine if `loopback`.

    Raises UnacceptableAddress.
    """
    found = parse_address(text)
    if found.scheme != "https" and not (loopback and found.is_loopback):
        raise UnacceptableAddress("is not https")
    return found


def parse_base(text: str, *, loopback: bool = False) -> Address:
    """A registered address that others lie under, without query and trailing slash.

    Raises UnacceptableAddress.
    """
    found = parse_registered(text, loopback=loopback)
    if found.query:
        raise UnacceptableAddress("carries a query")
    return replace(found, path=found.path.rstrip("/"))


def resolve_under(base: Address, reference: str) -> Address:
    """The address that a link (absolute, or relative to the base) points to, if the base covers it.

    Raises UnacceptableAddress where the link leaves the base.
    """
    if not _ACCEPTABLE.fullmatch(reference):
        raise UnacceptableAddress("has characters that no address may have")
    try:
        joined = urljoin(f"{base.text}/", reference)  # bases are registered without a trailing slash
    except ValueError as error:
        raise UnacceptableAddress("cannot be taken apart") from error
    found = parse_address(joined)
    if not base.covers(found):
        raise UnacceptableAddress("leaves the registered base")
    return found


def _refuse_dot_segments(path: str) -> None:
    for segment in path.split("/"):
        plain = unquote(segment)
        if plain in {".", ".."} or "/" in plain or "\\" in plain:
            raise UnacceptableAddress("has a path that climbs")
