"""Free loopback ports, and the proof that a listener on one is the process we started."""

import socket
import sys
from pathlib import Path

LOOPBACK = "127.0.0.1"
TCP_LISTEN = "0A"
# Of /proc/net/tcp; each is filled up to it.
LINE_BYTES = 150


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
    """The sockets that listen on the port.

    The kernel lists listeners first, and only they are read, a line at a time: to find the others
    it walks a table for every connection there might be, tens of milliseconds each time.
    """
    inodes = set()
    with Path("/proc/net/tcp").open("rb", buffering=LINE_BYTES) as lines:
        next(lines)
        for line in lines:
            columns = line.decode().split()
            if columns[3] != TCP_LISTEN:
                break
            if int(columns[1].split(":")[1], 16) == port:
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
