"""./dev run: the whole stack with demo data, until somebody ends it."""

from config.devstack.supervisor import running_stack


def main(*, fresh: bool) -> int:
    with running_stack("run", keep=True, fresh=fresh) as stack:
        for line in stack.services.lines:
            print(line)
        stack.prepare()
        stack.start_programs()
        stack.watch()
    return 0
