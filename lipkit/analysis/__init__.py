"""Fig. 3: do the change of the sound and the motion of the lips correlate, and when?

- :mod:`~lipkit.analysis.series`: two series of a clip, by named formulas.
- :mod:`~lipkit.analysis.offsets`: r over a range of offsets; the sign convention.
- :mod:`~lipkit.analysis.statistics`: the null by re-paired clips, intervals, chi-square.
- :mod:`~lipkit.analysis.study`: all of it for a prepared set; written by
  :mod:`~lipkit.analysis.study_files`.
- :mod:`~lipkit.analysis.lead`: by how much the lips lead, one viseme class at a time.
"""
