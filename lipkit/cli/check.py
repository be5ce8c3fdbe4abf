"""``lipkit check``."""

import typer


def check() -> None:
    """Report what this machine has and lacks.

    One line per item, OK or FAIL, with what to do. Exit code 1 when anything fails.

    Example: lipkit check
    """
    from lipkit.check import check as run_check

    items = run_check()
    for item in items:
        print(item)
    failed = sum(not item.ok for item in items)
    print(f"\n{failed} of {len(items)} items failed" if failed else "\nall is well")
    raise typer.Exit(1 if failed else 0)
