"""What is known of learning on the toy family: nothing can be learned."""

from __future__ import annotations

from fractalman.families.laws import Laws
from fractalman.theory.laws.law import Law
from tests.families.toy_family.recipe import Line

LAWS = Laws[Line](
    law=lambda _, __: Law.none(
        "white noise",
        "labels are independent: the risk is 1",
        because="no label says anything of another",
        nearest="none",
        domain="independent labels",
    )
)
