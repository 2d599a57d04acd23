"""Keeps the libraries that compute to one thread while a run is exported."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """Give torch and numpy one thread each, and afterwards as many as they had.

    The batches that are measured and proven are small: on a busy machine threads that wait for each other
    cost many times the work.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        torch.set_num_threads(threads)
