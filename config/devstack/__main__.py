"""The commands behind ./dev."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from config.devstack import checks
from config.devstack.processes import Interrupted, StackError

INTERRUPTED = 130
USAGE = 2


def _file(name: str) -> str:
    """A path as the caller meant it: ./dev itself has changed to the checkout."""
    return str(Path(os.environ.get("SHAREMINT_CALLED_FROM", ".")) / name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev", description="Sharemint on this machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo_parser = commands.add_parser("demo", help="the whole product once, from empty to redeemed")
    demo_parser.add_argument("--json", type=_file, metavar="FILE", help="write the summary here")
    run_parser = commands.add_parser("run", help="portal and API with demo data until Ctrl-C")
    run_parser.add_argument("--fresh", action="store_true", help="throw the former data away")
    commands.add_parser(
        "test", help="pytest on private servers; takes pytest's arguments", add_help=False
    )
    commands.add_parser(
        "crash",
        help="the pipeline in a storm, with a judge; crash --help lists its options",
        add_help=False,
    )
    commands.add_parser("lint", help="everything a reviewer should not have to say")
    bench_parser = commands.add_parser(
        "bench",
        help="measure against a named peer and the physical limit",
        epilog="bench chain also takes --seconds N, --rate N and --seed N.",
    )
    bench_parser.add_argument("name", nargs="?", help="chain, gas or ledger; without a name all")
    bench_parser.add_argument("--json", type=_file, metavar="FILE", help="write the rows here")
    return parser


def _dispatch(arguments: argparse.Namespace, rest: Sequence[str]) -> int:
    # Imported where needed: the chain library alone takes a second to load.
    match arguments.command:
        case "demo":
            from config.devstack import demo  # noqa: PLC0415 - see above

            return demo.main(summary_path=arguments.json)
        case "run":
            from config.devstack import run  # noqa: PLC0415 - see above

            return run.main(fresh=arguments.fresh)
        case "test":
            return checks.test(rest)
        case "crash":
            return checks.crash(rest)
        case "lint":
            return checks.lint()
        case _:
            return checks.bench(name=arguments.name, rows_path=arguments.json, arguments=rest)


def main() -> int:
    parser = _parser()
    if not sys.argv[1:]:
        parser.print_help(sys.stderr)
        return USAGE
    arguments, rest = parser.parse_known_args()
    if rest and arguments.command not in ("test", "crash", "bench"):
        parser.error(f"unknown: {' '.join(rest)}")
    try:
        return _dispatch(arguments, rest)
    except StackError as broken:
        print(f"\n./dev {arguments.command}: {broken}", file=sys.stderr)
        return 1
    except Interrupted as signal_name:
        print(f"./dev {arguments.command}: ended by {signal_name}", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
