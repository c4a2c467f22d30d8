"""Refuses an SQLite file on a network file system, where locks fail and commits may be lost (F-27).

Asked by `database` before it opens a file; reads the mount table of Linux, and knows nothing elsewhere.
"""

import re
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/self/mounts")
NETWORK: Final = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|ceph|lustre|gpfs|fuse\.(?:sshfs|glusterfs|s3fs|rclone|ceph)"
)
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


class OnNetwork(RuntimeError):
    """The database file would lie where SQLite cannot keep it whole; PostgreSQL is for several hosts."""


def refuse_network(file: Path, mounts: str | None = None) -> None:
    """Raises OnNetwork where the file's folder is mounted over a network. `mounts`: the mount table."""
    if mounts is None:
        mounts = MOUNTS.read_text("utf-8", errors="replace") if MOUNTS.exists() else ""
    kind = _kind(file.absolute(), mounts)
    if NETWORK.fullmatch(kind):
        raise OnNetwork(f"The database is on a network file system ({kind}): use a local disk or PostgreSQL.")


def _kind(file: Path, mounts: str) -> str:
    """The type of the file system of the deepest mount above a file; of two at one place the later covers."""
    found, depth = "", -1
    for line in mounts.splitlines():
        where, kind = line.split(" ")[1:3]
        place = Path(_ESCAPE.sub(lambda octal: chr(int(octal[1], 8)), where))
        if file.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = kind, len(place.parts)
    return found
