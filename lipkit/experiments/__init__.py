"""The paper's tables, run again: planned, trained, measured, collected and judged.

- :mod:`~lipkit.experiments.columns`: Tab. 1 and Tab. 2 as data (``tables.toml``).
- :mod:`~lipkit.experiments.plan`: which runs that means, by which settings and budget.
- :mod:`~lipkit.experiments.job`: one training run in a process of its own.
- :mod:`~lipkit.experiments.queue`: all runs, on this machine's GPUs or on any executor.
- :mod:`~lipkit.experiments.collect`: the runs on the test splits, as rows with intervals.
- :mod:`~lipkit.experiments.claims`: what of the paper's claims held.
- :mod:`~lipkit.experiments.tables`: all of it as CSV, JSON, Markdown and LaTeX.
"""
