"""What every script of ``data_scripts/`` does the same way."""

import argparse
import sys
from collections.abc import Callable

from lipkit.errors import Interrupted, LipkitError, UsageError


def parser(description: str) -> argparse.ArgumentParser:
    """A parser that shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def exit_code(action: Callable[[], None]) -> int:
    """Run ``action``; a fault becomes one line on standard error and an exit code.

    Returns
    -------
    0 when all went well, 1 for a :class:`LipkitError`, 2 for a :class:`UsageError`, 130 for
    Ctrl-C.
    """
    try:
        action()
    except LipkitError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, Interrupted):
            return 130
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print("stopped; start again to go on from here", file=sys.stderr)
        return 130
    return 0
