"""The addressed generator: reference vectors, references, golden digests, and a statistical battery with controls."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from exact_laws import REJECTED, THRESHOLD, chi_square
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fractalman._jit import kernel
from fractalman.errors import RecipeError
from fractalman.random import _draw_kernels, streams
from fractalman.random.constants import GAMMA
from fractalman.random.series import log64
from fractalman.random.streams import Role, Seeds, key64
from tests.reference import streams as plain

KEYS = [0, 1, 2**63, 2**64 - 1, key64(3, Role.LATENT, 7)]


def test_splitmix64_reference_vectors() -> None:
    """The published outputs of SplitMix64 for the states 0 and 1234567."""
    assert [hex(x) for x in streams.draws(0, 3)] == ["0xe220a8397b1dcdaf", "0x6e789e6aa1b965f4", "0x6c45d188009454f"]
    assert streams.draws(1234567, 5).tolist() == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@pytest.mark.parametrize("first", [0, 1, 2**40, 2**64 - 2])
def test_few_draws_are_those_of_the_kernel(first: int) -> None:
    """NumPy makes a few, so that whoever draws no more does without the compiler."""
    n = streams.FEW + 1
    compiled = np.empty(n, np.uint64)
    _draw_kernels.fill_draws(np.uint64(KEYS[3]), np.uint64(first), compiled)
    np.testing.assert_array_equal(streams.draws(KEYS[3], n - 1, first), compiled[:-1])
    np.testing.assert_array_equal(streams.draws(KEYS[3], n, first), compiled)


@pytest.mark.parametrize("key", KEYS)
def test_references_draw_the_same_bits(key: int) -> None:
    assert streams.draws(key, 50).tolist() == [plain.draw(key, c) for c in range(50)]
    assert streams.normals(key, 300).tolist() == [plain.draw_normal(key, c) for c in range(300)]
    keys, scratch = streams.draws(key, 300), np.empty((3, 300))
    _draw_kernels.first_normals(keys, scratch[0], scratch[1], np.empty(300, np.uint64), scratch[2])
    assert scratch[2].tolist() == [plain.draw_normal(int(k), 0) for k in keys]
    pairs = np.array([plain.normal_pair(key, c) for c in range(300)], np.float32).T
    np.testing.assert_array_equal(streams.normal_pairs(key, 300), pairs)
    assert streams.permutation(key, 40).tolist() == plain.permutation(key, 40)


def test_a_pair_of_normals_always_has_a_direction() -> None:
    """Once in 2^25 draws the radius rounds to 0, and a point of the plane whose direction that was had no place."""
    pair = streams.normal_pairs(12, 3, 14_410_486)
    assert 0.0 < np.hypot(*pair[:, 1].astype(np.float64)) < 1e-14
    expected = np.array([plain.normal_pair(12, 14_410_486 + i) for i in range(3)], np.float32).T
    np.testing.assert_array_equal(pair, expected)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(1, 2**62))
def test_bounded_integers_equal_their_reference_at_every_size(key: int, counter: int, n: int) -> None:
    """The 64×64-bit product is put together from halves; the reference multiplies big integers."""
    below = _below(np.uint64(key), np.uint64(counter), np.int64(n))
    assert int(below) == plain.draw_below(key, counter, n)
    assert 0 <= below < n


@pytest.mark.parametrize("n", [3, 2**31 + 1, 2**33 + 5, 2**62 - 1])
def test_bounded_integers_carry_as_their_reference(n: int) -> None:
    """Few of hypothesis' first examples are large on both sides, where the lower halves carry."""
    found = [_below(np.uint64(7), np.uint64(counter), np.int64(n)) for counter in range(100)]
    assert found == [plain.draw_below(7, counter, n) for counter in range(100)]


def _below(key: np.uint64, counter: np.uint64, n: np.int64) -> int:
    return int(_compiled_below(key, counter, n))


@kernel
def _compiled_below(key, counter, n):  # type: ignore[no-untyped-def]
    return _draw_kernels.draw_below(key, counter, n)


@kernel
def _compiled_log(x):  # type: ignore[no-untyped-def]
    return log64(x)


def test_logarithm_is_accurate() -> None:
    x = np.concatenate([np.geomspace(1e-300, 1e300, 4001), 1 + np.linspace(-0.3, 0.4, 2001)])
    ours = np.array([_compiled_log(v) for v in x])
    np.testing.assert_allclose(ours, np.log(x), rtol=4e-16, atol=4e-16)


