"""Thresholds of Z^2, Z^3 and Z^4 by crossing: where two sizes of a box are alike, p is critical.

Every cluster of a torus gets a random sign and m is the sum over sites. Given the sizes s, averaged over signs,
m² is S_2 = Σ s² and m⁴ is 3 S_2² − 2 S_4; Q = ⟨m²⟩²/⟨m⁴⟩ is Binder's ratio, 1/3 when all clusters are small and 1 when
one has everything. Between the two it rises the steeper the larger the box, and the curves of two sides cross near p_c.
"""

from __future__ import annotations

import numpy as np

from _long_tier.core import Outcome, count, family, jackknife, seed_range, settled
from fractalman import theory
from fractalman.families.lattice_percolation.box import Lattice

CASES = {
    (2, "bond"): ((64, 128, 256), 30),
    (2, "site"): ((64, 128, 256), 30),
    (3, "bond"): ((16, 32, 64), 12),
    (3, "site"): ((16, 32, 64), 20),
    (4, "bond"): ((6, 12, 24), 6),
    (4, "site"): ((6, 12, 24), 12),
}
"""Three sides, and boxes of the largest in a group; of the next 4 times, of the smallest 16 times as many."""
GROUPS = 100
OFF = np.array([-1.0, 0.0, 1.0])  # where p is tried, in units of a step


def binder(sums: np.ndarray) -> np.ndarray:
    """Q from sums of m² and m⁴ over boxes, (…, 2), times their number, which moves no crossing."""
    return sums[..., 0] ** 2 / sums[..., 1]


@family("lattice/threshold/d={0},{1}", *CASES)
def threshold(scale: float, dim: int, percolation: str) -> Outcome:
    """Where the Binder ratios of two tori cross, in units of p_c; controls: thresholds 2 % (d = 4: 5 %) less and more.

    Crossings of a side with its double move as side^−(1/ν + ω): for large sides they come nearer by a factor of 4 and
    more a doubling; by 1.8 for bonds in d = 4 at these sides, so that the allowance is a little short there. The larger
    two sides give the value, its distance from that of the smaller two is allowed for. Errors of .002 and .005 of p_c
    lie under the controls' .02 and .05.
    """
    sides, each = CASES[dim, percolation]
    each = count(scale, each, 2)
    constants = theory.lattice_constants(dim)
    critical = constants.site_threshold if percolation == "site" else constants.bond_threshold
    step = {2: 0.005, 3: 0.01, 4: 0.015}[dim]
    sums = np.zeros((GROUPS, 3, 3, 2))
    for k, side in enumerate(sides):
        boxes = 4 ** (2 - k)
        for i, s in enumerate(seed_range(GROUPS * each * boxes, 60 + k)):
            for j, off in enumerate(OFF):  # the same draw at every p
                box = Lattice((side,) * dim, percolation, critical * (1.0 + step * off), True, s)
                share = box.labelled().size / float(side) ** dim
                square = float(share @ share)
                fourth = 3.0 * square * square - 2.0 * float(share**2 @ share**2)
                sums[i % GROUPS, k, j] += np.array([square, fourth]) / boxes

    def crossing(total: np.ndarray) -> tuple[float, float]:
        ratio = binder(total)
        at = []
        for pair in (0, 1):
            slope, at_critical = np.polyfit(OFF, ratio[pair + 1] - ratio[pair], 1)
            at.append(1.0 - step * float(at_critical / slope))
        return settled(*at)

    found = jackknife(sums, crossing)
    low, high = (critical * (found.value + sign * 2 * np.hypot(found.error, found.allowance)) for sign in (-1, 1))
    remark = f"{found} of p_c; {low:.5f} … {high:.5f} holds {critical:.7g}"
    digit = 0.02 if dim < 4 else 0.05
    control = max(found.against(1.0 - digit), found.against(1.0 + digit))
    return Outcome(found.against(1.0), GROUPS * each, control, found.scores, remark)
