"""Where a stack keeps its files, also when the checkout lies in a folder other users cannot enter."""

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from config.devstack.processes import StackError, is_alive

CHECKOUT = Path(__file__).resolve().parents[2]
# PostgreSQL refuses to run as root; "nobody" exists on every Linux.
NOBODY = 65_534
ENTER_OTHERS = 0o001


def server_uid() -> int | None:
    """The user PostgreSQL must run as: nobody when we are root, else ourselves."""
    return NOBODY if os.geteuid() == 0 else None


def others_may_enter(folder: Path) -> bool:
    """Whether any user can walk down to ``folder``."""
    folder = folder.resolve()
    return all(step.stat().st_mode & ENTER_OTHERS for step in [folder, *folder.parents])


def open_ground() -> Path:
    """A folder for temporary files which the server's user can reach."""
    for name in (tempfile.gettempdir(), "/var/tmp", "/tmp"):  # noqa: S108 - sticky, own folders inside
        ground = Path(name)
        if ground.is_dir() and (server_uid() is None or others_may_enter(ground)):
            return ground
    raise StackError("neither the temporary folder nor /var/tmp can be entered by other users")


def durable_ground() -> Path:
    """As ``open_ground``, but kept over a reboot."""
    ground = Path("/var/tmp")  # noqa: S108 - own folders inside, owner checked
    return ground if ground.is_dir() and others_may_enter(ground) else open_ground()


def own_folder(folder: Path) -> Path:
    """Create ``folder`` (others may pass through, not look) or check that it is ours."""
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
        raise StackError(f"{folder} belongs to somebody else")
    folder.chmod(0o711)
    return folder


def server_folder(folder: Path) -> Path:
    """A 0700 folder that belongs to the server's user."""
    folder.mkdir(mode=0o700, exist_ok=True)
    uid = server_uid()
    if uid is not None:
        os.chown(folder, uid, uid)
    return folder


def outside(state: Path) -> Path:
    """The folder outside the checkout that belongs to the stack in ``state``."""
    digest = hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]
    return durable_ground() / f"sharemint-{os.geteuid()}-{digest}"


def session_folder(kind: str) -> Path:
    """A new folder for this process; folders of ended processes are swept first."""
    ground = open_ground()
    prefix = f"sharemint-{kind}-{os.geteuid()}-"
    for left in ground.glob(f"{prefix}*"):
        owner = left.name.removeprefix(prefix).split("-")[0]
        if owner.isdigit() and not is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{prefix}{os.getpid()}-", dir=ground))
    folder.chmod(0o711)
    return folder
