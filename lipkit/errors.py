"""The one exception family of the kit."""


class LipkitError(Exception):
    """Something a user can mend.

    The message is one line that names the file (or setting), what is wrong with it,
    and what to do. The command line prints that line and exits with code 1.
    """


class Diverged(LipkitError):
    """A training whose losses or weights are no longer finite: a repetition would end the same."""


class Interrupted(LipkitError):
    """Ctrl-C, after whatever was begun has been tidied up. The command line exits with code 130."""


class UsageError(LipkitError):
    """A name or value that was typed wrong. The command line exits with code 2.

    >>> raise UsageError("no such preset: 'tiney'; did you mean 'tiny'?")
    Traceback (most recent call last):
    lipkit.errors.UsageError: no such preset: 'tiney'; did you mean 'tiny'?
    """
