"""Free loopback ports, and the proof that a listener on one is the process we started."""

import socket
import sys
from pathlib import Path

LOOPBACK = "127.0.0.1"
TCP_LISTEN = "0A"


def free_port() -> int:
    """A loopback port nobody listens on at this instant."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether somebody accepts connections on the loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[3] == TCP_LISTEN and int(columns[1].split(":")[1], 16) == port:
            inodes.add(f"socket:[{columns[9]}]")
    return inodes


def listens(pid: int, port: int) -> bool:
    """Whether process ``pid`` itself listens on ``port``.

    A server that failed to bind must not be mistaken for a stranger's on the same port. Where
    /proc does not exist, only the port is looked at.
    """
    if sys.platform != "linux":
        return answers(port)
    wanted = _listening_inodes(port)
    if not wanted:
        return False
    try:
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
        # A descriptor may be closed between the listing and the reading: then look again.
        return any(str(each.readlink()) in wanted for each in descriptors)
    except (FileNotFoundError, PermissionError):
        return False
