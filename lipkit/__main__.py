"""``python -m lipkit`` is ``lipkit``; torchrun starts several such processes."""

from lipkit.cli import main

if __name__ == "__main__":
    main()
