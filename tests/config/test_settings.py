"""The settings come from the environment, secrets have no default, and operators can read of each."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operations" / "production.md"
SECRETS = ("SECRET_KEY", "ENCRYPTION_KEYS", "API_KEY_PEPPER", "DATABASE_URL", "REDIS_URL")


def _read_by_the_settings():
    tree = ast.parse((ROOT / "config" / "settings.py").read_text())
    return {
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and re.fullmatch(r"env\.[a-z_]+", ast.unparse(node.func))
    }


def test_every_variable_of_the_settings_is_in_the_operators_table_and_no_other():
    environment = PAGE.read_text().split("\n## ")[1]
    rows = re.findall(r"^\| `([A-Z_]+)` \|", environment, re.MULTILINE)
    assert len(rows) == len(set(rows))
    assert set(rows) == _read_by_the_settings()


@pytest.mark.parametrize("name", SECRETS)
def test_a_deployment_without_a_secret_does_not_start(name):
    given = dict.fromkeys(SECRETS, "x") | {"DATABASE_URL": "postgres:///x"}
    given |= {"PATH": os.environ["PATH"], "SHAREMINT_DEVELOPMENT": "0"}
    del given[name]
    command = [sys.executable, "-c", "import config.settings"]
    done = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"Set the {name} environment variable" in done.stderr
