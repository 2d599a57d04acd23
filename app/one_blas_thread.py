"""Imported before numpy: its matrix library then computes on the calling thread, and starts no others.

OpenBLAS reads its variable once, as it is loaded. Its threads wait by spinning, at a start longer than all
imports take, and Antiphon's matrices are too small to be shared between them.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
