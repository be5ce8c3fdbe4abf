"""The paper's tables, run again: planned, trained, measured, collected and judged.

- :mod:`~lipkit.experiments.columns`: the tables as data (``tables.toml``).
- :mod:`~lipkit.experiments.plan`: which runs that means, by which settings and budget.
- :mod:`~lipkit.experiments.job`: one training run in a process of its own.
- :mod:`~lipkit.experiments.queue`: all runs, on this machine's GPUs or on any executor.
- :mod:`~lipkit.experiments.restarts`: which runs diverged, and what is trained in their place.
- :mod:`~lipkit.experiments.measure`: the whole runs on the tests.
- :mod:`~lipkit.experiments.effects`: differences of cells and how sure they are.
- :mod:`~lipkit.experiments.claims`, :mod:`~lipkit.experiments.verdicts`: what of the claims held,
  by a rule that was fixed before.
- :mod:`~lipkit.experiments.collect`, :mod:`~lipkit.experiments.pages`,
  :mod:`~lipkit.experiments.outcome`: all of it as CSV, JSON, Markdown and LaTeX.
- :mod:`~lipkit.experiments.stored`: results read back from their folder.

An experiment's folder::

    experiment.json              whose folder it is: table, settings, budget, data
    runs/e-seed0/                a run (lipkit.training.run_folder) with run.json and output.txt
    evaluation/TEST/             table.json and its kin (lipkit.evaluation)
    results.csv, results.json    a row for each test, cell, seed and metric; where they come from
    people.csv                   the same, person by person
    claims.json, claims.md       what held
    curves.csv                   the losses of every run, thinned
    table.md, table.tex          everything in one page
"""