@given(st.integers(0, 2**20), st.integers(0, 2**20))
def test_any_order_gives_the_same_draws(first: int, count: int) -> None:
    count = count % 200 + 1
    whole = streams.draws(key64(1, Role.PATH), count, first)
    halves = [streams.draws(key64(1, Role.PATH), count // 2, first)]
    halves.append(streams.draws(key64(1, Role.PATH), count - count // 2, first + count // 2))
    np.testing.assert_array_equal(whole, np.concatenate(halves))


def test_blocks_do_not_change_single_precision_normals() -> None:
    """Vector loops run in blocks of 256: no seam may show."""
    key = key64(5, Role.DIRECTION)
    whole = streams.normal_pairs(key, 1000)
    for first, n in ((0, 255), (255, 2), (257, 700), (999, 1)):
        np.testing.assert_array_equal(whole[:, first : first + n], streams.normal_pairs(key, n, first))


def test_golden_digests_per_role() -> None:
    """The stream is a contract: a change here needs a new STREAM_VERSION and a line in the CHANGELOG."""
    assert streams.STREAM_VERSION == 1
    digest = hashlib.blake2b(digest_size=16)
    first_day = [*range(1, 5), 16, 17, 32, 33, *range(48, 56)]  # later roles add streams and change none
    for role in map(Role, first_day):
        key = key64(20260101, role, 1, 2**40)
        for part in (
            np.array([key], "<u8"),
            streams.draws(key, 64).astype("<u8"),
            streams.normals(key, 64).astype("<f8"),
            streams.normal_pairs(key, 64).astype("<f4"),
            streams.permutation(key, 64).astype("<i8"),
        ):
            digest.update(part.tobytes())
    assert digest.hexdigest() == "2189316e546f5af44bfe85569f9f7440"
    assert len(Role.__members__) == len(Role)  # no number is used twice
    later = {"POSITION": 10, "ROTATION": 21, "NUISANCE": 22, "FRAME": 23, "FIELD": 37, "NOISE": 38}
    assert {name: int(Role[name]) for name in later} == later


def test_keys_differ_in_every_word() -> None:
    keys = {
        key64(seed, role, a, b) for seed in range(4) for role in list(Role)[:5] for a in range(12) for b in range(12)
    }
    assert len(keys) == 4 * 5 * 12 * 12
    assert key64(1, 2, 3) != key64(1, 3, 2)
    assert key64(0, 1) != key64(0, 1, 0)


@pytest.mark.parametrize("bad", [-1, 2**63, 1.0, "0", None, True])
def test_seeds_are_checked(bad: object) -> None:
    with pytest.raises(RecipeError, match="seed"):
        Seeds(geometry=bad)  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------------- statistics

M = 400_000


def _uniformity(u: np.ndarray) -> float:
    """The least of three p-values, times three: values, neighbours on a 16 × 16 board, runs of the lowest bit."""
    cells = np.bincount((u * 256).astype(int), minlength=256)
    board = np.bincount((u[0::2] * 16).astype(int) * 16 + (u[1::2] * 16).astype(int), minlength=256)
    bits = (u * 2**24).astype(np.int64) & 7
    low = np.bincount(bits[0::2] * 8 + bits[1::2], minlength=64)
    return 3 * min(
        chi_square(cells, np.full(256, 1 / 256)),
        chi_square(board, np.full(256, 1 / 256)),
        chi_square(low, np.full(64, 1 / 64)),
    )


def _uniform(draws: np.ndarray) -> np.ndarray:
    return (draws >> np.uint64(11)) * 2.0**-53


def test_draws_are_uniform() -> None:
    assert _uniformity(_uniform(streams.draws(key64(11, Role.PATH), M))) > THRESHOLD


def test_draws_across_neighbouring_keys_are_uniform() -> None:
    """The first draw of neighbouring seeds, addresses and roles is as good as the draws of one key."""
    by_seed = np.concatenate([streams.draws(key64(s, Role.PATH), 1) for s in range(20_000)])
    by_address = np.concatenate([streams.draws(key64(1, Role.PATH, a), 1) for a in range(20_000)])
    by_key = np.concatenate([streams.draws(k, 1) for k in range(0, 20_000 * 3, 3)])
    for draws in (by_seed, by_address, by_key):
        assert _uniformity(_uniform(draws)) > THRESHOLD


def test_control_a_counter_without_mixing_is_rejected() -> None:
    weyl = (np.arange(M, dtype=np.uint64) + np.uint64(1)) * np.uint64(GAMMA)
    assert _uniformity(_uniform(weyl)) < REJECTED


def test_normals_are_normal() -> None:
    for z in (
        streams.normals(key64(1, Role.LATENT), M),
        *streams.normal_pairs(key64(2, Role.DIRECTION), M).astype(np.float64),
    ):
        assert stats.kstest(z, "norm").pvalue > THRESHOLD
        tail = np.array([(np.abs(z) > t).sum() for t in (3.0, 3.5, 4.0)])
        expected = M * 2 * stats.norm.sf([3.0, 3.5, 4.0])
        assert (np.abs(tail - expected) < 5 * np.sqrt(expected)).all()


def test_pairs_and_neighbouring_keys_are_uncorrelated() -> None:
    left, right = streams.normal_pairs(key64(3, Role.DIRECTION), M).astype(np.float64)
    a, b = (streams.normals(key64(4, Role.LATENT, i), M) for i in (0, 1))
    for x, y in ((left, right), (left[1:], left[:-1]), (a, b), (a[1:], b[:-1]), (left**2, right**2)):
        assert stats.pearsonr(x, y).pvalue > THRESHOLD


def test_control_other_shapes_are_rejected() -> None:
    """The same tests reject a sum of three uniforms and a correlation of 2 %."""
    u = _uniform(streams.draws(9, 3 * M)).reshape(3, M)
    assert stats.kstest(2 * u.sum(axis=0) - 3, "norm").pvalue < REJECTED
    a, b = streams.normals(1, M), streams.normals(2, M)
    assert stats.pearsonr(a, b + 0.02 * a).pvalue < REJECTED


def test_permutations_are_uniform() -> None:
    from itertools import permutations

    index = {p: k for k, p in enumerate(permutations(range(4)))}
    counts = np.zeros(24)
    for s in range(24_000):
        counts[index[tuple(streams.permutation(key64(s, Role.ORDER), 4).tolist())]] += 1
    assert chi_square(counts, np.full(24, 1 / 24)) > THRESHOLD


def test_control_a_lazy_shuffle_is_rejected() -> None:
    """Swapping every place with any place gives 4^4 = 256 equally likely runs, which 24 does not divide."""
    from itertools import permutations

    index = {p: k for k, p in enumerate(permutations(range(4)))}
    counts = np.zeros(24)
    for s in range(24_000):
        out = list(range(4))
        for i in range(4):
            j = plain.draw_below(key64(s, Role.ORDER), i, 4)
            out[i], out[j] = out[j], out[i]
        counts[index[tuple(out)]] += 1
    assert chi_square(counts, np.full(24, 1 / 24)) < REJECTED
