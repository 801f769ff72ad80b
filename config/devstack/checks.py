"""./dev test, lint and bench: other people's tools with our settings."""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from config.devstack import places
from config.devstack.processes import StackError

PYTHON = sys.executable
# Names under which tests/browser looks for the browser it drives.
BROWSERS = ("chromium", "google-chrome")
BROWSER_INSTALL = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")
BENCHES = places.CHECKOUT / "bench"

# What a deployment would set; nothing here is connected to, the checks only read settings.
DEPLOYMENT = {
    "DATABASE_URL": "postgres://sharemint@127.0.0.1:1/sharemint",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "CHAIN_RPC_URLS": "anvil=https://one.example https://two.example.org https://three.example.net",
    "CHAIN_IDS": "anvil=31337",
    "CHAIN_GAS_BUDGETS_WEI": "anvil=1000000000000000000",
    "ALLOWED_HOSTS": "sharemint.example",
    "PUBLIC_URL": "https://sharemint.example",
}


def _ruff(*arguments: str) -> list[str]:
    return [PYTHON, "-m", "ruff", *arguments]


def _manage(*arguments: str) -> list[str]:
    return [PYTHON, "-W", "ignore::RuntimeWarning", "manage.py", *arguments]


HOUSE_RULES = ("tests/test_house_rules.py",)
# bandit's rules are ruff's S rules, which also know our reasons for exceptions.
LINT: dict[str, list[str]] = {
    "ruff format": _ruff("format", "--check", "--quiet", "."),
    "ruff check": _ruff("check", "--quiet", "."),
    "mypy": [PYTHON, "-m", "mypy", "."],
    "import-linter": [str(Path(PYTHON).with_name("lint-imports")), "--no-cache"],
    "makemigrations": _manage("makemigrations", "--check", "--dry-run"),
    "check --deploy": _manage("check", "--deploy", "--fail-level", "WARNING"),
    "artefacts": [PYTHON, "-m", "issuance.chain.compile", "--check"],
    "slither": [PYTHON, "-m", "config.devstack.contract_checks", "slither"],
    "forge coverage": [PYTHON, "-m", "config.devstack.contract_checks", "coverage"],
    "house rules": [PYTHON, "-m", "pytest", "-q", "--ds=tests.settings", *HOUSE_RULES],
}


def _deployment() -> dict[str, str]:
    """An environment as a deployment has it, with secrets of this run only."""
    made = {
        "SECRET_KEY": base64.b64encode(os.urandom(48)).decode(),
        "API_KEY_PEPPER": base64.b64encode(os.urandom(48)).decode(),
        "ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }
    ours = DEPLOYMENT | made | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | ours


def lint() -> int:
    """Run every check, also after one failed, and say which did."""
    env, failed = _deployment(), []
    for name, command in LINT.items():
        began = time.monotonic()
        done = subprocess.run(
            command, cwd=places.CHECKOUT, env=env, capture_output=True, text=True, check=False
        )
        verdict = "ok" if done.returncode == 0 else "FAILED"
        print(f"{name:<16} {verdict:<7} {time.monotonic() - began:5.1f} s", flush=True)
        if done.returncode != 0:
            failed.append(name)
            print((done.stdout + done.stderr).strip(), flush=True)
    print(f"lint: {'ok' if not failed else 'failed: ' + ', '.join(failed)}")
    return 1 if failed else 0


def _need_browser() -> None:
    """Install the browser when we may, else say how: its tests are never skipped."""
    if not (places.CHECKOUT / "tests" / "browser").is_dir():
        return
    if any(shutil.which(name) for name in BROWSERS):
        return
    line = " ".join(BROWSER_INSTALL)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise StackError(f"the browser tests need Chromium; run: sudo {line}")
    print(f"Chromium is missing; running: {line}", flush=True)
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], [*BROWSER_INSTALL, "-qq"]):
        if subprocess.run(command, env=quiet, check=False).returncode != 0:
            raise StackError(f"Chromium could not be installed; run: sudo {line}")


def test(arguments: Sequence[str]) -> int:
    """Become pytest; it starts private servers itself (tests/settings.py).

    A whole run is spread over the cores, each with servers of its own.
    """
    _need_browser()
    if not arguments and "TEST_REDIS_URL" not in os.environ:
        # tests/conftest.py puts the long files first, and their order must be kept.
        arguments = ["--numprocesses", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    os.chdir(places.CHECKOUT)
    sys.stdout.flush()
    # pyproject.toml names the settings of tests; the variable would go before it.
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    os.execve(PYTHON, [PYTHON, "-m", "pytest", *arguments], env)  # noqa: S606 - no shell is wanted


def crash(arguments: Sequence[str]) -> int:
    """Run the campaign (package ``crash``) in a process of its own: it chooses its own settings."""
    env = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [PYTHON, "-m", "crash", *arguments]
    return subprocess.run(command, cwd=places.CHECKOUT, env=env, check=False).returncode


def bench(*, name: str | None, rows_path: str | None, arguments: Sequence[str] = ()) -> int:
    """Run the benchmarks below bench/; each file with a ``main()`` that takes --json is one.

    One benchmark writes its own document; several are one document whose rows name theirs.
    """
    files = sorted(BENCHES.glob("[a-z]*.py"))
    found = [path.stem for path in files if '"--json"' in path.read_text()]
    if not found:
        raise StackError("there are no benchmarks yet")
    if name is not None and name not in found:
        raise StackError(f"no benchmark is called {name}; there are: {', '.join(found)}")
    if arguments and name is None:
        raise StackError(f"{' '.join(arguments)} is for one benchmark; name it")
    if name is not None:
        return _bench(name, rows_path=rows_path, arguments=arguments)
    codes, rows = [], list[dict[str, object]]()
    with tempfile.TemporaryDirectory(prefix="sharemint-bench-") as folder:
        for each in found:
            path = Path(folder) / f"{each}.json"
            codes.append(_bench(each, rows_path=str(path), arguments=arguments))
            if path.exists():
                rows += [{"bench": each, **row} for row in json.loads(path.read_text())["rows"]]
    if rows_path:
        document = {"bench": " ".join(found), "rows": rows}
        Path(rows_path).write_text(json.dumps(document, indent=2) + "\n")
    return max(codes)


def _bench(name: str, *, rows_path: str | None, arguments: Sequence[str]) -> int:
    command = [PYTHON, "-m", f"bench.{name}", *(["--json", rows_path] if rows_path else [])]
    return subprocess.run([*command, *arguments], cwd=places.CHECKOUT, check=False).returncode
