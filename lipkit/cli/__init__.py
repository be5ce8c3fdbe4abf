"""The command line: a file for each command, registered here.

Every command imports what it needs when it runs, so that help is fast.
"""

import errno
import functools
import os
import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lipkit import __version__
from lipkit.cli import (
    analyse,
    assignments,
    check,
    course,
    demo,
    evaluate,
    experiment,
    generate,
    prepare,
    run,
    streams,
    synth,
    train,
)
from lipkit.errors import Interrupted, LipkitError, UsageError

app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

DONE, FAILED, TYPED_WRONG, INTERRUPTED, UNREAD = 0, 1, 2, 130, 141
EXIT_CODES = {
    DONE: "done",
    FAILED: "something failed, or an item of `lipkit check` is missing; stderr says what",
    TYPED_WRONG: "typed wrong: an unknown command, option or setting; nothing was done",
    INTERRUPTED: "interrupted; the same command, typed again, continues",
    UNREAD: "whoever read the output, such as `head`, wanted no more of it",
}
"""What every command of the kit returns to the shell; the README has the same table."""
_ADDRESS = re.compile(r"(?:^|=)((?:https?|s?ftp|s3|gs)://.*)", re.DOTALL)

# The base class of all usage errors; typer itself does not export it.
_TyperFault = typer.BadParameter.__base__.__base__


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    streams.open_closed()
    sys.stdout = output = streams.Watched(sys.stdout)
    sys.stderr = streams.Forgiving(sys.stderr)
    try:
        code = run_command(sys.argv[1:] if arguments is None else arguments)
        output.flush()
    except (OSError, SystemExit):
        if output.fault is None:
            raise
        streams.leave_output()
        code = UNREAD
        if output.fault.errno != errno.EPIPE:  # `| head` has read enough: that is no fault
            reason = os.strerror(output.fault.errno)
            print(f"lipkit: standard output cannot be written: {reason}", file=sys.stderr)
            code = FAILED
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Run one command and return its exit code. Errors become one line on stderr."""
    streams.show_all_letters()
    try:
        _refuse_addresses(arguments)
        command = _commands()
        result = command(args=arguments or ["--help"], prog_name="lipkit", standalone_mode=False)
        code = result if isinstance(result, int) else DONE
    except LipkitError as error:
        print(f"lipkit: {getattr(error, 'screen', error)}", file=sys.stderr)
        return _code_of(error)
    except _TyperFault as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "lipkit")
        message = " ".join(error.format_message().split())
        print(f"lipkit: {message} (see {command} --help)", file=sys.stderr)
        return TYPED_WRONG
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    if code == INTERRUPTED:
        print("lipkit: interrupted; run the same command again to continue", file=sys.stderr)
    return code


def _code_of(error: LipkitError) -> int:
    if isinstance(error, Interrupted):
        return INTERRUPTED
    return TYPED_WRONG if isinstance(error, UsageError) else FAILED


@functools.cache
def _commands() -> Callable[..., Any]:
    """All commands with their options. Typer would read them anew from every signature."""
    return typer.main.get_command(app)


def _refuse_addresses(arguments: list[str]) -> None:
    """No command fetches what it is given; as a path an address would lose a slash."""
    for word in arguments:
        if found := _ADDRESS.search(word):
            raise UsageError(f"{found[1]}: is an address; download the file and give its path")


def _version(show: bool) -> None:
    if show:
        print(f"lipkit {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show and exit.")
    ] = False,
) -> None:
    """Learn, reproduce and audit 'Lip Movements Generation at a Glance' (ECCV 2018).

    Exit codes: 0 done, 1 something failed, 2 typed wrong, 130 interrupted.

    Example: lipkit check
    """


for command in (
    check.check,
    synth.synth,
    prepare.prepare,
    analyse.analyse,
    train.train,
    evaluate.evaluate,
    experiment.experiment,
    generate.generate,
    run.run,
    demo.demo,
    course.course,
):
    app.command()(command)
app.add_typer(assignments.app, name="assignments")
