"""The rules of the house that no linter can say: sizes, names, keyword-only services, atomic blocks."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager", "base"}
BUSINESS_WORDS = re.compile(
    r"\b(investors?|shares?|tokens?|mints?|minting|minted)\b", re.IGNORECASE
)
KEYWORD_ONLY = ("services", "queries", "ledger")
PRODUCT = {"core", "kyc", "custody", "issuance"}
_SQL_STATUS = re.compile(r"\bSET\b[^;]*\bstatus\s*=")


def _sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    paths = [ROOT / name for name in listed]
    return [path for path in paths if "migrations" not in path.parts and path.exists()]


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _long_functions(tree: ast.Module) -> list[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        f"{node.name} ({lines} lines)"
        for node in ast.walk(tree)
        if isinstance(node, functions)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def _positional_publics(tree: ast.Module) -> list[str]:
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and len(node.args.args) + len(node.args.posonlyargs) > 1
    ]


def _unnamed_atomics(tree: ast.Module) -> list[int]:
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("atomic"):
            if not {keyword.arg for keyword in node.keywords} & {"durable", "savepoint"}:
                found.append(node.lineno)
        elif isinstance(node, ast.FunctionDef):
            found += [d.lineno for d in node.decorator_list if ast.unparse(d).endswith("atomic")]
    return found


def _status_writes(tree: ast.Module) -> list[int]:
    """Lines that write a row's status, by attribute, by ``update()`` or by SQL."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Attribute(attr="status")]):
                found.append(node.lineno)
            case ast.Call(func=ast.Attribute(attr="update"), keywords=keywords):
                found += [node.lineno for each in keywords if each.arg == "status"]
            case ast.Constant(value=str(text)) if _SQL_STATUS.search(text):
                found.append(node.lineno)
    return found


def test_no_file_is_longer_than_its_reader_can_hold():
    long = {
        str(path.relative_to(ROOT)): count
        for path in _sources()
        if (count := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen():
    long = {
        str(path.relative_to(ROOT)): names
        for path in _sources()
        if (names := _long_functions(_tree(path)))
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing():
    named = [str(p.relative_to(ROOT)) for p in _sources() if p.stem in FORBIDDEN_NAMES]
    assert named == []


def test_services_queries_and_ledger_take_keywords_only():
    """One positional argument is allowed: the thing the function is about."""
    loose = {}
    for path in _sources():
        parts = path.relative_to(ROOT).with_suffix("").parts
        inside = parts[0] in {"kyc", "custody", "issuance"} and parts[1] in KEYWORD_ONLY
        if inside and (names := _positional_publics(_tree(path))):
            loose["/".join(parts)] = names
    assert loose == {}


def test_every_atomic_block_says_what_it_means():
    vague = {
        str(path.relative_to(ROOT)): lines
        for path in _sources()
        if "tests" not in path.parts and (lines := _unnamed_atomics(_tree(path)))
    }
    assert vague == {}


def test_core_knows_no_business_noun():
    spoken = {}
    for path in _sources():
        if path.relative_to(ROOT).parts[0] == "core":
            words = sorted({m.group(0).lower() for m in BUSINESS_WORDS.finditer(path.read_text())})
            if words:
                spoken[str(path.relative_to(ROOT))] = words
    assert spoken == {}


def test_statuses_are_written_by_move_alone():
    written = {
        str(path.relative_to(ROOT)): lines
        for path in _sources()
        if path.relative_to(ROOT).parts[0] in PRODUCT and (lines := _status_writes(_tree(path)))
    }
    assert written.keys() == {"core/transitions.py"}


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("def f(a, b):\n    pass\n", _positional_publics),
        ("with transaction.atomic():\n    pass\n", _unnamed_atomics),
        ("def f():\n" + "    x = 1\n" * 51, _long_functions),
        ("order.status = 'DONE'\n", _status_writes),
        ("rows.filter(pk=1).update(status='DONE')\n", _status_writes),
        ("cursor.execute('UPDATE t SET status = 1')\n", _status_writes),
    ],
)
def test_each_rule_sees_a_planted_violation(source, rule):
    assert rule(ast.parse(source))
