"""Read notebooks without the grammar of addresses, which takes a second in every process.

jsonschema imports rfc3987_syntax for a check of addresses, which the format of notebooks never
asks for. Import this before nbformat; for nbval, which loads it first of all, there is
``-p tests.unchecked``.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)
