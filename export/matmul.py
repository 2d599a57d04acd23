"""The matrix products of a recurrent step, in the two forms a bundle ships.

A product is prepared once in the outer graph (its constants) and then written into the body of a
Scan, where it refers to those constants by name.
"""

from collections.abc import Callable

from torch import Tensor

from export.graph import GraphBuilder

Write = Callable[[GraphBuilder, str, str], str]
"""`write(body, x, addend)` adds `x @ W + addend` to a body and returns its name."""
Product = Callable[[GraphBuilder, Tensor, str], Write]
"""`product(outer, W [K, N], stem)` prepares a product with the constant matrix W."""


def float_product(outer: GraphBuilder, weight: Tensor, stem: str) -> Write:
    """Prepare a float32 product."""
    name = outer.weight(weight, stem)

    def write(body: GraphBuilder, x: str, addend: str) -> str:
        return body.node("Gemm", x, name, addend)

    return write
