"""The paper's tables, run again: planned, trained, measured, collected and judged.

- :mod:`~lipkit.experiments.columns`: Tab. 1 and Tab. 2 as data (``tables.toml``).
- :mod:`~lipkit.experiments.plan`: which runs that means, by which settings and budget.
- :mod:`~lipkit.experiments.job`: one training run in a process of its own.
- :mod:`~lipkit.experiments.queue`: all runs, on this machine's GPUs or on any executor.
- :mod:`~lipkit.experiments.measure`: the whole runs on the test splits.
- :mod:`~lipkit.experiments.claims`: what of the paper's claims held, by a stated rule.
- :mod:`~lipkit.experiments.collect`, :mod:`~lipkit.experiments.tables`,
  :mod:`~lipkit.experiments.report`: all of it as CSV, JSON, Markdown and LaTeX.

An experiment's folder::

    experiment.json              whose folder it is: table, settings, budget, data
    runs/e-seed0/                a run (lipkit.training.run_folder) with run.json and output.txt
    evaluation/SPLIT/            table.json and its kin (lipkit.evaluation)
    results.csv, results.json    a row per split, cell, seed and metric; where they come from
    claims.json, claims.md       what held
    curves.csv                   the losses of every run, thinned
    table.md, table.tex          everything in one page
"""
